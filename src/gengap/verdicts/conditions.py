"""What was changed about the data, in the words of Zhang et al. 2017."""

import pandas as pd

from gengap.data import changes_labels

TRUE, RANDOM = "true labels", "random labels"
_LABELS = {"labels", "random-labels"}
_INPUTS = ("shuffled-pixels", "random-pixels", "gaussian", "shuffled-positions", "random-positions", "random-tokens")
_ORDER = ["none", "labels", "random-labels", *_INPUTS]


def with_conditions(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with two more columns, in the order of the paper's legend.

    ``label_level`` is the probability with which a label was redrawn (0 without any corruption, 1 for
    ``random-labels``, NaN where inputs were changed, or labels in another way); ``condition`` names what the network
    was given.
    """
    levels = [_label_level(*pair) for pair in zip(rows["corruption"], rows["level"], strict=True)]
    names = [_name(*triple) for triple in zip(rows["corruption"], rows["level"], levels, strict=True)]
    order = [_ORDER.index(name) if name in _ORDER else len(_ORDER) for name in rows["corruption"]]
    named = rows.assign(label_level=pd.Series(levels, index=rows.index, dtype=float), condition=names, order=order)
    named = named.sort_values(["label_level", "order", "corruption", "level", "seed"], ignore_index=True)
    return named.drop(columns="order")


def of_other_labels(corruption: str) -> bool:
    """Whether a corruption replaces labels in a way of its own, after which they may still be learned."""
    return corruption not in _LABELS and changes_labels(corruption)


def _label_level(corruption: str, level: float) -> float:
    if corruption == "none" or level == 0:
        return 0.0
    if corruption == "random-labels":
        return 1.0
    return level if corruption in _LABELS else float("nan")


def _name(corruption: str, level: float, label_level: float) -> str:
    if label_level == 0:
        return TRUE
    if label_level == 1:
        return RANDOM
    if corruption in _LABELS:
        return f"{100 * label_level:.4g}% corrupted"
    words = corruption.replace("-", " ")
    return words if level == 1 else f"{words}, level {level:.4g}"
