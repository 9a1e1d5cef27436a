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
SIDE = 16  # pixels of the thumbnails whose detail is compared
_CANDIDATES = 8  # most similar rows of the projection, which are compared whole
_BLOCK = 512  # rows whose similarities are in memory at once


class Nearest(NamedTuple):
    """The most similar row of another set.

    Attributes:
        row: Its index, int ``[N]``.
        similarity: Cosine of the two rows, less the mean of the other set, ``[N]``; 0 for a row that is that mean.
        third: The same of the third most similar row, ``[N]``; 0 where the other set has fewer than three.
    """

    row: Ints
    similarity: Floats
    third: Floats

    def stands_out(self, least: float, ratio: float) -> NDArray[np.bool_]:
        """Rows whose match is similar, and far more so than chance makes the closest of many, ``[N]``.

        Where all rows are alike (the digit 1, a sky) the third most similar row is about as similar as the first; a
        copy stands out: 1 - similarity is at most ``ratio`` of 1 - third (the ratio test of Lowe 2004, section 7.1;
        third in place of second, since a training set may hold an example twice).

        Args:
            least: Similarity.
            ratio: Of the distances 1 - cosine, in [0, 1].
        """
        return (self.similarity >= least) & (1 - self.similarity <= ratio * (1 - self.third))


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


def image_detail(images: NDArray[Any]) -> NDArray[np.float32]:
    """What of images is compared to find copies: thumbnails less the mean of the 3 x 3 pixels around each, ``[N, D]``.

    Smooth parts, brightness and a plain background leave nothing, so that two images are similar where their edges
    and textures lie in the same places. Thumbnails have 16 to 31 pixels along the shorter side, by averages over whole
    squares; smaller images stay as they are.

    Args:
        images: ``[N, C, H, W]``, numbers.

    >>> image_detail(np.full((1, 1, 32, 32), 7.0)).shape
    (1, 256)
    """
    factor = max(1, min(images.shape[2:]) // SIDE)
    parts = [_detail(images[i : i + _BLOCK], factor) for i in range(0, len(images), _BLOCK)]
    return np.concatenate(parts)


def _detail(images: NDArray[Any], factor: int) -> NDArray[np.float32]:
    n, c, h, w = (*images.shape[:2], images.shape[2] // factor, images.shape[3] // factor)
    whole = images[:, :, : h * factor, : w * factor]
    small = whole.reshape(n, c, h, factor, w, factor).mean((3, 5), dtype=np.float32)
    padded = np.pad(small, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    around = sum(padded[:, :, i : i + h, j : j + w] for i in range(3) for j in range(3)) / np.float32(9)
    result: NDArray[np.float32] = (small - around).reshape(n, -1)
    return result


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
    count = min(_CANDIDATES, len(other))
    index, similarity, third = [], [], []
    for rows in _centred(x, mean):
        found = np.argpartition(_projected(rows, projection) @ theirs.T, -count, axis=1)[:, -count:]
        matches = other[found].reshape(len(rows), count, -1).astype(np.float32) - mean
        cosines = np.vecdot(_unit(rows)[:, None], _unit(matches))
        order = np.argsort(-cosines, axis=1, kind="stable")
        index.append(np.take_along_axis(found, order[:, :1], 1)[:, 0])
        ranked = np.take_along_axis(cosines, order, 1)
        similarity.append(ranked[:, 0])
        third.append(ranked[:, 2] if count > 2 else np.zeros(len(rows)))
    return Nearest(*(np.concatenate(parts) for parts in (index, similarity, third)))


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
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    result: NDArray[np.float32] = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return result
