"""Parts that promise: the certificate, and the worst classes and groups."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gengap.data import is_missing, plain_array
from gengap.errors import InputError, counted
from gengap.report import PALETTE, Block, Facts, Figure, Table, Text
from gengap.tasks.audit.part import Part
from gengap.tasks.audit.subject import AuditSubject
from gengap.tasks.certify import Certificate
from gengap.tasks.certify.certificate import certify_units
from gengap.tasks.certify.evaluation import Evaluation
from gengap.tasks.certify.page import certificate_page
from gengap.tasks.certify.subgroups import Subgroups, certify_subgroups

Groups = Mapping[str, NDArray[Any]]
SHOWN = 20  # groups in the chart
UNKNOWN_TRIED = (
    "How many models were compared on these test examples was not said; {assumed} assumed, which promises too much if "
    "there were more. Give the number: --tried 50 counts every configuration, seed and checkpoint whose score on these "
    "examples was looked at before this one was chosen."
)


def check_groups(groups: Mapping[str, ArrayLike], n: int) -> dict[str, NDArray[Any]]:
    """The groupings as arrays ``[n]``.

    Args:
        groups: Name -> a value for each test example.
        n: Test examples as they were given.

    Raises:
        InputError: A grouping called ``class``, which is that of the labels, another number of values, or one missing.
    """
    arrays = {name: plain_array(values) for name, values in groups.items()}
    if "class" in arrays:
        raise InputError(
            "A grouping of the test examples is called 'class'.",
            expected="another name: the classes of the labels are a grouping by themselves",
            next_step="rename the column, or leave it out if it holds the labels",
        )
    for name, array in arrays.items():
        if array.shape != (n,):
            raise InputError(
                f"The groups {name} have shape {array.shape}.", expected=f"one for each of {n:,} test examples"
            )
        absent = [row for row, value in enumerate(array.tolist()) if is_missing(value) or str(value).strip() == ""]
        if absent:
            raise InputError(
                f"The groups {name} have no value for test example {absent[0]}, and {len(absent):,} such in all.",
                expected="a value for each test example",
                next_step="give examples of no group a value of their own, such as none",
            )
    return arrays


def evaluation_of(subject: AuditSubject, groups: Groups | None = None) -> Evaluation:
    """The model's errors on the test examples, with their classes and groups as columns."""
    classes = np.array(subject.problem.classes)[subject.test.labels]
    columns = {"class": classes, **(groups or {})}
    wrong = (~subject.test.correct).astype(np.float64)
    rows = subject.test_rows[subject.test.rows]
    return Evaluation(subject.name, subject.name, "error rate", wrong, items=rows, columns=columns)


def certificate_of(subject: AuditSubject, tried: int, delta: float) -> Certificate:
    """The upper bound on the true error rate."""
    return certify_units(evaluation_of(subject).losses, tried=tried, delta=delta, order_seed=subject.seed)


def certificate_part(subject: AuditSubject, tried: int | None, delta: float, assumed: int = 1) -> Part:
    """What the test accuracy is worth, honest about the number of models tried, ``assumed`` where it is not known."""
    made = certificate_of(subject, tried or assumed, delta)
    if len(subject.shared):
        made = replace(made, remarks=[*made.remarks, shared_words(subject)])
    notes = [UNKNOWN_TRIED.format(assumed=assumed_words(assumed))] if tried is None else []
    return Part(
        "certificate",
        "",
        made.sentence,
        made.to_json(),
        lambda: _certificate_blocks(made, notes),
        f"{subject.test.sample} test examples",
        status="partial" if tried is None else "ok",
        reason="the number of models tried is not known: give --tried" if tried is None else "",
    )


def _certificate_blocks(made: Certificate, notes: list[str]) -> list[Block]:
    """Of the certificate's own page: the promise, and how it grows with the number of models tried."""
    page = certificate_page(made)
    facts = [block for block in page.sections[0].parts if isinstance(block, Facts)]
    curve = next(figure for figure in page.figures() if figure.name == "promise-by-tried")
    return [*facts, curve, Text([*notes, *made.notes])]


def assumed_words(count: int) -> str:
    """So many models as a sentence assumes them to have been tried."""
    return "one is" if count == 1 else f"the {count:,} compared here are"


def shared_words(subject: AuditSubject) -> str:
    """What became of test examples that are in the training split too."""
    count, given = len(subject.shared), len(subject.shared) + len(subject.problem.test)
    if subject.words["overlap_allowed"]:
        return (
            f"In the training split too, and counted, as asked: {count:,} of {counted(given - count, 'test example')}."
        )
    return (
        f"In the training split too: {count:,} of {counted(given, 'test example')}. What is in both is not held out "
        "and was left out of every number on the test split; --allow-overlap takes it."
    )


def groups_part(subject: AuditSubject, groups: Groups, tried: int, delta: float) -> Part:
    """A bound on the error rate of every class, and of every group of each grouping, all at once."""
    evaluation = evaluation_of(subject, groups)
    names = ["class", *groups]
    found = {
        name: certify_subgroups(evaluation, name, tried=tried, delta=delta / len(names), order_seed=subject.seed)
        for name in names
    }
    sentences = [answer.told(choice=False) for answer in found.values()]
    joint = f" The {len(names)} groupings hold at once: each at delta / {len(names)}." if len(names) > 1 else ""
    rows = pd.DataFrame([{"by": name, **row} for name, answer in found.items() for row in answer.rows])
    shown = _rounded_up(rows.drop(columns=["headline"]))
    return Part(
        "worst_groups",
        "",
        " ".join(sentences) + joint,
        {name: answer.to_json() for name, answer in found.items()},
        lambda: [
            *(_figure(answer) for answer in found.values()),
            Table(
                shown,
                "Upper bound on the error rate of each class and group, all at once",
                {"seen": ".2%", "upper": ".2%"},
            ),
        ],
        f"{subject.test.sample} test examples",
    )


def _rounded_up(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with bounds as they are shown, in hundredths of a percent: a bound is rounded up."""
    return rows.assign(upper=np.ceil(1e4 * rows["upper"]) / 1e4)


def _figure(answer: Subgroups) -> Figure:
    rows = pd.DataFrame(answer.rows).head(SHOWN)
    base = alt.Chart(rows).encode(
        y=alt.Y("value:N", sort=list(rows["value"]), title=answer.by, axis=alt.Axis(labelLimit=170))
    )
    axis = alt.Axis(format="%")
    chart = alt.layer(
        base.mark_rule(strokeWidth=3, color=PALETTE[0]).encode(
            x=alt.X("seen:Q", title="error rate: ● seen, | at most", axis=axis), x2="upper:Q"
        ),
        base.mark_tick(thickness=3, size=14, color=PALETTE[0]).encode(x="upper:Q"),
        base.mark_point(filled=True, size=70, opacity=1, color=PALETTE[0]).encode(x="seen:Q", tooltip=list(rows)),
    ).properties(height=24 * len(rows) + 20)
    name = "".join(c if c.isalnum() else "-" for c in answer.by.lower())
    which = "" if len(rows) == len(answer.rows) else f", the worst {len(rows)} of {len(answer.rows)}"
    return Figure(
        f"groups-{name}",
        chart,
        f"Error rate seen and upper bound for each {answer.by}, all at once{which}.",
        f"{answer.sentence}",
        _rounded_up(rows[["value", "n", "seen", "upper"]]),
        {"seen": ".2%", "upper": ".2%"},
    )
