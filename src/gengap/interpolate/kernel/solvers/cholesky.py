"""A Cholesky factor of the kernel matrix by tiles, of which only the lower triangle is stored."""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gengap.errors import InputError
from gengap.interpolate.kernel.solvers.tiles import Advance, KernelTiles


@dataclass(frozen=True)
class Factor:
    """L with L L^T = K + D for a diagonal D between 0 and the jitter: an approximation of K that is easily inverted.

    Attributes:
        rows: Block rows of L before the diagonal.
        corners: Diagonal tiles of L.
        blocks: Where these lie.
        jitter: The largest entry of D.
    """

    rows: list[Tensor]
    corners: list[Tensor]
    blocks: list[slice]
    jitter: float

    def solve(self, vectors: Tensor) -> Tensor:
        """(L L^T)^-1 V; computed on V^T, as in the product with K."""
        x = self._flat(vectors)
        for i, (block, corner) in enumerate(zip(self.blocks, self.corners, strict=True)):
            for columns, tile in self._before(i):
                x[:, block].addmm_(x[:, columns], tile.T, alpha=-1)
            x[:, block] = torch.linalg.solve_triangular(corner.T, x[:, block], upper=True, left=False)
        for i, (block, corner) in reversed(list(enumerate(zip(self.blocks, self.corners, strict=True)))):
            x[:, block] = torch.linalg.solve_triangular(corner, x[:, block], upper=False, left=False)
            for columns, tile in self._before(i):
                x[:, columns].addmm_(x[:, block], tile, alpha=-1)
        return x.T.to(vectors.dtype)

    def multiply(self, vectors: Tensor) -> Tensor:
        """L L^T V."""
        x = self._flat(vectors)
        image, product = torch.zeros_like(x), torch.zeros_like(x)
        for i, (block, corner) in enumerate(zip(self.blocks, self.corners, strict=True)):
            image[:, block] += x[:, block] @ corner
            for columns, tile in self._before(i):
                image[:, columns] += x[:, block] @ tile
        for i, (block, corner) in enumerate(zip(self.blocks, self.corners, strict=True)):
            product[:, block] += image[:, block] @ corner.T
            for columns, tile in self._before(i):
                product[:, block] += image[:, columns] @ tile.T
        return product.T.to(vectors.dtype)

    def _flat(self, vectors: Tensor) -> Tensor:
        """A copy of V^T in the precision of L."""
        return vectors.T.to(self.corners[0].dtype, copy=True, memory_format=torch.contiguous_format)

    def _before(self, i: int) -> Iterator[tuple[slice, Tensor]]:
        """Columns and tiles of block row i left of the diagonal."""
        for columns in self.blocks[:i]:
            yield columns, self.rows[i][:, columns]


def cholesky(tiles: KernelTiles, dtype: torch.dtype, advance: Advance) -> Factor:
    """Factors K row of tiles by row of tiles, each computed from the points when its turn comes.

    Row i becomes (K_ij - L_i L_j^T) L_jj^-T for j < i, products over all columns before, and factors its diagonal tile.
    Where that is not positive definite in this precision, D begins and lasts for all further rows: a multiple of the
    identity, doubled until it does. Time n^3 / 3 + n^2 d operations; memory 2 n^2 bytes in float32.

    Args:
        tiles: The kernel matrix.
        dtype: What L is held and multiplied in: float64 or float32.
        advance: Called with the fraction of the operations that are done.

    Raises:
        InputError: No jitter up to the size of K's diagonal helps: the kernel is not positive semidefinite.
    """
    typical = tiles.diagonal_mean
    check_diagonal(typical)
    jitter = _Jitter(0.0, least=typical * tiles.n * torch.finfo(dtype).eps, most=typical)
    rows: list[Tensor] = []
    corners: list[Tensor] = []
    blocks = tiles.blocks
    for i, block in enumerate(blocks):
        row = tiles.points.new_empty(block.stop - block.start, block.start, dtype=dtype)
        for j, columns in enumerate(blocks[:i]):
            tile = tiles.tile(block, columns, dtype).addmm_(row[:, : columns.start], rows[j].T, alpha=-1)
            row[:, columns] = torch.linalg.solve_triangular(corners[j].T, tile, upper=True, left=False)
        corner = tiles.tile(block, block, dtype).addmm_(row, row.T, alpha=-1)
        jitter = _factor_corner(corner, jitter)
        if jitter.now > jitter.most:
            raise not_positive_semidefinite()
        rows.append(row)
        corners.append(corner)
        advance(((i + 1) / len(blocks)) ** 3)
    return Factor(rows, corners, blocks, jitter.now)


_LEAST_DIAGONAL = sys.float_info.min / sys.float_info.epsilon  # below, rounding is that of subnormal numbers


def check_diagonal(typical: float) -> None:
    """Refuses a kernel whose diagonal cannot be that of a kernel matrix with a solution.

    Args:
        typical: Mean of k(x, x).

    Raises:
        InputError: It is 0, so small that its parts are subnormal numbers, negative or not finite.
    """
    if typical == 0:
        raise InputError(
            "The kernel is 0 at the training points: every function of its space is 0 there.",
            expected="a kernel that is positive at the points",
            next_step="choose another kernel, or add a constant feature",
        )
    if 0 < typical < _LEAST_DIAGONAL:
        raise InputError(
            f"The kernel is {typical:.2g} at the training points: float64 does not hold differences of such numbers.",
            expected=f"at least {_LEAST_DIAGONAL:.2g}",
            next_step="scale the features, or take a smaller bandwidth",
        )
    if not 0 < typical < math.inf:
        raise not_positive_semidefinite()


def not_positive_semidefinite() -> InputError:
    """The error where no jitter helps."""
    return InputError(
        "The kernel matrix is not positive semidefinite.",
        expected="a positive semidefinite kernel of finite values",
        next_step="scale the features or choose another kernel, bandwidth or solver",
    )


class _Jitter(NamedTuple):
    """What is added to the diagonal of the next row, the least above zero, and the most."""

    now: float
    least: float
    most: float


def _factor_corner(tile: Tensor, jitter: _Jitter) -> _Jitter:
    """Replaces a diagonal tile by its factor, with as much jitter as that takes; with too much, leaves it."""
    identity = torch.eye(len(tile), dtype=tile.dtype, device=tile.device)
    now = jitter.now
    while now <= jitter.most:
        factor, failed = torch.linalg.cholesky_ex(tile + now * identity)
        if not failed:
            tile.copy_(factor)
            break
        now = max(2 * now, jitter.least)
    return jitter._replace(now=now)
