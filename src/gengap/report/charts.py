"""Charts as pure functions of tidy data: ours in solid lines, a paper's in dashed ones."""

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from gengap.report.plain import PERCENT

OURS, PAPER = "this run", "paper"
# Ticks of quantities of any size: 0.02, 2.285, 12k, 5e-5.
TICKS = (
    "format(datum.value, abs(datum.value) >= 1000 ? '~s' : datum.value == 0 || abs(datum.value) >= 0.001 ? '~r' : '~e')"
)
LEVELS = alt.Axis(format=".1f", values=[tenth / 10 for tenth in range(11)], labelFlush=False)


def learning_curves(points: pd.DataFrame, colours: Mapping[str, str], steps_per_epoch: float | None) -> Any:
    """Training loss against training steps, one line a condition and seed, with a cross where a run diverged.

    Args:
        points: Columns ``condition``, ``source``, ``seed``, ``epoch``, ``steps``, ``train_loss``, and ``diverged``,
            true at the last finite point of a run that diverged.
        colours: Condition -> colour, in the legend's order.
        steps_per_epoch: Writes epochs below the steps; None where they differ between the runs.

    Where a run does not tell its steps, epochs stand in their place.
    """
    along = "epoch" if points["steps"].isna().any() else "steps"
    highlight = alt.selection_point(fields=["condition"], bind="legend")
    axis, title = alt.Axis(format="~s", tickCount=6), "training steps" if along == "steps" else "epochs"
    if steps_per_epoch and along == "steps":
        epochs = f"format(datum.value / {steps_per_epoch}, '.0f')"
        axis = alt.Axis(labelExpr=f"[format(datum.value, '~s'), {epochs}]", tickCount=6, labelOverlap="greedy")
        title = "training steps (epochs below)"
    ceiling = _ceiling(points)
    base = alt.Chart(points.assign(shown=points["train_loss"].clip(upper=ceiling))).encode(
        x=alt.X(f"{along}:Q", title=title, axis=axis),
        y=alt.Y("shown:Q", title="training loss", axis=alt.Axis(tickCount=6), scale=alt.Scale(domain=[0, ceiling])),
        color=_colour("condition", colours),
        opacity=alt.when(highlight).then(alt.value(1.0)).otherwise(alt.value(0.12)),
    )
    tooltip = [
        "condition",
        "source",
        "seed",
        *dict.fromkeys(("epoch", along)),
        alt.Tooltip("train_loss:Q", format=".4f"),
    ]
    several = points["seed"].nunique() > 1
    lines = base.mark_line(strokeWidth=1.5 if several else 2.25).encode(
        detail="seed:N", strokeDash=_dash(points), tooltip=tooltip
    )
    layers = [lines]
    if points["diverged"].any():
        cross = base.mark_point(shape="cross", angle=45, filled=True, size=110).encode(tooltip=tooltip)
        layers.append(cross.transform_filter("datum.diverged"))
    return alt.layer(*layers).add_params(highlight).properties(height=320)


def marked_by_convergence(base: alt.Chart, states: pd.Series) -> Any:
    """Points of a chart: circles, and crosses where the column ``state`` says ``not converged``.

    Args:
        base: A chart whose data have the column.
        states: The column; with one state alone there is no legend.
    """
    marks = alt.Scale(domain=["converged", "not converged"], range=["circle", "cross"])
    legend = alt.Legend(title=None) if states.nunique() > 1 else None
    return base.mark_point(filled=True, opacity=1).encode(shape=alt.Shape("state:N", scale=marks, legend=legend))


