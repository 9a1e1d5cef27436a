"""One model on a set of questions: a loss for each, whatever file it came from, and the units that are independent."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.arrays import Floats
from gengap.bounds import one_for_each
from gengap.errors import InputError, listed, unknown


@dataclass(frozen=True)
class Evaluation:
    """Losses of one model, one for each question.

    Attributes:
        source: The file's name.
        model: The model's name; the file's where it has none.
        metric: What was measured, for people: ``"error rate"`` for labels, the metric's name in a log.
        losses: In [0, 1], shape (N,): errors, or 1 - score where a larger score is better.
        zero_one: Whether each loss is that of one prediction, right or wrong.
        share: Whether the loss is an error rate or a share of errors, which is written as a percentage.
        is_score: Whether the file holds scores, so that a promise is a lower bound.
        loss_bound: What a loss of 1 is worth in the file's unit.
        best: The score of a loss of 0.
        items: The questions' names, shape (N,); None where the file names none.
        labels: The labels of the questions, to see that two files are of the same; None where there are none.
        columns: Other columns, one value a question, by their names.
        remarks: What was seen in the file that the reader should know.
    """

    source: str
    model: str
    metric: str
    losses: Floats
    zero_one: bool = True
    share: bool = True
    is_score: bool = False
    loss_bound: float = 1.0
    best: float = 1.0
    items: NDArray[Any] | None = None
    labels: NDArray[Any] | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def column(self, name: str) -> NDArray[Any]:
        """A column of values, one a question, without gaps.

        Raises:
            InputError: There is no such column, or a value is missing.
        """
        if name not in self.columns:
            raise unknown(f"column of {self.source}", name, self.columns)
        return one_for_each(f"{self.source}: {name}", self.columns[name])

    def once_each(self) -> "Evaluation":
        """The same with one loss for each item: repetitions (epochs, runs) are averaged, as they are not independent.

        Raises:
            InputError: A column has different values in the repetitions of an item that are needed as one.
        """
        if self.items is None:
            return self
        import pandas as pd  # whose hashing is far faster than sorting text

        if pd.Index(self.items).is_unique:
            return self
        names, first, inverse = np.unique(self.items, return_index=True, return_inverse=True)
        repeats = np.bincount(inverse)
        means = np.bincount(inverse, weights=self.losses) / repeats
        times = f"{repeats.min():,}" if repeats.min() == repeats.max() else f"{repeats.min():,} to {repeats.max():,}"
        remark = (
            f"{self.source}: {self.items.size:,} rows are {names.size:,} questions, {times} times each; repetitions of "
            "a question depend on each other and were averaged."
        )
        return replace(
            self,
            items=names,
            losses=np.minimum(means, 1.0),
            zero_one=False,
            labels=None if self.labels is None else self.labels[first],
            columns={name: _constant(values, first, inverse) for name, values in self.columns.items()},
            remarks=(*self.remarks, remark),
        )

    def in_order_of(self, other: "Evaluation") -> "Evaluation":
        """The same with its questions in the other's order, by their names where both have names.

        Raises:
            InputError: The questions are not the same.
        """
        if self.items is None or other.items is None:
            if self.losses.size != other.losses.size:
                raise InputError(
                    f"The two files hold {other.losses.size:,} and {self.losses.size:,} examples.",
                    expected="the same held-out examples",
                )
            return self
        if np.array_equal(self.items, other.items):
            return self
        position = {name: i for i, name in enumerate(self.items.tolist())}
        absent = [name for name in other.items.tolist() if name not in position]
        if absent or self.items.size != other.items.size:
            mine, theirs = f"{self.source} ({self.model})", f"{other.source} ({other.model})"
            extra = sorted(set(self.items.tolist()) - set(other.items.tolist()))
            has, lacks, which = (theirs, mine, absent) if absent else (mine, theirs, extra)
            raise InputError(
                f"{lacks} does not hold {len(which):,} of the questions of {has}: {listed(which)!s:.60}.",
                expected="the same held-out questions for each model",
            )
        rows = np.array([position[name] for name in other.items.tolist()])
        return replace(
            self,
            items=self.items[rows],
            losses=self.losses[rows],
            labels=None if self.labels is None else self.labels[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
        )


def _constant(values: NDArray[Any], first: NDArray[np.intp], inverse: NDArray[np.intp]) -> NDArray[Any]:
    """The column's value for each item; None where its repetitions disagree, which then counts as missing."""
    chosen = values[first].astype(object)
    same = np.array([a == b or (a != a and b != b) for a, b in zip(chosen[inverse], values, strict=True)])
    chosen[np.unique(inverse[~same])] = None
    return chosen
