"""Figure 9 of Curth et al. 2023: double descent turns back against the effective number of parameters.

Claim: the curves of Belkin et al. 2019 join two axes of capacity. Along the first one the test loss falls and rises;
along the second one it falls again although parameters go on being added. Against the effective number of parameters
on the test points there is no second descent: that number falls along the second axis, and the loss with it.

Reported: no numbers; the figure is about the shape of the curves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gengap.studies.curth2023.curves import GRIDS, METHODS, N_EXAMPLES
from gengap.studies.rows import image_data, measured
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure, Table
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "curth2023/figure9"
PAPER = (
    "Curth, Jeffares and van der Schaar 2023, A U-turn on double descent: rethinking parameter counting in statistical "
    "learning, NeurIPS, arXiv:2310.18988v1"
)
SEEDS: dict[Scale, tuple[int, ...]] = {"smoke": (0,), "desk": (0, 1), "paper": (0, 1, 2)}
COLUMNS = (
    *("parameters", "train_parameters", "test_parameters"),
    *("train_loss", "test_loss", "train_error", "test_error"),
)
FALLEN = 0.9  # of the loss where the second axis begins: a loss that is at most so much has fallen again
RIPPLE = 0.02  # a rise or fall of so much of the loss is not one


@dataclass(frozen=True)
class Config:
    """One point of a curve."""

    scale: Scale
    method: str
    first: int  # features up to n, leaves of a tree, or rounds of boosting
    second: int  # features beyond n, trees, or ensembles
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """All curves, each along its first axis, then along its second."""
    return [
        Config(scale, method, *point, seed)
        for method in METHODS
        for seed in SEEDS[scale]
        for point in GRIDS[scale][method]
    ]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a point; the points of a curve share their work."""
    return measured(
        NAME, configs, COLUMNS, follow, options, together=lambda c: (c.method, c.seed), data=image_data("mnist")
    )


