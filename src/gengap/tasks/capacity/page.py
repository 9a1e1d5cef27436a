"""The page of capacity on trial: what each classical measure promises beside the error that was seen."""

from collections.abc import Sequence

import pandas as pd

from gengap.report import Fact, Facts, Page, Section, Text, percent
from gengap.studies.zhang2017.capacity import promise_table
from gengap.tasks.capacity.words import capacity_verdict
from gengap.verdicts import least_bounds

READING = (
    "An upper bound makes a promise. What training shows is a lower estimate: it can refute a promise, never make one, "
    "so its bound is the least that any promise of this kind could give.",
    "A bound of 100% or more on the error promises nothing. Each bound may fail with probability 1 - confidence by "
    "itself; they do not hold all at once at that confidence.",
    "Classical bounds are about the distribution that training examples come from. Where labels are random that is "
    "a distribution of random labels, on which every classifier errs like a guess.",
)


def capacity_page(promises: pd.DataFrame, confidence: float) -> Page:
    """The page.

    Args:
        promises: As for ``promise_table``.
        confidence: Of each bound by itself.
    """
    return Page(
        title="Classical capacity on trial",
        lead=capacity_verdict(promises),
        sections=[
            Section("Verdict", [Facts(_facts(promises, confidence)), Text(READING)]),
            Section("Every measure", [promise_table(promises)]),
        ],
    )


def _facts(promises: pd.DataFrame, confidence: float) -> Sequence[Fact]:
    facts = []
    for row in least_bounds(promises).to_dict("records"):
        error = row["test_error"]
        note = "no result" if pd.isna(error) else f"error on the test set {percent(error)}"
        title = f"Least classical bound, {row['network']}, {row['labels']} labels"
        facts.append(Fact(title, percent(row["bound"]), f"{note}; at {confidence:.0%}"))
    return facts
