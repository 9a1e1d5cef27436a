"""The kernel matrix by tiles, of which only the lower triangle is ever computed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gengap.interpolate.kernels import Kernel

Advance = Callable[[float], None]  # told the fraction of a piece of work that is done
Tile = tuple[slice, slice, Tensor]  # its rows, its columns, its values


@dataclass(frozen=True)
class KernelTiles:
    """K of n points, in blocks of ``size`` rows and columns.

    Attributes:
        kernel: The kernel.
        points: As the kernel takes them, ``[n, d]``, on the device that computes.
        size: Rows of a tile.
    """

    kernel: Kernel
    points: Tensor
    size: int

    @property
    def n(self) -> int:
        """Number of points."""
        return len(self.points)

    @property
    def blocks(self) -> list[slice]:
        """Rows of each block, in order."""
        return [slice(start, min(start + self.size, self.n)) for start in range(0, self.n, self.size)]

    def tile(self, rows: slice, columns: slice, dtype: torch.dtype) -> Tensor:
        """That part of K."""
        return self.kernel.between(self.points[rows].to(dtype), self.points[columns].to(dtype))

    def diagonal_mean(self) -> float:
        """Mean of k(x, x) over some of the points, from all parts of their order."""
        some = self.points[:: -(-self.n // self.size)].to(torch.float64)
        return float(self.kernel.between(some, some).diagonal().mean())

    def product(self, vectors: Tensor, advance: Advance) -> Tensor:
        """K V in float64, from tiles computed anew in float64; V is ``[n, C]``."""
        return symmetric_product(self.lower(torch.float64), self.count, vectors, advance)

    @property
    def count(self) -> int:
        """Tiles of the lower triangle."""
        blocks = -(-self.n // self.size)
        return blocks * (blocks + 1) // 2

    def lower(self, dtype: torch.dtype) -> Iterator[Tile]:
        """The tiles of the lower triangle, row of tiles by row of tiles."""
        blocks = self.blocks
        for i, rows in enumerate(blocks):
            for columns in blocks[: i + 1]:
                yield rows, columns, self.tile(rows, columns, dtype)


def symmetric_product(tiles: Iterator[Tile], count: int, vectors: Tensor, advance: Advance) -> Tensor:
    """K V from the tiles of the lower triangle, each of which serves twice off the diagonal.

    Products are of V^T, long and flat, which BLAS multiplies with a tile some times faster than V, narrow and tall.
    """
    flat = vectors.T.contiguous()
    product = torch.zeros_like(flat)
    for done, (rows, columns, tile) in enumerate(tiles, start=1):
        product[:, rows] += flat[:, columns].to(tile.dtype) @ tile.T
        if columns != rows:
            product[:, columns] += flat[:, rows].to(tile.dtype) @ tile
        advance(done / count)
    return product.T.contiguous()
