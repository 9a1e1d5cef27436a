"""The page of capacity on trial: what each classical measure promises beside the error that was seen."""

from collections.abc import Sequence

import pandas as pd

from gengap.report.page import Fact, Facts, Page, Section, Table, Text

FORMATS = dict.fromkeys(("error on training set", "error on test set"), ".4f")
READING = (
    "An upper bound makes a promise. What training found is a lower estimate: it may refute a promise, never make one, "
    "so that its bound is the least that any promise made this way could come to.",
    "A bound on the error of 1 or more promises nothing. Each bound may fail with probability 1 - confidence by "
    "itself; they do not hold all at once at that confidence.",
    "Classical bounds are about the distribution that training examples come from. Where labels are random that is "
    "a distribution of random labels, on which every classifier errs like a guess.",
)


def capacity_table(promises: pd.DataFrame) -> Table:
    """The table: one line for each network and measure.

    Args:
        promises: Columns ``network``, ``labels``, ``measure``, ``kind``, ``value``, ``n``, ``train_error``, ``bound``,
            ``promises``, ``test_error``, ``note``; ``value``, ``bound`` and the errors are None where there is none.
    """
    shown = {
        "network": "network",
        "labels": "labels",
        "measure": "measure",
        "kind": "kind",
        "value": "value",
        "n": "examples",
        "train_error": "error on training set",
        "promises": "what it promises",
        "test_error": "error on test set",
        "note": "note",
    }
    caption = "What each measure of capacity promises for each network, and the error it has on the test set"
    return Table(promises[list(shown)].rename(columns=shown), caption, FORMATS)


def capacity_page(promises: pd.DataFrame, confidence: float) -> Page:
    """The page.

    Args:
        promises: As for ``capacity_table``.
        confidence: Of each bound by itself.
    """
    return Page(
        title="Classical capacity on trial",
        lead=capacity_verdict(promises),
        sections=[
            Section("Verdict", [Facts(_facts(promises, confidence)), Text(READING)]),
            Section("Every measure", [capacity_table(promises)]),
        ],
    )


def capacity_verdict(promises: pd.DataFrame) -> str:
    """How many of the classical measures promise anything, in one or two sentences."""
    classical = _classical(promises[promises["promises"] != "no result"])
    absent = int(classical["bound"].isna().sum())
    refuted = int((classical["kind"].eq("lower estimate") & (classical["bound"] >= 1)).sum())
    useful = int((classical["kind"].eq("upper bound") & (classical["bound"] < 1)).sum())
    return (
        f"Of {len(classical)} promises that classical measures of capacity could make for these networks, {absent} do "
        f"not apply, {refuted} are refuted by training, and {useful or 'none'} of the others "
        f"{'are' if useful > 1 else 'is'} an error below 1."
    )


def _facts(promises: pd.DataFrame, confidence: float) -> Sequence[Fact]:
    facts = []
    for (network, labels), own in promises.groupby(["network", "labels"], sort=False):
        bounds = _classical(own)["bound"].dropna()
        least = "–" if bounds.empty else f"{bounds.min():.3f}"
        seen = own["test_error"].iloc[0]
        told = "no result" if pd.isna(seen) else f"error on the test set {seen:.3f}"
        facts.append(Fact(f"Least classical bound, {network}, {labels} labels", least, f"{told}; at {confidence:.0%}"))
    return facts


def _classical(promises: pd.DataFrame) -> pd.DataFrame:
    return promises[~promises["measure"].str.startswith("held-out")]
