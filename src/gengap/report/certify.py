"""The page of a certificate, from what was computed elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
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
    confidence: str,
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
        confidence: That of the promise, in words.
    """
    form = ".3%" if certificate["errors"] is not None else ".4f"
    bounds, by_tried, by_size = (_rounded_up(table, form) for table in (bounds, by_tried, by_size))
    unit, seen = f"{certificate['unit']}s", format(certificate["empirical_risk"], form).replace("%", " %")
    facts = [
        Fact("Promise: true risk at most", promised, f"confidence {confidence}"),
        Fact("Risk seen", seen, f"on {certificate['n']:,} {unit}"),
        Fact("Models tried", f"{certificate['tried']:,}", "the promise holds for each of them"),
    ]
    return Page(
        title="What this held-out score is worth",
        lead=lead,
        sections=[
            Section("The promise", [Facts(facts), Text([f"Where it holds: {certificate['scope']}"])]),
            Section("Every bound on one axis", [_intervals(bounds, certificate, form), _table(bounds, form)]),
            Section("How the promise moves", [_over_tried(by_tried, form), _over_size(by_size, form, certificate)]),
            Section("What would tighten it", [Text(list(tighter))]),
            Section("What it assumes", [Text(list(notes))]),
        ],
    )


def _rounded_up(points: pd.DataFrame, form: str) -> pd.DataFrame:
    """The points with ``upper`` as it is written, never below what it is."""
    scale = 1e5 if form.endswith("%") else 1e4
    return points.assign(upper=np.ceil(points["upper"].astype(float) * scale) / scale)


def _intervals(bounds: pd.DataFrame, certificate: Mapping[str, Any], form: str) -> Figure:
    shown = bounds.dropna(subset="upper").assign(low=0.0, seen=certificate["empirical_risk"])
    y = alt.Y("bound:N", sort=list(shown["bound"]), title=None, axis=alt.Axis(labelLimit=200))
    tip: list[Any] = ["bound", alt.Tooltip("upper:Q", format=form), "needs", "note"]
    colour = alt.condition("datum.promise", alt.value(_PROMISE), alt.value(_OTHER))
    base = alt.Chart(shown).encode(y=y, color=colour, tooltip=tip)
    seen = alt.Chart(shown.head(1)).mark_rule(style="reference").encode(x="seen:Q")
    chart = alt.layer(
        base.mark_rule(strokeWidth=4).encode(x=alt.X("low:Q", title="true risk", axis=_axis(form)), x2="upper:Q"),
        base.mark_tick(thickness=4, size=18).encode(x="upper:Q"),
        seen,
    ).properties(height=alt.Step(32))
    return Figure(
        "bounds",
        chart,
        "Where the true risk may lie by each bound; the promise is the coloured one, chosen before the data were seen. "
        "The thin line is the risk seen. Each bound holds by itself; the smallest of them is no bound at this delta.",
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
    caption = "The promise against the number of models tried, for the losses seen: it grows with its logarithm only."
    return _curve("promise-by-tried", points, "tried", "models tried", caption, form)


def _over_size(points: pd.DataFrame, form: str, certificate: Mapping[str, Any]) -> Figure:
    unit = f"held-out {certificate['unit']}s"
    seen = "at the error rate seen" if certificate["errors"] is not None else f"taking some of these {unit}"
    return _curve("promise-by-size", points, "n", unit, f"The promise against the number of {unit}, {seen}.", form)


def _curve(name: str, points: pd.DataFrame, column: str, title: str, caption: str, form: str) -> Figure:
    logarithmic = alt.Scale(type="log", nice=False)
    base = alt.Chart(points).encode(
        x=alt.X(f"{column}:Q", title=title, scale=logarithmic, axis=alt.Axis(format="~s")),
        y=alt.Y("upper:Q", title="promised risk", scale=alt.Scale(type="log"), axis=_axis(form)),
        tooltip=[alt.Tooltip(f"{column}:Q", format=","), alt.Tooltip("upper:Q", format=form)],
    )
    chart = alt.layer(
        base.mark_line(color=_PROMISE),
        base.transform_filter("datum.here").mark_point(filled=True, size=120, color=_PROMISE, opacity=1),
    ).properties(height=240)
    ends = [f"{point['upper']:{form}} at {point[column]:,.0f}" for _, point in points.iloc[[0, -1]].iterrows()]
    return Figure(
        name,
        chart,
        caption + " The dot is this certificate.",
        f"{caption} From {ends[0]} to {ends[1]}.",
        points,
        {"upper": form},
    )


def _axis(form: str) -> alt.Axis:
    return alt.Axis(format="~%" if form.endswith("%") else "~g")