def follow(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of one curve."""
    from gengap.studies.curth2023.curves import curve, examples
    from gengap.sweep.threads import limited

    first = configs[0]
    grid = [(config.first, config.second) for config in configs]
    with limited(context.threads):
        rows = curve(first.method, grid, examples(first.scale), first.seed, context)
    return [{"status": "done", "reason": None} | row for row in rows]


def on_second_axis(row: Mapping[Any, Any]) -> bool:
    """Whether a point lies beyond the end of the first axis."""
    return bool(row["second"] > (0 if row["method"] == "random features" else 1))


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part

    parts = []
    for method in METHODS:
        own = [row for row in rows if row["method"] == method and not _beyond_float64(row)]
        for what, decide in (
            ("along the first axis the test loss falls, then rises", _falls_and_rises),
            ("along the second axis it falls again, as parameters are added", _falls_again),
            ("along the second axis the effective number on the test points falls", _effective_falls),
            ("along the second axis the test loss falls with the effective number", _falls_together),
        ):
            needed = ["test_loss", "test_parameters"]
            parts.append(claim_part(f"{method}: {what}", own, needed, decide, seeds_together=True))
    beyond = [row for row in rows if row["method"] == "random features" and on_second_axis(row)]
    what = "random features: along the second axis the effective number on the training points stays n"
    return [
        *parts,
        claim_part(what, beyond, ["train_parameters"], _training_stays, of_paper=False, seeds_together=True),
    ]


def _beyond_float64(row: Row) -> bool:
    """Whether a point was measured at N = n and has no loss, since its weights are beyond float64: it is left out."""
    at_threshold = row["method"] == "random features" and (row["first"], row["second"]) == (_examples(row), 0)
    return at_threshold and row.get("parameters") is not None and row.get("test_loss") is None


def _examples(row: Row) -> int:
    return N_EXAMPLES[row["scale"]]


def _curves(rows: Sequence[Row], *, second: bool, least: int) -> list[list[Row]]:
    """The points of one axis in the order in which capacity is added, for each seed.

    Raises:
        MissingRows: A seed has fewer points than ``least``, of which a fall or rise can be seen.
    """
    from gengap.verdicts import MissingRows

    axis = "second" if second else "first"
    curves = []
    for seed in sorted({row["seed"] for row in rows}):
        own = [row for row in rows if row["seed"] == seed and on_second_axis(row) == second]
        points = {(row["first"], row["second"]): row for row in own}
        if len(points) < least:
            raise MissingRows(f"seed {seed} has {len(points)} points along the {axis} axis, and {least} are needed")
        curves.append([points[point] for point in sorted(points)])
    return curves


_first = partial(_curves, second=False, least=3)
_second = partial(_curves, second=True, least=2)


def _falls_and_rises(rows: list[Row]) -> tuple[bool, str]:
    from gengap.verdicts import span

    losses = [[row["test_loss"] for row in curve] for curve in _first(rows)]
    holds = all(min(curve) < (1 - RIPPLE) * curve[0] and min(curve) < (1 - RIPPLE) * curve[-1] for curve in losses)
    ends = (span([curve[0] for curve in losses]), span([min(curve) for curve in losses]))
    return holds, f"{ends[0]} at the start, least {ends[1]}, {span([curve[-1] for curve in losses])} at the end"


def _falls_again(rows: list[Row]) -> tuple[bool, str]:
    from gengap.verdicts import span

    ends = [(curve[0]["test_loss"], curve[-1]["test_loss"]) for curve in _second(rows)]
    figures = f"{span([start for start, _ in ends])} where it begins, {span([end for _, end in ends])} at the end"
    return all(end <= FALLEN * start for start, end in ends), figures


def _effective_falls(rows: list[Row]) -> tuple[bool, str]:
    from gengap.verdicts import span

    numbers = [[row["test_parameters"] for row in curve] for curve in _second(rows)]
    holds = all(after < before for curve in numbers for before, after in pairwise(curve))
    holds &= all(curve[-1] < (1 - RIPPLE) * curve[0] for curve in numbers)
    figures = f"{span([curve[0] for curve in numbers])} where it begins, {span([curve[-1] for curve in numbers])}"
    return holds, figures + " at the end"


def _falls_together(rows: list[Row]) -> tuple[bool, str]:
    """Whether in order of the effective number no loss of the second axis is below an earlier one by more than 2 %."""
    worst = 0.0
    for curve in _second(rows):
        losses = [row["test_loss"] for row in sorted(curve, key=lambda row: float(row["test_parameters"]))]
        highest = losses[0]
        for loss in losses[1:]:
            worst = max(worst, (highest - loss) / highest)
            highest = max(highest, loss)
    return worst <= RIPPLE, f"in its order the loss never falls by more than {worst:.2%}"


def _training_stays(rows: list[Row]) -> tuple[bool, str]:
    from gengap.verdicts import span

    n = _examples(rows[0])
    numbers = [row["train_parameters"] for row in rows]
    return all(number == n for number in numbers), f"{span(numbers)} for n = {n:,}"


AXES = {"parameters": "parameters", "test_parameters": "effective, on test points"}
PARTS = ("first axis", "second axis")


def side_by_side(quantity: str, title: str, rows: "pd.DataFrame") -> "Figure | None":
    """A loss or error against the number of parameters and against the effective number, method by method."""
    import altair as alt
    import pandas as pd

    from gengap.report import Figure

    drawn = _drawn(rows[rows[quantity].notna() & rows["test_parameters"].notna()], quantity)
    if not drawn:
        return None
    frame = pd.DataFrame(drawn)
    percent = quantity.endswith("error")
    y = alt.Scale(type="linear", zero=True) if percent else alt.Scale(type="log", nice=False)
    counts = alt.Axis(format="~s", tickCount=4, labelFlush=False)
    base = alt.Chart(frame).encode(
        x=alt.X("capacity:Q", title=None, scale=alt.Scale(type="log", nice=False), axis=counts),
        y=alt.Y("value:Q", title=title, scale=y, axis=alt.Axis(format=".0%" if percent else "~g", tickCount=4)),
        tooltip=["method", "against", "part", "first", "second", "seed", "capacity", "value"],
    )
    lines = base.mark_line(strokeWidth=1.25, color="#7D7D7D").encode(detail="seed:N", order="step:Q")
    points = base.mark_point(filled=True, size=40, opacity=1).encode(
        color=alt.Color("part:N", scale=alt.Scale(domain=list(PARTS)), legend=alt.Legend(title=None)),
    )
    chart = (
        alt.layer(lines, points)
        .properties(width=235, height=140)
        .facet(
            column=alt.Column("against:N", title=None, sort=list(AXES.values())),
            row=alt.Row("method:N", title=None, sort=list(METHODS)),
        )
        .resolve_scale(x="independent", y="independent")
    )
    text = "; ".join(
        f"{r.method}, {r.first} and {r.second}: {r.value:.3g} at {r.capacity:.3g} {r.against}"
        for r in frame.itertuples()
    )
    return Figure(
        f"{quantity.replace('_', '-')}-by-two-counts",
        chart,
        f"{title[0].upper()}{title[1:]} of the same rules against the number of parameters (left) and against the "
        "effective number of parameters on the test points (right). The line joins points in the order in which "
        "capacity is added: along the first axis (features up to n, leaves of a tree, rounds of boosting), then along "
        "the second (features beyond n, trees, ensembles).",
        f"{text}.",
        frame.drop(columns="step"),
        {"value": ".4g", "capacity": ",.5g"},
    )


def _drawn(rows: "pd.DataFrame", quantity: str) -> list[dict[str, Any]]:
    """One record for each point and each of the two axes of capacity."""
    records = rows.to_dict("records")
    return [
        {name: row[name] for name in ("method", "first", "second", "seed")}
        | {
            "part": PARTS[on_second_axis(row)],
            "against": against,
            "capacity": row[column],
            "value": row[quantity],
            "step": step,
        }
        for column, against in AXES.items()
        for step, row in enumerate(records)
    ]


def table(rows: "pd.DataFrame") -> "Table":
    """All points."""
    from gengap.report import Table

    counts = dict.fromkeys(("parameters", "train_parameters", "test_parameters"), ",.5g")
    formats = counts | dict.fromkeys(("train_loss", "test_loss"), ".3g")
    formats |= dict.fromkeys(("train_error", "test_error"), ".2%")
    return Table(rows[["method", "first", "second", "seed", *COLUMNS]], "Points of the curves", formats)


@study
def curth2023_figure9() -> Study:
    """Figure 9."""
    return Study(
        name=NAME,
        artifact="Figure 9",
        claim=(
            "Double descent of random features, trees and boosting joins two axes of capacity; against the effective "
            "number of parameters on the test points, which falls along the second axis, the test loss has no second "
            "descent."
        ),
        paper=PAPER,
        differences=(
            "No copy of the paper was at hand; the setting is that of the authors' code.",
            "The examples are the first of MNIST's training set; the authors take as many of each class.",
            "Features have no column of ones beside them, and boosting fits one tree to all ten indicators in a round, "
            "where the authors boost each class by itself: so one set of weights serves all outputs.",
            "Losses are squared and summed over the ten outputs.",
            "Beyond n features the second axis is that of the least norm solution itself, which the authors describe "
            "by principal components; other sections through the two axes (their dotted lines) are left out.",
            "Features are float64; the authors' are float16 and are standardised before the principal components.",
            "Targets are 0 and 1; the authors centre them by 0.5 where they measure effective numbers of trees and of "
            "boosting. Weights of an ensemble are means of its members' as they are; the authors divide them by their "
            "sums over a row.",
            "Parameters of trees are leaves, those of boosting are rounds, over all ensembles.",
        ),
        scaled={
            "smoke": "100 of the embedded digits instead of 10,000 of MNIST, short curves.",
            "desk": "1,000 training and 2,000 test examples; features to 10,000, 50 trees, 100 rounds and 10 "
            "ensembles; two seeds.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about five minutes on one core (an estimate)",
            "paper": "about a day on two cores with 16 GB (an estimate)",
        },
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(
            partial(side_by_side, "test_loss", "squared test loss"),
            partial(side_by_side, "test_error", "test error"),
            table,
        ),
        check=check,
        seen_as="pixels divided by 255",
    )
