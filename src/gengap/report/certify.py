"""The page of a certificate, from what was computed elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt
import pandas as pd

from gengap.report.page import Fact, Facts, Figure, Page, Section, Table, Text
from gengap.report.theme import PALETTE

_PROMISE, _OTHER = PALETTE[0], PALETTE[5]


def certificate_page(
    lead: str,
    promised: str,
    certificate: Mapping[str, Any],
    *,
    bounds: pd.DataFrame,
    by_tried: pd.DataFrame,
    by_size: pd.DataFrame,
    notes: Sequence[str],
    tighter: Sequence[str],
) -> Page:
    """The page: the promise, each bound as an interval, how the promise moves, what it assumes.

    Args:
        lead: The promise in one sentence.
        promised: The promised risk in words, rounded to the safe side.
        certificate: The certificate's JSON.
        bounds: Columns ``bound``, ``upper`` (missing where it does not apply), ``promise``, ``needs``, ``note``.
        by_tried: Columns ``tried``, ``upper``, ``here`` (true for this certificate).
        by_size: Columns ``n``, ``upper``, ``here``.
        notes: What the promise assumes.
        tighter: What would make it smaller.
    """
    form = ".3%" if certificate["errors"] is not None else ".4f"
    unit = f"{certificate['unit']}s"
    facts = [
        Fact("promise: true risk at most", promised, f"confidence {1 - certificate['delta']:g}"),
        Fact("risk seen", format(certificate["empirical_risk"], form), f"on {certificate['n']:,} {unit}"),
        Fact("models tried", f"{certificate['tried']:,}", "the promise holds for each of them"),
    ]
    return Page(
        title="What this held-out score is worth",
        lead=lead,
        sections=[
            Section("The promise", [Facts(facts), Text([certificate["scope"]])]),
            Section("Every bound on one axis", [_intervals(bounds, certificate, form), _table(bounds, form)]),
            Section("How the promise moves", [_over_tried(by_tried, form), _over_size(by_size, form, unit)]),
            Section("What would tighten it", [Text(list(tighter))]),
            Section("What it assumes", [Text(list(notes))]),
        ],
    )


def _intervals(bounds: pd.DataFrame, certificate: Mapping[str, Any], form: str) -> Figure:
    shown = bounds.dropna(subset="upper").assign(low=0.0, seen=certificate["empirical_risk"])
    y = alt.Y("bound:N", sort=list(shown["bound"]), title=None, axis=alt.Axis(labelLimit=200))
    tip: list[Any] = ["bound", alt.Tooltip("upper:Q", format=form), "needs", "note"]
    colour = alt.condition("datum.promise", alt.value(_PROMISE), alt.value(_OTHER))
    axis = alt.Axis(format="~%" if form.endswith("%") else "~g")
    base = alt.Chart(shown).encode(y=y, color=colour, tooltip=tip)
    seen = alt.Chart(shown.head(1)).mark_rule(style="reference").encode(x="seen:Q")
    chart = alt.layer(
        base.mark_rule(strokeWidth=4).encode(x=alt.X("low:Q", title="true risk", axis=axis), x2="upper:Q"),
        base.mark_tick(thickness=4, size=18).encode(x="upper:Q"),
        seen,
    ).properties(height=alt.Step(32))
    return Figure(
        "bounds",
        chart,
        "Where the true risk may lie by each bound; the promise is the coloured one, chosen before the data were seen. "
        "The dotted line is the risk seen. Each bound holds by itself; the smallest of them is no bound at this delta.",
        "Intervals from zero: "
        + ", ".join(f"{b} up to {u:{form}}" for b, u in zip(shown["bound"], shown["upper"], strict=True)),
        shown[["bound", "upper"]],
        {"upper": form},
    )


def _table(bounds: pd.DataFrame, form: str) -> Table:
    columns = {"bound": "bound", "upper": "risk at most", "needs": "what it assumes of the loss", "note": "to be known"}
    return Table(
        bounds[list(columns)].rename(columns=columns), "The bounds and what they assume", {"risk at most": form}
    )


def _over_tried(points: pd.DataFrame, form: str) -> Figure:
    return _curve(
        points, "tried", form, "models tried", "promise-by-tried",
        "The promise against the number of models tried, the same losses seen: it grows with its logarithm only.",
        "linear",
    )  # fmt: skip


def _over_size(points: pd.DataFrame, form: str, unit: str) -> Figure:
    return _curve(
        points, "n", form, f"held-out {unit}", "promise-by-size",
        f"The promise against the number of held-out {unit}, at the risk seen.",
        "log",
    )  # fmt: skip


def _curve(
    points: pd.DataFrame, column: str, form: str, title: str, name: str, caption: str, scale: Literal["linear", "log"]
) -> Figure:
    base = alt.Chart(points).encode(
        x=alt.X(f"{column}:Q", title=title, scale=alt.Scale(type="log"), axis=alt.Axis(format="~s")),
        y=alt.Y(
            "upper:Q",
            title="promised risk",
            scale=alt.Scale(type=scale),
            axis=alt.Axis(format="~%" if form.endswith("%") else "~g"),
        ),
        tooltip=[alt.Tooltip(f"{column}:Q", format=","), alt.Tooltip("upper:Q", format=form)],
    )
    chart = alt.layer(
        base.mark_line(color=_PROMISE),
        base.transform_filter("datum.here").mark_point(filled=True, size=120, color=_PROMISE, opacity=1),
    ).properties(height=240)
    first, last = points.iloc[0], points.iloc[-1]
    return Figure(
        name,
        chart,
        caption + " The dot is this certificate.",
        f"{caption} From {first['upper']:{form}} at {first[column]:,} to {last['upper']:{form}} at {last[column]:,}.",
        points,
        {"upper": form},
    )