def by_level(
    points: pd.DataFrame, colours: Mapping[str, str], title: str, form: str, reference: tuple[float, str] | None = None
) -> Any:
    """One quantity against the level of label corruption: means with a bar from smallest to largest seed.

    Args:
        points: Columns ``model``, ``source``, ``level``, ``mean``, ``low``, ``high``, ``n``, and ``at_least``, true
            where the value is only a lower limit (drawn as a triangle, not joined to the line).
        colours: Model -> colour.
        title: What is measured, on the vertical axis.
        form: Format of its numbers, e.g. ``".0%"``.
        reference: A value to draw a horizontal line at, and its name.
    """
    base = alt.Chart(points).encode(
        x=alt.X("level:Q", title="label corruption", scale=alt.Scale(domain=[0, 1]), axis=LEVELS),
        y=alt.Y("mean:Q", title=title, axis=alt.Axis(format=form, tickCount=6), scale=alt.Scale(zero=True, nice=True)),
        color=_colour("model", colours),
        tooltip=[
            "model",
            "source",
            "level",
            *(alt.Tooltip(f"{c}:Q", format=".4~f") for c in ("mean", "low", "high")),
            "n",
        ],
    )
    known = base.transform_filter("!datum.at_least")
    layers: list[Any] = [
        known.mark_line().encode(strokeDash=_dash(points)),
        known.mark_rule(strokeWidth=2).encode(y="low:Q", y2="high:Q"),
        known.transform_filter(f"datum.source == '{OURS}'").mark_point(filled=True, opacity=1),
    ]
    if points["at_least"].any():
        limits = base.transform_filter("datum.at_least")
        layers.append(limits.mark_point(shape="triangle-up", size=90, strokeWidth=2))
    if reference is not None:
        layers = [*_reference(*reference), *layers]
    return alt.layer(*layers).properties(height=300)


def gaps(points: pd.DataFrame, colours: Mapping[str, str], chance_error: float | None) -> Any:
    """Training and test error of each condition on one axis, the gap between them as a bar.

    Args:
        points: Columns ``condition``, ``train_error``, ``test_error``, ``low``, ``high`` (of the test error), ``n``.
        colours: Condition -> colour, in the order from top to bottom.
        chance_error: 1 - 1/C, drawn as a line; None where unknown.
    """
    errors = ["train_error", "test_error", "low", "high"]
    base = alt.Chart(points).encode(
        y=alt.Y("condition:N", title=None, sort=list(colours), axis=alt.Axis(grid=True, labelLimit=170)),
        color=_colour("condition", colours, legend=False),
        tooltip=["condition", *(alt.Tooltip(f"{name}:Q", format=PERCENT) for name in errors), "n"],
    )
    axis = alt.Axis(format="%", tickCount=6)
    x = alt.X("train_error:Q", title="error: ○ training, ● test", axis=axis, scale=alt.Scale(domain=[0, 1]))
    layers: list[Any] = [
        base.mark_rule(strokeWidth=5, opacity=0.35).encode(x=x, x2="test_error:Q"),
        base.mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q"),
        base.mark_point(size=80, strokeWidth=2).encode(x="train_error:Q"),
        base.mark_point(size=80, filled=True, opacity=1).encode(x="test_error:Q"),
    ]
    if chance_error is not None:
        layers.insert(0, _rule("x", chance_error))
    return alt.layer(*layers).properties(height=34 * len(points) + 10)


def _colour(field: str, colours: Mapping[str, str], *, legend: bool = True) -> alt.Color:
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    shown = alt.Legend(title=None) if legend and len(colours) > 1 else None
    return alt.Color(f"{field}:N", scale=scale, legend=shown, sort=list(colours))


def _dash(points: pd.DataFrame) -> alt.StrokeDash:
    scale = alt.Scale(domain=[OURS, PAPER], range=[[1, 0], [5, 4]])
    return alt.StrokeDash(
        "source:N", scale=scale, legend=alt.Legend(title=None) if PAPER in set(points["source"]) else None
    )


def _ceiling(points: pd.DataFrame) -> float:
    """The largest loss shown: a diverging run may stop at the upper edge, all others stay inside."""
    run = points.groupby(["condition", "source", "seed"], dropna=False)
    healthy = points.loc[~run["diverged"].transform("any"), "train_loss"]
    usual = healthy.max() if len(healthy) else 2 * run["train_loss"].first().median()
    return float(min(1.04 * points["train_loss"].max(), 1.3 * usual))


def _rule(axis: str, value: float) -> Any:
    line = alt.Chart(pd.DataFrame({"value": [value]})).mark_rule(strokeDash=[2, 3], strokeWidth=1.25)
    return line.encode(**{axis: "value:Q"})


def _reference(value: float, name: str) -> list[Any]:
    data = pd.DataFrame({"value": [value], "level": [0.0], "name": [name]})
    label = alt.Chart(data).mark_text(align="left", baseline="bottom", dx=4, dy=-3)
    return [_rule("y", value), label.encode(x="level:Q", y="value:Q", text="name:N")]
