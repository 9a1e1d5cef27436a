"""Pairs of networks, and a sample of those along a hyperparameter that needs no list of all."""

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
        """These, or ``most`` of them drawn without replacement."""
        if len(self) <= most:
            return self
        chosen = rng.choice(len(self), most, replace=False)
        return PairsAlong(
            self.first[chosen],
            self.second[chosen],
            self.total,
            group=self.group[chosen],
            stands_for=self.stands_for[chosen],
        )


def pairs_along(group: Indices, level: Indices, most: int, seed: int = 0) -> PairsAlong:
    """Unordered pairs of rows of one group and different levels: all, or a sample of equally many from each group.

    Args:
        group: Number of each row's group, ``[N]``.
        level: Number of its level, ``[N]``.
        most: Pairs, beyond which a group with more than its share of them has a sample of that size, drawn with
            replacement.
        seed: Of the sample.
    """
    rows = np.lexsort((level, group))
    ends = np.searchsorted(group[rows], group[rows], side="right")
    cell = group[rows] * (int(level.max()) + 1) + level[rows]
    next_level = np.searchsorted(cell, cell, side="right")
    # A row is paired with all rows of its group that have a later level: those from next_level to ends.
    starts = np.concatenate([[0], np.cumsum(ends - next_level)])
    numbers, stands_for = _numbers(starts[np.unique(np.append(ends, 0))], most, np.random.default_rng(seed))
    one = np.searchsorted(starts, numbers, side="right") - 1
    first, second = rows[one], rows[numbers - starts[one] + next_level[one]]
    return PairsAlong(first, second, int(starts[-1]), group=group[first], stands_for=stands_for)


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
