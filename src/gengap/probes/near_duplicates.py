"""Examples that two sets share: equal ones by their bytes, similar ones by cosine similarity."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gengap.arguments import whole_number
from gengap.arrays import Floats, Ints
from gengap.errors import InputError
from gengap.seeds import generator

DIRECTIONS = 192  # of the random projection in which nearest neighbours are sought
_BLOCK = 1_024  # rows whose similarities are in memory at once


class Nearest(NamedTuple):
    """The most similar row of another set.

    Attributes:
        row: Its index, int ``[N]``.
        similarity: Cosine of the two rows, less the mean of the other set, ``[N]``; 0 for a row that is that mean.
    """

    row: Ints
    similarity: Floats


def equal_examples(x: NDArray[Any], other: NDArray[Any]) -> Ints:
    """For each example of ``x`` the first equal one of ``other``, int ``[N]``; -1 where there is none.

    Args:
        x: ``[N, …]``.
        other: ``[M, …]``, of the same shape but for the first axis.

    >>> equal_examples(np.array([[1.0, 2.0], [5.0, 6.0]]), np.array([[0.0, 0.0], [1.0, 2.0]])).tolist()
    [1, -1]
    """
    _check(x, other)
    first: dict[bytes, int] = {}
    for i, digest in enumerate(_digests(other)):
        first.setdefault(digest, i)
    return np.array([first.get(digest, -1) for digest in _digests(x)], dtype=np.int64)


def nearest(x: NDArray[Any], other: NDArray[Any], *, directions: int = DIRECTIONS, seed: int = 0) -> Nearest:
    """For each row of ``x`` a most similar row of ``other``, and how similar the two are.

    Rows of more than ``directions`` numbers are projected at random for the search; the similarity itself is that of
    whole rows. So a row that is nearly the same is found (the projection changes a cosine near 1 by little), while of
    rows that are all unlike, another one than the very nearest may be named.

    Args:
        x: ``[N, …]``, numbers.
        other: ``[M, …]``, likewise.
        directions: Of the projection, at least 1.
        seed: Of the projection.

    Raises:
        InputError: No rows, or rows of two shapes.
    """
    _check(x, other)
    size = whole_number(directions, "directions")
    mean = other.reshape(len(other), -1).mean(0, dtype=np.float64).astype(np.float32)
    projection = None
    if mean.size > size:
        projection = generator(seed, "near duplicates").standard_normal((mean.size, size)).astype(np.float32)
    theirs = np.concatenate([_projected(rows, projection) for rows in _centred(other, mean)])
    index, similarity = [], []
    for rows in _centred(x, mean):
        best = (_projected(rows, projection) @ theirs.T).argmax(1)
        matches = other[best].reshape(len(best), -1).astype(np.float32) - mean
        index.append(best)
        similarity.append(np.vecdot(_unit(rows), _unit(matches)))
    return Nearest(np.concatenate(index).astype(np.int64), np.concatenate(similarity).astype(np.float64))


def _check(x: NDArray[Any], other: NDArray[Any]) -> None:
    if not len(x) or not len(other) or x.shape[1:] != other.shape[1:]:
        raise InputError(f"Examples of shapes {x.shape} and {other.shape}.", expected="some of each, of one shape")


def _digests(x: NDArray[Any]) -> Iterator[bytes]:
    for row in x:
        values = np.ascontiguousarray(row)
        if np.issubdtype(values.dtype, np.floating):
            values = values + 0  # a negative zero becomes zero
        yield blake2b(values.data, digest_size=16).digest()


def _centred(x: NDArray[Any], mean: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(x), _BLOCK):
        rows = x[start : start + _BLOCK]
        yield rows.reshape(len(rows), -1).astype(np.float32) - mean


def _projected(rows: NDArray[np.float32], projection: NDArray[np.float32] | None) -> NDArray[np.float32]:
    return _unit(rows if projection is None else rows @ projection)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    result: NDArray[np.float32] = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return result
