"""The page of a certificate: its promise, every bound, and how the promise would move."""

from typing import Any

import altair as alt
import pandas as pd

from gengap.report import PALETTE, Fact, Facts, Figure, Page, Section, Table, Text
from gengap.tasks.certify.certificate import Certificate
from gengap.tasks.certify.family import Family
from gengap.tasks.certify.outlook import by_size, by_tried, tighter
from gengap.tasks.certify.words import WORDS, BoundWords, confidence, rate, unit_word

_PROMISE, _OTHER = PALETTE[0], PALETTE[5]
_SHOWN = "risk at most"


def certificate_page(answer: Certificate | Family) -> Page:
    """The page: the promise, each bound as an interval, how the promise moves, what it assumes."""
    certificate = answer.certificate if isinstance(answer, Family) else answer
    rows = bound_rows(certificate)
    unit, zero_one = f"{unit_word(certificate.unit)}s", certificate.zero_one
    facts = [
        _promise(certificate),
        Fact("Seen", _seen(certificate), f"on {certificate.n:,} {unit}"),
        Fact(
            "Models tried",
            f"{certificate.tried:,}",
            "fixed before its score was seen" if certificate.tried == 1 else "the promise holds for each of them",
        ),
    ]
    over_tried = (
        "The promise against the number of models tried, for the losses seen: it grows with its logarithm only."
    )
    seen = "at the error rate seen" if certificate.errors is not None else f"taking some of these {unit}"
    over_size = f"The promise against the number of held-out {unit}, {seen}."
    moves = [
        _curve("promise-by-tried", by_tried(certificate), "tried", "models tried", over_tried, zero_one),
        _curve("promise-by-size", by_size(certificate), "n", f"held-out {unit}", over_size, zero_one),
    ]
    return Page(
        title="What this held-out score is worth",
        lead=answer.sentence,
        sections=[
            Section("The promise", [Facts(facts), Text([f"Where it holds: {certificate.scope}", *answer.beside])]),
            Section("How the promise moves", moves),
            Section("What would tighten it", [Text(tighter(certificate))]),
            Section("What it assumes", [Text(list(certificate.assumptions))]),
            Section("The other bounds", [_intervals(rows, certificate), _table(rows)]),
        ],
    )


def _promise(certificate: Certificate) -> Fact:
    sure, share = f"confidence {confidence(certificate.delta)}", certificate.zero_one
    if certificate.is_score:
        lower = rate(certificate.lower, share, up=False)
        return Fact(f"Promise: true {certificate.metric} at least", lower, sure)
    what = "error rate" if share else "risk"
    return Fact(f"Promise: true {what} at most", rate(certificate.upper, share, up=True), sure)


def _seen(certificate: Certificate) -> str:
    risk = certificate.empirical_risk
    return rate(certificate.best - risk if certificate.is_score else risk, certificate.zero_one)


def bound_rows(certificate: Certificate) -> pd.DataFrame:
    """One row a bound: its name for people, its value as a number and as it is written, what it needs, a remark."""
    rows = []
    for name, bound in certificate.bounds.items():
        words, upper = WORDS.get(name, BoundWords(name, "", "")), bound["upper"]
        rows.append(
            {
                "bound": words.title,
                "upper": upper,
                _SHOWN: None if upper is None else rate(upper, certificate.zero_one, up=True),
                "promise": name == certificate.headline,
                "needs": words.needs,
                "remarks": bound.get("reason", words.note),
            }
        )
    return pd.DataFrame(rows)


def _intervals(rows: pd.DataFrame, certificate: Certificate) -> Figure:
    shown = rows.dropna(subset="upper").assign(low=0.0, seen=certificate.empirical_risk)
    shown["upper"] = shown["upper"].astype(float)
    y = alt.Y("bound:N", sort=list(shown["bound"]), title=None, axis=alt.Axis(labelLimit=200))
    tip: list[Any] = ["bound", _SHOWN, "needs", "remarks"]
    colour = alt.condition("datum.promise", alt.value(_PROMISE), alt.value(_OTHER))
    base = alt.Chart(shown).encode(y=y, color=colour, tooltip=tip)
    seen = alt.Chart(shown.head(1)).mark_rule(style="reference").encode(x="seen:Q")
    axis = _axis(certificate.zero_one)
    chart = alt.layer(
        base.mark_rule(strokeWidth=4).encode(x=alt.X("low:Q", title="true risk", axis=axis), x2="upper:Q"),
        base.mark_tick(thickness=4, size=18).encode(x="upper:Q"),
        seen,
    ).properties(height=32 * len(shown))
    return Figure(
        "bounds",
        chart,
        "Where the true risk may lie by each bound; the promise is the coloured one, chosen before the data were seen. "
        "The thin line is the risk seen. Each bound holds by itself; the smallest of them is no bound at this delta.",
        "Intervals from zero: "
        + ", ".join(f"{b} up to {u}" for b, u in zip(shown["bound"], shown[_SHOWN], strict=True)),
        shown[["bound", _SHOWN]],
    )


def _table(rows: pd.DataFrame) -> Table:
    columns = {"bound": "bound", _SHOWN: _SHOWN, "needs": "what it assumes of the loss", "remarks": "remarks"}
    return Table(rows[list(columns)].rename(columns=columns), "The bounds and what they assume")


def _curve(name: str, points: pd.DataFrame, column: str, title: str, caption: str, zero_one: bool) -> Figure:
    points = points.assign(**{_SHOWN: [rate(upper, zero_one, up=True) for upper in points["upper"]]})
    logarithmic = alt.Scale(type="log", nice=False)
    base = alt.Chart(points).encode(
        x=alt.X(f"{column}:Q", title=title, scale=logarithmic, axis=alt.Axis(format="~s")),
        y=alt.Y("upper:Q", title="promised risk", scale=alt.Scale(type="log"), axis=_axis(zero_one)),
        tooltip=[alt.Tooltip(f"{column}:Q", format=","), _SHOWN],
    )
    chart = alt.layer(
        base.mark_line(color=_PROMISE),
        base.transform_filter("datum.here").mark_point(filled=True, size=120, color=_PROMISE, opacity=1),
    ).properties(height=240)
    ends = [f"{point[_SHOWN]} at {point[column]:,.0f}" for _, point in points.iloc[[0, -1]].iterrows()]
    alternative = f"{caption} From {ends[0]} to {ends[1]}."
    return Figure(name, chart, caption + " The dot is this certificate.", alternative, points[[column, _SHOWN, "here"]])


def _axis(zero_one: bool) -> alt.Axis:
    return alt.Axis(format="~%" if zero_one else "~g")
