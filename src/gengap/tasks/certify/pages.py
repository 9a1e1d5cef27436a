"""The pages of comparisons, and of answers that are rows and sentences."""

from typing import TYPE_CHECKING

import altair as alt
import pandas as pd

from gengap.report import PALETTE, Fact, Facts, Figure, Page, Section, Table, Text
from gengap.tasks.certify.compare import Comparison
from gengap.tasks.certify.control import Control
from gengap.tasks.certify.plan import ComparisonPlan, Plan
from gengap.tasks.certify.ranking import Ranking
from gengap.tasks.certify.words import confidence, percent, three_digits

if TYPE_CHECKING:
    from gengap.tasks.certify.outputs import Answer


def comparison_page(answer: Comparison | Ranking) -> Page:
    """The page: the verdict, the interval of each pair, what it rests on."""
    rows = comparison_rows(answer)
    pairs = answer.pairs if isinstance(answer, Ranking) else [answer]
    sections = [Section("The difference of each pair", [_intervals(rows), _table(rows)])]
    if isinstance(answer, Ranking):
        shown = percent if pairs[0].share else three_digits
        sign = pairs[0].is_score
        ranks = pd.DataFrame(
            {
                "rank": answer.ranks,
                "model": answer.models,
                "seen": [shown(1 - risk if sign else risk) for risk in answer.risks],
            }
        )
        sections.insert(0, Section("Ranks", [Table(ranks, "Models of one rank cannot be told apart from each other")]))
    sections.append(Section("What it rests on", [Text([*answer.notes, f"Where it holds: {answer.scope}"])]))
    return Page("Which model to ship", answer.sentence, sections)


def comparison_rows(answer: Comparison | Ranking) -> pd.DataFrame:
    """One row a pair, with the interval as numbers and as it is written."""
    rows = []
    for pair in answer.pairs if isinstance(answer, Ranking) else [answer]:
        shown = percent if pair.share else three_digits
        a, b = pair.names or ("A", "B")
        low, high = pair.interval
        rows.append(
            {
                "a": a,
                "b": b,
                "n": pair.n,
                "difference": pair.difference,
                "lower": low,
                "upper": high,
                "risk of a minus risk of b": f"{shown(low, up=False)} to {shown(high, up=True)}",
                "verdict": pair.verdict.replace("ship A", f"ship {a}").replace("ship B", f"ship {b}"),
                "remarks": pair.test,
            }
        )
    return pd.DataFrame(rows)


def control_page(answer: Control) -> Page:
    """The page: the threshold, and the curve of what every threshold accepts and risks."""
    rows = pd.DataFrame(answer.rows)
    shown = rows[rows["accepted"] > 0]
    x = alt.X("share:Q", title="share of examples accepted", axis=alt.Axis(format="~%"))
    base = alt.Chart(shown).encode(x=x, tooltip=["threshold", "accepted", "errors"])
    axis = alt.Axis(format="~%")
    chart = alt.layer(
        base.mark_line(color=PALETTE[0]).encode(y=alt.Y("upper:Q", title="wrong among what is accepted", axis=axis)),
        base.mark_line(color=PALETTE[5]).encode(y="seen:Q"),
    ).properties(height=240)
    first, last = shown.iloc[0], shown.iloc[-1]
    figure = Figure(
        "coverage-risk",
        chart,
        "What each threshold accepts, and what share of it is wrong: the upper line is a bound that holds for all "
        "thresholds at once, the lower one what was seen.",
        f"From {percent(first['share'])} accepted with at most {percent(first['upper'], up=True)} wrong to "
        f"{percent(last['share'])} accepted with at most {percent(last['upper'], up=True)} wrong.",
        shown[["threshold", "accepted", "errors"]],
    )
    notes = Text([*answer.notes, f"Where it holds: {answer.scope}"])
    return Page(
        "Which answers may be accepted", answer.sentence, [Section("The curve", [figure]), Section("Notes", [notes])]
    )


def plan_page(answer: Plan | ComparisonPlan) -> Page:
    """The page: the number of examples, what it is to resolve, what it assumes."""
    title = "How many held-out examples are needed"
    sure = f"confidence {confidence(answer.delta)}"
    needed = "none is known" if answer.n is None else f"{answer.n:,}"
    if isinstance(answer, Plan):
        error = "any error rate" if answer.expected_error is None else f"errors up to {percent(answer.expected_error)}"
        facts = [
            Fact("Held-out examples", needed, error),
            Fact("Bound above the error rate seen", f"at most {answer.gap:g}", sure),
        ]
    else:
        of = "questions" if answer.unit == "example" else "clusters"
        power = "not reached" if answer.power is None else f"power {answer.power:.2f}"
        facts = [
            Fact(of.capitalize(), needed, power),
            Fact("Difference of risks", percent(abs(answer.difference)), sure),
        ]
    facts.append(Fact("Models tried", f"{answer.tried:,}", "the confidence is for all of them"))
    sections = [
        Section("The size", [Facts(facts), Text([f"Where it holds: {answer.scope}"])]),
        Section("What it assumes", [Text(list(answer.notes))]),
    ]
    return Page(title, answer.sentence, sections)


def plain_page(answer: "Answer") -> Page:
    """A page of the answer's rows, if it has any, and its notes."""
    rows, sections = getattr(answer, "rows", None), []
    if rows:
        sections.append(Section("In numbers", [Table(pd.DataFrame(rows), "One row each")]))
    sections.append(Section("What to know of it", [Text(list(answer.notes))]))
    return Page("What this held-out score is worth", answer.sentence, sections)


def _intervals(rows: pd.DataFrame) -> Figure:
    shown = rows.assign(pair=rows["a"] + " - " + rows["b"], zero=0.0)
    base = alt.Chart(shown).encode(y=alt.Y("pair:N", sort=None, title=None, axis=alt.Axis(labelLimit=260)))
    chart = alt.layer(
        base.mark_rule(strokeWidth=4, color=PALETTE[0]).encode(
            x=alt.X("lower:Q", title="risk of the first minus risk of the second"), x2="upper:Q"
        ),
        base.mark_tick(thickness=4, size=18, color=PALETTE[0]).encode(x="difference:Q"),
        alt.Chart(shown.head(1)).mark_rule(style="reference").encode(x="zero:Q"),
    ).properties(height=32 * len(shown))
    written = "risk of a minus risk of b"
    return Figure(
        "differences",
        chart,
        "Intervals for the differences, which hold for all pairs at once; those that leave out 0 decide.",
        "Intervals: " + ", ".join(f"{p} from {w}" for p, w in zip(shown["pair"], shown[written], strict=True)),
        shown[["pair", written, "verdict"]],
    )


def _table(rows: pd.DataFrame) -> Table:
    return Table(rows.drop(columns=["difference", "lower", "upper"]), "The pairs")
