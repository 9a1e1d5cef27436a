"""The kernel matrix whole in the CPU's memory, and its factor by LAPACK."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpotrf, dpotrs, spotrf, spotrs
from torch import Tensor

from gengap.arrays import AnyArray, Floats
from gengap.interpolate.kernel.from_products import FromProducts
from gengap.interpolate.kernel.solvers.skinny_products import in_threads, times
from gengap.interpolate.kernel.solvers.tiles import Advance, KernelTiles

_PIVOT = 4  # times rounding: a squared pivot below it is rounding, and no part of K
_SIDE = 192  # rows and columns of K that a thread works on at a time: they stay in the cache


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
    matrix = _upper_products(points)
    advance(0.8)
    share = partial(_transform, tiles.kernel.from_products, matrix, matrix.diagonal().copy(), points)
    workers = torch.get_num_threads()
    in_threads(share, [slice(start, None, workers) for start in range(workers)])
    advance(1.0)
    return DenseKernel(matrix)


def _upper_products(points: Floats) -> Floats:
    """The upper triangle of all inner products; below it are zeros. A feature that all points lack adds nothing."""
    used = np.flatnonzero(points.any(axis=0))
    if 0 < len(used) < points.shape[1]:
        points = points.take(used, axis=1)
    lower = dsyrk(1.0, points.T, trans=True, lower=True)  # in Fortran's order
    return np.asarray(lower.T)


def _transform(function: FromProducts, matrix: Floats, squares: Floats, points: Floats, share: slice) -> None:
    """K in place of some block rows of the inner products, and of the block columns that mirror them."""
    blocks = [slice(start, min(start + _SIDE, len(matrix))) for start in range(0, len(matrix), _SIDE)]
    for i in range(len(blocks))[share]:
        rows = blocks[i]
        corner = matrix[rows, rows]
        function(corner, squares, points, rows, rows)
        corner[:] = np.triu(corner) + np.triu(corner, 1).T
        for columns in blocks[i + 1 :]:
            tile = matrix[rows, columns].copy()
            function(tile, squares, points, rows, columns)
            matrix[rows, columns], matrix[columns, rows] = tile, tile.T


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
    upper = _upper_copy(kernel.matrix, np.float32 if narrow else np.float64)  # its transpose is in Fortran's order
    lower, failed = (spotrf if narrow else dpotrf)(upper.T, lower=True, clean=False, overwrite_a=True)
    advance(1.0)
    least, largest = float(lower.diagonal().min()) ** 2, float(kernel.matrix.diagonal().max())
    if failed or not least > _PIVOT * np.finfo(lower.dtype).eps * len(lower) ** 0.5 * largest:
        return None
    return DenseFactor(lower)


def _upper_copy(matrix: Floats, dtype: type[np.float32] | type[np.float64]) -> AnyArray:
    """The upper triangle in a precision; what is below it is not filled."""
    result = np.empty(matrix.shape, dtype)
    for start in range(0, len(matrix), _SIDE):
        rows = slice(start, start + _SIDE)
        result[rows, start:] = matrix[rows, start:]
    return result
