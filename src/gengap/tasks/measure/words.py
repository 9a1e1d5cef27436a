"""The measures of a network in words: the sentence above all, a value, a note."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gengap.errors import counted
from gengap.report import percent, plain

FAR = 0.01


def sentence(rows: pd.DataFrame, subject: Mapping[str, Any]) -> str:
    """How many measures there are, and of how many something is missing."""
    counts = rows["status"].value_counts()
    others = [f"{counts[status]} {status}" for status in ("partial", "not converged", "skipped") if status in counts]
    rest = f", {', '.join(others)}" if others else ""
    return (
        f"{counted(len(rows), 'measure')} of {subject['model']} on {subject['data']}, "
        f"{counted(subject['n'], 'training example')}: {counts.get('ok', 0)} ok{rest}."
    )


def inputs_sentence(subject: Mapping[str, Any]) -> str:
    """What the network is fed and how accurate it is, with the warning if there is one."""
    accuracy = subject["accuracy"]
    figures = f"training accuracy {percent(accuracy['train'])}, test accuracy {percent(accuracy['test'])}"
    text = f"Seen as: {subject['seen_as']}; {figures}."
    return f"{text} {subject['warning']}" if subject["warning"] else text


def accuracy_warning(accuracy: Mapping[str, Any], n: int, seen_as: str) -> str:
    """What to check where the test accuracy is far from the expected one; empty where it is not.

    Far is more than a point, and more than three standard errors of a fraction of n examples.

    Args:
        accuracy: ``test`` and ``expected``, fractions, of which either may be None; ``stated_in``, where a checkpoint
            states the expected one, empty where the user does.
        n: Number of test examples.
        seen_as: What the network is fed.
    """
    found, expected = accuracy["test"], accuracy["expected"]
    if found is None or expected is None:
        return ""
    error = math.sqrt(max(expected * (1 - expected), found * (1 - found)) / n)
    if abs(found - expected) <= max(FAR, 3 * error):
        return ""
    place = accuracy.get("stated_in")
    known = f"the checkpoint states an accuracy of {percent(expected)} ({place})"
    if not place:
        known = f"a test accuracy of {percent(expected)} was expected"
    return (
        f"Warning: {known}. Was the network trained on inputs seen as {seen_as}? "
        "--crop, --scale, --mean, --std and --layout change them."
    )


def value_text(row: Mapping[Any, Any]) -> str:
    """A value as people read it; as a power of e where float64 cannot hold it."""
    if pd.notna(row["value"]):
        return plain(float(row["value"]))
    return f"e^{plain(float(row['log_value']))}" if pd.notna(row["log_value"]) else "–"


def quoted(names: Sequence[str]) -> str:
    """Layers by name, which may be a number alone.

    >>> quoted(["0", "2"])
    "'0', '2'"
    """
    return ", ".join(f"'{name}'" for name in names)


def note_text(row: Mapping[Any, Any]) -> str:
    """Status and reason in one phrase; nothing where all is well."""
    parts = ["" if row["status"] == "ok" else row["status"], row["reason"]]
    return ": ".join(part for part in parts if part)
