"""A Cholesky factor of the kernel matrix by tiles, of which only the lower triangle is held."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gengap.errors import InputError
from gengap.interpolate.solvers.conjugate_gradients import Linear
from gengap.interpolate.solvers.tiles import Advance, KernelTiles

_POWER_STEPS = 12


@dataclass(frozen=True)
class Factor:
    """L with L L^T = K + D for a diagonal D between 0 and the jitter: an approximation of K that is easily inverted.

    Attributes:
        rows: Block rows of L from the first column to the diagonal tile.
        blocks: Where these lie.
        jitter: The largest entry of D.
    """

    rows: list[Tensor]
    blocks: list[slice]
    jitter: float

    @property
    def dtype(self) -> torch.dtype:
        """Precision of L."""
        return self.rows[0].dtype

    def solve(self, vectors: Tensor) -> Tensor:
        """(L L^T)^-1 V, in the factor's precision."""
        x = vectors.to(self.dtype, copy=True)
        for row, block in zip(self.rows, self.blocks, strict=True):
            x[block].addmm_(row[:, : block.start], x[: block.start], alpha=-1)
            x[block] = torch.linalg.solve_triangular(row[:, block.start :], x[block], upper=False)
        for row, block in zip(reversed(self.rows), reversed(self.blocks), strict=True):
            x[block] = torch.linalg.solve_triangular(row[:, block.start :].T, x[block], upper=True)
            x[: block.start].addmm_(row[:, : block.start].T, x[block], alpha=-1)
        return x.to(vectors.dtype)

    def multiply(self, vectors: Tensor) -> Tensor:
        """L L^T V, in the factor's precision."""
        image = torch.zeros_like(vectors, dtype=self.dtype)
        for row, block in zip(self.rows, self.blocks, strict=True):
            image[: block.stop] += row.T @ vectors[block].to(self.dtype)
        product = [row @ image[: block.stop] for row, block in zip(self.rows, self.blocks, strict=True)]
        return torch.cat(product).to(vectors.dtype)

    def condition(self) -> float:
        """Estimate of L L^T's condition number, from below: some steps of power iteration with it and its inverse."""
        generator = torch.Generator().manual_seed(0)
        start = torch.randn(self.blocks[-1].stop, 1, generator=generator).to(self.rows[0])
        return _growth(self.multiply, start) * _growth(self.solve, start)


def cholesky(tiles: KernelTiles, dtype: torch.dtype, advance: Advance) -> Factor:
    """Factors K row of tiles by row of tiles, each computed from the points when its turn comes.

    Row i becomes (K_ij - L_i L_j^T) L_jj^-T for j < i, products over all columns before, and factors its diagonal tile.
    Where that is not positive definite in this precision, D begins and lasts for all further rows: a multiple of the
    identity, from rounding of the trace of K upwards, doubled until it does. Time n^3 / 3 + n^2 d operations, memory
    2 n^2 bytes in float32.

    Raises:
        InputError: No jitter up to the size of K's diagonal helps: the kernel is not positive semidefinite.
    """
    rows: list[Tensor] = []
    blocks = tiles.blocks
    jitter = 0.0
    for i, block in enumerate(blocks):
        row = tiles.points.new_empty(block.stop - block.start, block.stop, dtype=dtype)
        for j, columns in enumerate(blocks[: i + 1]):
            tile, before = row[:, columns], slice(0, columns.start)
            tile.copy_(tiles.tile(block, columns, dtype))
            other = row if i == j else rows[j]
            tile.addmm_(row[:, before], other[:, before].T, alpha=-1)
            if j < i:
                corner = other[:, columns].T
                tile.copy_(torch.linalg.solve_triangular(corner, tile, upper=True, left=False))
        jitter = _factor_diagonal(row[:, block], jitter, tiles)
        rows.append(row)
        advance(((i + 1) / len(blocks)) ** 3)
    return Factor(rows, blocks, jitter)


def _factor_diagonal(tile: Tensor, jitter: float, tiles: KernelTiles) -> float:
    """Replaces a tile by its factor; returns the jitter that it took, at least the one given."""
    typical = tiles.diagonal_mean()
    identity = torch.eye(len(tile), dtype=tile.dtype, device=tile.device)
    factor, failed = torch.linalg.cholesky_ex(tile + jitter * identity)
    while failed:
        jitter = max(2 * jitter, tiles.n * torch.finfo(tile.dtype).eps * typical)
        if not 0 < jitter <= typical:
            raise InputError(
                "The kernel matrix is not positive semidefinite.",
                expected="a positive semidefinite kernel of finite values",
                next_step="scale the features or choose another kernel or bandwidth",
            )
        factor, failed = torch.linalg.cholesky_ex(tile + jitter * identity)
    tile.copy_(factor)
    return jitter


def _growth(linear: Linear, vector: Tensor) -> float:
    """Estimate of the largest eigenvalue."""
    grown = 0.0
    for _ in range(_POWER_STEPS):
        vector = linear(vector / vector.norm())
        grown = float(vector.norm())
    return grown
