"""The page of a ranking: the table, a heat map by hyperparameter, scatters of the best measures."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from gengap.ranking import Grid
from gengap.report import PALETTE, Fact, Facts, Figure, Page, Section, Table, Text, charts
from gengap.tasks.rank.words import number

MOST_POINTS = 2_000  # in a scatter; more are thinned out evenly
MOST_NUMBERS = 100_000  # that the scatter of any measure brings along
EXPLAINED = (
    "Kendall's tau counts all pairs of networks; 1 means the same order as the gap, 0 none, -1 the reverse.",
    "Granulated tau takes only pairs that differ in one hyperparameter, and is the mean over hyperparameters, each "
    "with the same weight: what a measure knows of one of them, say the depth, counts for that one's share and no "
    "more. The map below has the part of each.",
    "Conditional information is the part of the gap's order that the measure's order explains when up to two "
    "hyperparameters are known; it is 0 for noise up to the bias of counting, which the permuted measure shows.",
    "The sign-error of an environment is the part of pairs, between two values of one hyperparameter, that the measure "
    "orders wrongly; a coin has 50%.",
)


def ranking_page(table: pd.DataFrame, grid: Grid, gap: str, sentence: str, cautions: Sequence[str]) -> Page:
    """The page.

    Args:
        table: What ``gengap.ranking.rank_measures`` returns.
        grid: The networks.
        gap: The gap's column.
        sentence: What it comes to.
        cautions: What limits the conclusions.
    """
    facts = [
        Fact("Networks", f"{len(grid):,}"),
        Fact("Settings", f"{grid.n_settings:,}"),
        Fact("Hyperparameters", ", ".join(f"{name} ({len(values)})" for name, values in grid.values.items())),
        Fact("Column of the gap", gap),
    ]
    parts = [_heat_map(table, grid), _worst(table), _scatter(table, grid, gap)]
    return Page(
        f"Which measure orders {len(grid):,} networks as their gaps do",
        sentence,
        [
            Section("In short", [Facts(facts), Text(tuple(cautions))]),
            Section("Every measure", [_table(table), Text(EXPLAINED)]),
            Section("By hyperparameter and environment", [part for part in parts if part is not None]),
        ],
    )


def _table(table: pd.DataFrame) -> Table:
    records = table.to_dict("records")
    shown = pd.DataFrame(
        {
            "measure": table["measure"],
            "granulated tau": [_with_interval(row, "granulated_tau") for row in records],
            "Kendall's tau": [_with_interval(row, "kendall_tau") for row in records],
            "information": table["cmi"],
            "of a permuted measure": table["cmi_null"],
            "worst sign-error": table["worst_sign_error"],
            "of environments": table["environments"],
            "mean sign-error": table["mean_sign_error"],
            "n": table["n"],
            "note": [row["reason"] or "" for row in records],
        }
    )
    formats = {"information": ".3f", "of a permuted measure": ".3f"}
    return Table(shown, "Every measure, the largest granulated tau first", formats | dict.fromkeys(_ERRORS, ".0%"))


_ERRORS = ("worst sign-error", "mean sign-error")


def _with_interval(row: Mapping[Any, Any], name: str) -> str:
    return number(row[name], row[f"{name}_low"], row[f"{name}_high"])


def _heat_map(table: pd.DataFrame, grid: Grid) -> Figure | None:
    data = pd.DataFrame(
        [
            {"measure": row["measure"], "hyperparameter": name, "psi": value}
            for row in table.to_dict("records")
            for name, value in row["psi"].items()
            if np.isfinite(value)
        ]
    )
    if data.empty:
        return None
    order = list(table["measure"])
    base = alt.Chart(data).encode(
        x=alt.X(
            "hyperparameter:N",
            title=None,
            sort=list(grid.levels),
            axis=alt.Axis(labelAngle=-90, orient="top", labelLimit=0, labelOverlap=False),
        ),
        y=alt.Y("measure:N", title=None, sort=order, axis=alt.Axis(labelLimit=0, labelOverlap=False)),
        tooltip=["measure", "hyperparameter", alt.Tooltip("psi:Q", format=".3f")],
    )
    scale = alt.Scale(domain=[-1, 0, 1], range=[PALETTE[1], "#f4f4f2", PALETTE[0]], interpolate="lab")
    cells = base.mark_rect().encode(
        color=alt.Color("psi:Q", title="agreement with the gap", scale=scale, legend=alt.Legend(format=".1f"))
    )
    ink = alt.when(alt.datum.psi**2 > 0.25).then(alt.value("white")).otherwise(alt.value("#1b1d21"))
    numbers = base.mark_text(fontSize=11).encode(text=alt.Text("psi:Q", format=".2f"), color=ink)
    best = table.iloc[0]
    return Figure(
        "granulated-tau-by-hyperparameter",
        (cells + numbers).properties(height=20 * data["measure"].nunique()),
        "Mean agreement of each measure with the gap over pairs that differ in one hyperparameter alone: 1 where it "
        "always rises with the gap, -1 where it always falls.",
        f"{best['measure']}, the first, has "
        + ", ".join(f"{value:.2f} along {name}" for name, value in best["psi"].items() if np.isfinite(value)),
        data,
        {"psi": ".2f"},
    )


def _worst(table: pd.DataFrame) -> Figure | None:
    rows = [
        {"measure": row["measure"], **environment, "pair": f"{environment['low']} against {environment['high']}"}
        for row in table.head(12).to_dict("records")
        for environment in row["sign_errors"]
    ]
    if not rows:
        return None
    data = pd.DataFrame(rows)[["measure", "hyperparameter", "pair", "error", "effective"]]
    base = alt.Chart(data).encode(y=alt.Y("measure:N", title=None, sort=list(table["measure"].head(12))))
    ticks = base.mark_tick(thickness=2, size=14, opacity=1).encode(
        x=alt.X("error:Q", title="sign-error", axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1])),
        color=alt.Color("hyperparameter:N", legend=alt.Legend(title=None)),
        tooltip=["measure", "hyperparameter", "pair", alt.Tooltip("error:Q", format=".1%")],
    )
    coin = alt.Chart(pd.DataFrame({"error": [0.5]})).mark_rule(strokeDash=[4, 4]).encode(x="error:Q")
    worst = max(rows, key=lambda row: row["error"])
    return Figure(
        "sign-errors",
        (coin + ticks).properties(height=22 * data["measure"].nunique()),
        "Sign-errors of the twelve best measures, a stroke for each environment. The dashed line is a coin.",
        f"The largest is {worst['error']:.0%}, of {worst['measure']} on {worst['hyperparameter']}.",
        data,
        {"error": ".1%", "effective": ".0f"},
    )


def _scatter(table: pd.DataFrame, grid: Grid, gap: str) -> Figure | None:
    """Any measure against the gap: the best one, and every other one by choice where the page is read in a browser."""
    names = [name for name in table["measure"] if np.isfinite(grid.measures[name]).any()]
    if not names:
        return None
    most = min(MOST_POINTS, max(MOST_NUMBERS // len(names), 1))
    chosen = np.linspace(0, len(grid) - 1, min(len(grid), most)).round().astype(int)
    hue = next(iter(grid.levels))
    columns = {f"m{k}": grid.measures[name][chosen] for k, name in enumerate(names)}  # names may hold dots and brackets
    data = pd.DataFrame(
        {
            "gap": grid.gap[chosen],
            "hue": [str(grid.values[hue][level]) for level in grid.levels[hue][chosen]],
            **columns,
        }
    )
    menu = alt.param(
        "measure", value="m0", bind=alt.binding_select(options=list(columns), labels=names, name="measure: ")
    )
    axis = alt.Axis(tickCount=6, labelExpr=charts.TICKS)
    chart = (
        alt.Chart(data)
        .mark_circle(size=36, opacity=0.9)
        .transform_calculate(value="datum[measure]")
        .transform_filter("isValid(datum.value)")
        .encode(
            x=alt.X("value:Q", title=None, scale=alt.Scale(zero=False), axis=axis),
            y=alt.Y("gap:Q", title=gap, scale=alt.Scale(zero=False)),
            color=alt.Color("hue:N", title=hue, sort=[str(value) for value in grid.values[hue]]),
            tooltip=[alt.Tooltip("value:Q", format=".4g"), alt.Tooltip("gap:Q", title=gap, format=".4g"), "hue:N"],
        )
        .properties(height=300)
        .add_params(menu)
    )
    thinned = "" if len(chosen) == len(grid) else f" {len(chosen):,} of {len(grid):,} networks, evenly spaced."
    shown = data[["gap", "hue", "m0"]].rename(columns={"gap": gap, "hue": hue, "m0": names[0]})
    return Figure(
        "measure-against-gap",
        chart,
        f"{names[0]} against the gap, a point a network, coloured by {hue}; the menu has every other measure.{thinned}",
        f"{names[0]} against {gap}.",
        shown.loc[:, ~shown.columns.duplicated()],
        dict.fromkeys((names[0], gap), ".4g"),
    )
