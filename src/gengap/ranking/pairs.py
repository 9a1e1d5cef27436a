"""Pairs of networks, and a sample of those along a hyperparameter that needs no list of all."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gengap.arrays import Floats

Indices = NDArray[np.int64]


class Codes(NamedTuple):
    """The values that pairs have of some hyperparameters, numbered.

    Attributes:
        of: Number of each pair's values, ``[M]``.
        reverse: Number of some values -> that of the same values the other way round.
    """

    of: Indices
    reverse: Indices


@dataclass(eq=False)
class Pairs:
    """Pairs of networks, by their numbers.

    Attributes:
        first, second: Numbers of the networks, ``[M]`` each.
        total: How many pairs there are; more than M where only a sample was drawn.
        codes: Conditioning set -> its values, numbered; made at the first use, for all measures.
    """

    first: Indices
    second: Indices
    total: int
    codes: dict[tuple[str, ...], Codes] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.first)

    @property
    def sampled(self) -> bool:
        """Whether these are a sample of the pairs."""
        return len(self.first) < self.total


@dataclass(eq=False)
class PairsAlong(Pairs):
    """Pairs that differ in one hyperparameter alone.

    Attributes:
        group: Number of the setting of all other hyperparameters, ``[M]``.
        stands_for: How many pairs of its group each one stands for, ``[M]``: 1 unless they are a sample.
    """

    group: Indices = field(kw_only=True, repr=False)
    stands_for: Floats = field(kw_only=True, repr=False)

    def some(self, most: int, rng: np.random.Generator) -> "PairsAlong":
        """These, or a sample of about ``most``: equally many from each group that has so many, at least one."""
        if len(self) <= most:
            return self
        by_group = np.argsort(self.group, kind="stable")
        bounds = np.append(np.unique(self.group[by_group], return_index=True)[1], len(self))
        numbers, stands_for = _numbers(bounds, most, rng)
        chosen = by_group[numbers]
        return PairsAlong(
            self.first[chosen],
            self.second[chosen],
            self.total,
            group=self.group[chosen],
            stands_for=self.stands_for[chosen] * stands_for,
        )


@dataclass(frozen=True, eq=False)
class Layout:
    """All unordered pairs of rows of one group and different levels, numbered group by group.

    A row is paired with all rows of its group that have a later level.

    Attributes:
        rows: The rows by group and level, ``[N]``.
        later: Where in ``rows`` the next level of each one's group begins, ``[N]``.
        starts: Number of each one's first pair, ``[N + 1]``; the last is the number of pairs.
        group: Number of each row's group, ``[N]``, in the rows' own order.
    """

    rows: Indices = field(repr=False)
    later: Indices = field(repr=False)
    starts: Indices = field(repr=False)
    group: Indices = field(repr=False)

    @property
    def total(self) -> int:
        """How many pairs there are."""
        return int(self.starts[-1])

    def pairs(self, numbers: Indices, stands_for: Floats) -> PairsAlong:
        """The pairs of these numbers."""
        one = np.searchsorted(self.starts, numbers, side="right") - 1
        first, second = self.rows[one], self.rows[numbers - self.starts[one] + self.later[one]]
        return PairsAlong(first, second, self.total, group=self.group[first], stands_for=stands_for)

    def sample(self, most: int, seed: int = 0) -> PairsAlong:
        """All pairs, or a sample of equally many from each group.

        Args:
            most: Pairs, beyond which a group with more than its share of them has a sample of that size, drawn with
                replacement.
            seed: Of the sample.
        """
        ends = np.unique(self.group, return_counts=True)[1].cumsum()
        bounds = self.starts[np.append(0, ends)]
        return self.pairs(*_numbers(bounds, most, np.random.default_rng(seed)))

    def blocks(self, size: int) -> Iterator[PairsAlong]:
        """All pairs, ``size`` at a time."""
        for start in range(0, self.total, size):
            numbers = np.arange(start, min(start + size, self.total))
            yield self.pairs(numbers, np.ones(len(numbers)))


def layout(group: Indices, level: Indices) -> Layout:
    """The pairs of rows of one group and different levels.

    Args:
        group: Number of each row's group, ``[N]``.
        level: Number of its level, ``[N]``.
    """
    rows = np.lexsort((level, group))
    ends = np.searchsorted(group[rows], group[rows], side="right")
    cell = group[rows] * (int(level.max()) + 1) + level[rows]
    later = np.searchsorted(cell, cell, side="right")
    return Layout(rows, later, np.concatenate([[0], np.cumsum(ends - later)]), group)


def _numbers(bounds: Indices, most: int, rng: np.random.Generator) -> tuple[Indices, Floats]:
    """Numbers of pairs, those of group k from bounds[k] to bounds[k + 1], and how many each stands for."""
    counts = np.diff(bounds)
    if bounds[-1] <= most:
        return np.arange(bounds[-1]), np.ones(bounds[-1])
    share = max(most // int((counts > 0).sum()), 1)
    small, large = bounds[:-1][counts <= share], bounds[:-1][counts > share]
    sizes, many = counts[counts <= share], counts[counts > share]
    whole = np.arange(sizes.sum()) + np.repeat(small - np.cumsum(sizes) + sizes, sizes)
    drawn = large[:, None] + rng.integers(0, many[:, None], (len(many), share))
    stands_for = np.concatenate([np.ones(len(whole)), np.repeat(many / share, share)])
    return np.concatenate([whole, drawn.reshape(-1)]), stands_for
