"""Products of large matrices with a few vectors on a CPU.

OpenBLAS copies a large matrix before it multiplies it, which for a few vectors costs more than the product; up to a
million multiplications at once it does in place. So matrices are taken by strips of rows: two to three times as fast.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from threading import Lock
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]
from torch import Tensor

_IN_PLACE = 1_000_000  # multiplications
_FEWEST, _MOST = 16, 96  # rows of a strip

Array = NDArray[np.float64] | NDArray[np.float32]
Result = TypeVar("Result")
# How many threads BLAS has is the whole process's: one at a time changes it, and changes it back.
_LIMITING = Lock()


def strips(matrix: Array, count: int) -> Iterator[tuple[slice, Array]]:
    """Rows of a matrix, as many at once as are multiplied with ``count`` vectors in place."""
    height, width = matrix.shape
    rows = min(_MOST, max(_FEWEST, _IN_PLACE // (count * max(1, width)) // _FEWEST * _FEWEST))
    for start in range(0, height, rows):
        own = slice(start, min(start + rows, height))
        yield own, matrix[own]


def times(matrix: Tensor, vectors: Tensor) -> Tensor:
    """A V for A ``[m, k]`` and V ``[k, C]``."""
    if matrix.device.type != "cpu":
        return matrix @ vectors
    tall, product = vectors.numpy(), np.empty((len(matrix), vectors.shape[1]), vectors.numpy().dtype)

    def share(rows: slice) -> None:
        for own, strip in strips(matrix.numpy()[rows], tall.shape[1]):
            np.matmul(strip, tall, out=product[rows][own])

    in_threads(share, equal_parts(len(matrix)))
    return torch.from_numpy(product)


def transposed_times(matrix: Tensor, vectors: Tensor) -> Tensor:
    """A^T V for A ``[m, k]`` and V ``[m, C]``."""
    if matrix.device.type != "cpu":
        return matrix.T @ vectors
    flat = np.ascontiguousarray(vectors.numpy().T)

    def share(rows: slice) -> Array:
        product = np.zeros((len(flat), matrix.shape[1]), flat.dtype)
        for own, strip in strips(matrix.numpy()[rows], len(flat)):
            product += flat[:, rows][:, own] @ strip
        return product

    return torch.from_numpy(np.ascontiguousarray(np.sum(in_threads(share, equal_parts(len(matrix))), axis=0).T))


def in_threads(work: Callable[[slice], Result], parts: Sequence[slice]) -> list[Result]:
    """The results of work on each part, in a thread for each; BLAS has one thread in each of these."""
    with _LIMITING, _libraries().limit(limits=1, user_api="blas"):
        if len(parts) == 1:
            return [work(parts[0])]
        with ThreadPoolExecutor(len(parts)) as pool:
            return list(pool.map(work, parts))


def equal_parts(count: int) -> list[slice]:
    """As many equal parts as PyTorch has threads."""
    workers = torch.get_num_threads()
    ends = [count * i // workers for i in range(workers + 1)]
    return [slice(a, b) for a, b in pairwise(ends)]


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()
