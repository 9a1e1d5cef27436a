"""The page of a trial: who follows the gap, and what harmless changes move."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from gengap.measures import Record
from gengap.ranking.trial import CHANGES, Trial
from gengap.report import Fact, Facts, Figure, Page, Section, Table, Text, charts
from gengap.tasks.trial.words import move_text

DRAWN = 12  # measures against the gap
_WIDTH, _BESIDE = 720, 50  # pixels: of all panels of a row, and of each for its axis
LARGEST = 3.0  # move at which the heat map's colour ends
EXPLAINED = (
    "Random labels: one recipe is trained to one loss on labels that are redrawn with probability 0 to 1. Kendall's "
    "tau is that of the measure, by its sign, with the true gap, beside the value that 95 % of permuted measures stay "
    "below: above it the measure follows the gap, below its negative it runs against it, between them it is blind.",
    "Harmless changes: the median move of a measure under the change, over the median difference between networks "
    "whose labels were corrupted at different levels, in logarithms where all values are above 0. 0: it stays. 1: the "
    "change, which leaves the test error about as it is, moves the measure as far as the gap does.",
    "Layers and units are rescaled by at most 2, which leaves the function of a ReLU network as it is; so does a "
    "permutation of units. The last five retrain, to the same training loss.",
)


def trial_page(trial: Trial, sentence: str, cautions: Sequence[str]) -> Page:
    """The page.

    Args:
        trial: The outcome.
        sentence: What it comes to.
        cautions: What limits it.
    """
    retrained = trial.networks[trial.networks["change"] == "as it was"]
    facts = [
        Fact("Networks", f"{len(trial.networks)}", f"on {trial.problem}"),
        Fact("Gap", f"{retrained['gap'].min():.0%} to {retrained['gap'].max():.0%}", "true to random labels"),
    ]
    many = len(trial.records) > 1
    figures = [figure for figure in (_against_gap(trial), _heat_map(trial.records) if many else None) if figure]
    titles = {"follows": 0, "opposes": 1, "blind": 2, "constant": 3, "no value": 4}
    ordered = sorted(trial.records, key=lambda record: (titles[record.verdict], -(record.tau or 0.0)))
    return Page(
        "Measures on trial" if many else f"{trial.records[0].name} on trial",
        sentence,
        [
            Section("In short", [Facts(facts), Text(tuple(cautions))]),
            Section(
                "Random labels and harmless changes", [_table([*ordered, trial.gap], trial.reasons), Text(EXPLAINED)]
            ),
            Section("Figures", figures),
        ],
    )


def _table(records: Sequence[Record], reasons: Mapping[str, str]) -> Table:
    shown = pd.DataFrame(
        [
            {
                "measure": record.name,
                "with the gap it": record.verdict,
                "tau": record.tau,
                "95 % of permuted": record.null,
                **{change: move_text(record.moves[change]) if change in record.moves else "–" for change in CHANGES},
                "note": reasons.get(record.name, "") if record.verdict == "no value" else "",
            }
            for record in records
        ]
    )
    return Table(shown, "Every measure, and the gap itself in the last row", {"tau": ".2f", "95 % of permuted": ".2f"})


def _against_gap(trial: Trial) -> Figure | None:
    known = [record for record in trial.records if record.tau is not None]
    names = [record.name for record in sorted(known, key=lambda record: -abs(record.tau or 0.0))][:DRAWN]
    rows = trial.networks[trial.networks["change"] == "as it was"]
    if not names:
        return None
    data = rows.melt(["level", "seed", "gap"], names, "measure", "value").dropna()
    axis = alt.Axis(tickCount=4, labelExpr=charts.TICKS)
    columns = min(len(names), 3)
    chart = (
        alt.Chart(data)
        .mark_circle(size=40, opacity=0.8)
        .encode(
            x=alt.X("value:Q", title=None, scale=alt.Scale(zero=False), axis=axis),
            y=alt.Y("gap:Q", title="gap", axis=alt.Axis(format=".0%")),
            color=alt.Color("level:N", title="labels redrawn"),
            tooltip=["measure", alt.Tooltip("value:Q", format=".4g"), alt.Tooltip("gap:Q", format=".1%"), "level"],
        )
        .properties(width=_WIDTH // columns - _BESIDE, height=150)
        .facet(alt.Facet("measure:N", title=None, sort=names), columns=columns)
        .resolve_scale(x="independent")
    )
    return Figure(
        "random-labels",
        chart,
        "Measures against the true gap as labels are corrupted, a point a network"
        + ("." if len(names) == len(known) else f"; the {DRAWN} with the strongest order."),
        f"Each of {', '.join(names)} against the gap.",
        data,
        {"value": ".4g", "gap": ".1%"},
    )


def _heat_map(records: Sequence[Record]) -> Figure | None:
    data = pd.DataFrame(
        [
            {"measure": record.name, "change": change, "move": ratio, "shown": min(ratio, LARGEST)}
            for record in records
            for change, ratio in record.moves.items()
            if ratio is not None
        ]
    )
    if data.empty:
        return None
    names = [record.name for record in sorted(records, key=_largest_move)]
    base = alt.Chart(data).encode(
        x=alt.X(
            "change:N",
            title=None,
            sort=list(CHANGES),
            axis=alt.Axis(labelAngle=-90, orient="top", labelLimit=0, labelOverlap=False),
        ),
        y=alt.Y("measure:N", title=None, sort=names, axis=alt.Axis(labelLimit=0, labelOverlap=False)),
    )
    scale = alt.Scale(scheme="orangered", domain=[0, LARGEST])
    cells = base.mark_rect().encode(
        color=alt.Color("shown:Q", scale=scale, title="move"),
        tooltip=["measure", "change", alt.Tooltip("move:Q", format=".2f")],
    )
    firm = names[0]
    return Figure(
        "harmless-changes",
        cells.properties(height=14 * data["measure"].nunique()),
        "How far harmless changes move each measure; 1 is as far as networks of different gaps differ, and colours "
        f"end at {LARGEST:g}.",
        f"Moves of {len(names)} measures under {len(CHANGES)} changes; the least fragile is {firm}.",
        data.drop(columns="shown"),
        {"move": ".2f"},
    )


def _largest_move(record: Record) -> float:
    return max((float("inf") if move is None else move for move in record.moves.values()), default=0.0)
