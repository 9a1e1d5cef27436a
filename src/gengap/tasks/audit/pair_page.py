"""The page of two models, side by side."""

from typing import TYPE_CHECKING

import altair as alt
import pandas as pd

from gengap.report import PALETTE, Fact, Facts, Figure, Page, Section, Table, Text, percent, plain
from gengap.tasks.certify.words import confidence

if TYPE_CHECKING:
    from gengap.tasks.audit.comparison import AuditPair

CAPTION = "A and B side by side; intervals of differences are paired, on the same examples"
DIFFERING = "test predictions that differ"
SHARES = frozenset({"training accuracy", "test accuracy", "true error at most", "expected calibration error"})


def side_by_side(pair: "AuditPair") -> pd.DataFrame:
    """``changes`` as texts, for people: quantity, A, B, what changed, and its interval at the comparison's level."""
    rows = []
    for row in pair.changes.to_dict("records"):
        share = row["quantity"] in SHARES or row["quantity"] == DIFFERING
        text = percent if row["quantity"] == DIFFERING else _points if share else plain
        change = "–" if pd.isna(row["difference"]) else text(row["difference"])
        ends = "–" if pd.isna(row["low"]) else f"{text(row['low']).removesuffix(' points')} to {text(row['high'])}"
        rows.append((row["quantity"], row["a"], row["b"], change, ends))
    return pd.DataFrame(rows, columns=["quantity", "A", "B", "B minus A", interval_heading(pair)])


def interval_heading(pair: "AuditPair") -> str:
    """The column of intervals, with their level: that at which the comparison decides, delta over the pairs."""
    level = float(f"{pair.comparison.delta / pair.comparison.pairs:.3g}")
    return f"{confidence(level)} interval"


def _points(value: float) -> str:
    """A difference of two shares, in percentage points."""
    return f"{100 * value:+.2f} points"


def pair_page(pair: "AuditPair") -> Page:
    """The report of two models."""
    a, b = pair.audits
    low, high = pair.comparison.interval
    ends = f"{interval_heading(pair)}: {percent(low)} to {percent(high)}"
    facts = [
        Fact("Which to ship", pair.verdict, "by the same test examples, and the verdict of each"),
        Fact(f"A: {pair.names[0]}", percent(a.parts["accuracy"].values.get("test")), f"{a.verdict or 'no verdict'}"),
        Fact(f"B: {pair.names[1]}", percent(b.parts["accuracy"].values.get("test")), f"{b.verdict or 'no verdict'}"),
        Fact("Accuracy of B minus A", percent(pair.comparison.difference), ends),
    ]
    by_class = dict.fromkeys(("a", "b", "difference", "low", "high"), ".2%")
    sure = confidence(pair.comparison.delta)
    by_class_caption = f"Accuracy by class; intervals hold with {sure} confidence for all classes at once"
    both = [line for line in a.not_covered if line in b.not_covered]
    left_out = [f"A and B: {line}" for line in both]
    left_out += [
        f"{name}: {line}"
        for name, one in zip("AB", (a, b), strict=True)
        for line in one.not_covered
        if line not in both
    ]
    rests = [*pair.comparison.notes, f"Where it holds: {pair.comparison.scope}"]
    each = ["The reports of A and of B are in the folders a and b beside this page."]
    return Page(
        f"Audit of {pair.names[0]} and {pair.names[1]}",
        f"{pair.inputs} {pair.sentence}",
        [
            Section("In short", [Facts(facts)]),
            Section("What changed", [Table(side_by_side(pair), CAPTION)]),
            Section("By class", [_classes_figure(pair.classes), Table(pair.classes, by_class_caption, by_class)]),
            Section("What it rests on", [Text(rests)]),
            Section("What was not covered", [Text(left_out or ["Nothing that was asked for."])]),
            Section("Each by itself", [Text(each)]),
        ],
    )


def _classes_figure(classes: pd.DataFrame) -> Figure:
    shown = classes.sort_values("difference").head(40)
    y = alt.Y("class:N", sort=list(shown["class"]), title=None, axis=alt.Axis(labelLimit=170))
    base = alt.Chart(shown).encode(y=y)
    axis, tip = alt.Axis(format="+%"), list(shown)
    zero = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_rule(strokeDash=[2, 3], strokeWidth=1.25).encode(x="x:Q")
    chart = alt.layer(
        zero,
        base.mark_rule(strokeWidth=3, color=PALETTE[0]).encode(
            x=alt.X("low:Q", title="accuracy of B minus that of A", axis=axis), x2="high:Q"
        ),
        base.mark_point(filled=True, size=80, opacity=1, color=PALETTE[0]).encode(x="difference:Q", tooltip=tip),
    ).properties(height=24 * len(shown) + 20)
    return Figure(
        "by-class",
        chart,
        "Difference of the accuracies by class on the same test examples, with intervals that hold for all at once.",
        "Accuracy of B minus A by class.",
        shown,
        dict.fromkeys(("a", "b", "difference", "low", "high"), ".2%"),
    )
