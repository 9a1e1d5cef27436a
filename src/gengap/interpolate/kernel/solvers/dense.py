"""The kernel matrix whole in the CPU's memory, and its factor by LAPACK."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from scipy.linalg.lapack import dpotrf, dpotrs, spotrf, spotrs
from torch import Tensor

from gengap.arrays import AnyArray, Floats
from gengap.interpolate.kernel.from_products import FromProducts
from gengap.interpolate.kernel.solvers.skinny_products import equal_parts, in_threads, times
from gengap.interpolate.kernel.solvers.tiles import Advance, KernelTiles

_PIVOT = 4  # times rounding: a squared pivot below it is rounding, and no part of K
_BLOCK_VALUES = 1 << 16  # entries of K that a thread works on at a time: they stay in the cache


@dataclass(frozen=True)
class DenseKernel:
    """K, ``[n, n]``, float64."""

    matrix: Floats

    def product(self, vectors: Tensor, advance: Advance) -> Tensor:
        """K V."""
        result = times(torch.from_numpy(self.matrix), vectors)
        advance(1.0)
        return result


def dense_kernel(tiles: KernelTiles, advance: Advance) -> DenseKernel:
    """K from one symmetric product of all points where the kernel is a function of inner products, else by tiles."""
    points = tiles.points.to(torch.float64).numpy()
    if tiles.kernel.from_products is None:
        matrix = np.empty((tiles.n, tiles.n))
        for done, (rows, columns, tile) in enumerate(tiles.lower(torch.float64), start=1):
            matrix[rows, columns] = tile.numpy()
            matrix[columns, rows] = tile.numpy().T
            advance(done / tiles.count)
        return DenseKernel(matrix)
    matrix = points @ points.T
    advance(0.8)
    share = partial(_transform, tiles.kernel.from_products, matrix, matrix.diagonal().copy(), points)
    in_threads(share, equal_parts(tiles.n))
    advance(1.0)
    return DenseKernel(matrix)


def _transform(function: FromProducts, matrix: Floats, squares: Floats, points: Floats, share: slice) -> None:
    step = max(1, _BLOCK_VALUES // len(matrix))
    for start in range(share.start, share.stop, step):
        rows = slice(start, min(start + step, share.stop))
        function(matrix[rows], squares, points, rows)


@dataclass(frozen=True)
class DenseFactor:
    """L with L L^T = K, in float64 or float32, of which LAPACK uses the lower triangle."""

    lower: AnyArray
    jitter: float = 0.0

    def solve(self, vectors: Tensor) -> Tensor:
        """(L L^T)^-1 V, rounded to the precision of L."""
        solve = dpotrs if self.lower.dtype == np.float64 else spotrs
        right = np.array(vectors.numpy(), dtype=self.lower.dtype, order="F")  # a copy, which LAPACK overwrites
        result, _ = solve(self.lower, right, lower=True, overwrite_b=True)
        return torch.from_numpy(np.ascontiguousarray(result)).to(vectors.dtype)

    def multiply(self, vectors: Tensor) -> Tensor:
        """L L^T V; for tests."""
        L = np.tril(self.lower).astype(np.float64)
        return torch.from_numpy(L @ (L.T @ vectors.numpy()))


def dense_factor(kernel: DenseKernel, dtype: torch.dtype, advance: Advance) -> DenseFactor | None:
    """Cholesky's factor of K in a precision; None where K is not positive definite in it, but for rounding."""
    narrow = dtype == torch.float32
    copy = kernel.matrix.astype(np.float32 if narrow else np.float64)  # its transpose is in Fortran's order
    lower, failed = (spotrf if narrow else dpotrf)(copy.T, lower=True, clean=False, overwrite_a=True)
    advance(1.0)
    least, largest = float(lower.diagonal().min()) ** 2, float(kernel.matrix.diagonal().max())
    if failed or not least > _PIVOT * np.finfo(lower.dtype).eps * len(lower) ** 0.5 * largest:
        return None
    return DenseFactor(lower)
