"""A Cholesky factor of the kernel matrix by tiles, of which only the lower triangle is held."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gengap.errors import InputError
from gengap.interpolate.solvers.conjugate_gradients import Linear
from gengap.interpolate.solvers.tiles import Advance, KernelTiles

_POWER_STEPS = 12
_INDEPENDENT = 3 / 16  # measured: two thirds of it may be too little for images of MNIST and bandwidth 5


@dataclass(frozen=True)
class Factor:
    """L with L L^T = K + D for a diagonal D between 0 and the jitter: an approximation of K that is easily inverted.

    Attributes:
        rows: Block rows of L before the diagonal, in the precision that L is held in.
        corners: Diagonal tiles of L, in the precision of the arithmetic: float32 where L is held in bfloat16.
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
        """A copy of V^T in the precision of the arithmetic."""
        return vectors.T.to(self.corners[0].dtype, copy=True, memory_format=torch.contiguous_format)

    def condition(self) -> float:
        """Estimate of L L^T's condition number, from below: some steps of power iteration with it and its inverse."""
        generator = torch.Generator().manual_seed(0)
        start = torch.randn(self.blocks[-1].stop, 1, generator=generator).to(self.corners[0])
        return _growth(self.multiply, start) * _growth(self.solve, start)

    def _before(self, i: int) -> Iterator[tuple[slice, Tensor]]:
        """Columns and tiles of block row i left of the diagonal, in the precision of the arithmetic."""
        for columns in self.blocks[:i]:
            yield columns, self.rows[i][:, columns].to(self.corners[0].dtype)


def cholesky(tiles: KernelTiles, dtype: torch.dtype, advance: Advance) -> Factor:
    """Factors K row of tiles by row of tiles, each computed from the points when its turn comes.

    Row i becomes (K_ij - L_i L_j^T) L_jj^-T for j < i, products over all columns before, and factors its diagonal tile.
    Where that is not positive definite in this precision, D begins and lasts for all further rows: a multiple of the
    identity, doubled until it does. In bfloat16, which always needs one, D is there from the first row; where it does
    not suffice, all begins again with twice as much, since rounding has grown beyond repair by then. Time
    n^3 / 3 + n^2 d operations; memory 2 n^2 bytes in float32.

    Args:
        tiles: The kernel matrix.
        dtype: What L is held and multiplied in: float64, float32, or bfloat16, with the rest in float32 then.
        advance: Told the fraction of the operations that are done.

    Raises:
        InputError: No jitter up to the size of K's diagonal helps: the kernel is not positive semidefinite.
    """
    typical = tiles.diagonal_mean()
    least = typical * _rounding(tiles.n, dtype)
    fixed = dtype == torch.bfloat16
    jitter = least if fixed else 0.0
    while jitter <= typical:
        if factor := _factored(tiles, dtype, _Jitter(jitter, least, jitter if fixed else typical), advance):
            return factor
        jitter = 2 * jitter if fixed else math.inf
    raise InputError(
        "The kernel matrix is not positive semidefinite.",
        expected="a positive semidefinite kernel of finite values",
        next_step="scale the features or choose another kernel, bandwidth or solver",
    )


class _Jitter(NamedTuple):
    """What is added to the diagonal of the next row, the least above zero, and the most."""

    now: float
    least: float
    most: float


def _factored(tiles: KernelTiles, dtype: torch.dtype, jitter: _Jitter, advance: Advance) -> Factor | None:
    """The factor; None where the jitter does not suffice."""
    rows: list[Tensor] = []
    corners: list[Tensor] = []
    blocks = tiles.blocks
    for i, block in enumerate(blocks):
        row = tiles.points.new_empty(block.stop - block.start, block.start, dtype=dtype)
        for j, columns in enumerate(blocks[:i]):
            tile = tiles.tile(block, columns, torch.promote_types(dtype, torch.float32))
            _subtract_product(tile, row[:, : columns.start], rows[j])
            row[:, columns] = torch.linalg.solve_triangular(corners[j].T, tile, upper=True, left=False)
        corner = tiles.tile(block, block, torch.promote_types(dtype, torch.float32))
        _subtract_product(corner, row, row)
        jitter = _factor_corner(corner, jitter)
        if jitter.now > jitter.most:
            return None
        rows.append(row)
        corners.append(corner)
        advance(((i + 1) / len(blocks)) ** 3)
    return Factor(rows, corners, blocks, jitter.now)


def _subtract_product(tile: Tensor, left: Tensor, right: Tensor) -> None:
    """The tile less left right^T, in place."""
    if left.dtype == tile.dtype:
        tile.addmm_(left, right.T, alpha=-1)
    else:
        tile -= left @ right.T


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


def _rounding(n: int, dtype: torch.dtype) -> float:
    """The first jitter to try, as a part of K's diagonal: what rounding does to the eigenvalues of L L^T.

    In float64 and float32 it is rounding of the trace, n eps. In bfloat16 that would be as large as K itself, and its
    errors are taken as independent: a matrix of them has a norm of order sqrt(n) eps.
    """
    eps = torch.finfo(dtype).eps
    return _INDEPENDENT * math.sqrt(n) * eps if dtype == torch.bfloat16 else n * eps


def _growth(linear: Linear, vector: Tensor) -> float:
    """Estimate of the largest eigenvalue."""
    grown = 0.0
    for _ in range(_POWER_STEPS):
        vector = linear(vector / vector.norm())
        grown = float(vector.norm())
    return grown
