"""The kernel matrix by tiles, of which only the lower triangle is ever computed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gengap.interpolate.kernel.formulas import Kernel
from gengap.interpolate.kernel.solvers.skinny_products import in_threads, strips

Advance = Callable[[float], None]  # called with the fraction of a phase that is done
PhaseProgress = Callable[[str, float], None]  # called with the name of a phase and the fraction of it that is done
_SAMPLE = 128  # points whose k(x, x) is computed
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

    @cached_property
    def diagonal_mean(self) -> float:
        """Mean of k(x, x) over some of the points, from all parts of their order."""
        some = self.points[:: -(-self.n // _SAMPLE)].to(torch.float64)
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


@dataclass(frozen=True)
class StoredTiles:
    """2 n^2 bytes in float32, 4 n^2 in float64."""

    tiles: list[Tile]

    def product(self, vectors: Tensor, advance: Advance) -> Tensor:
        """K V: each tile's part in its precision, their sum in that of V."""
        first = self.tiles[0][2]
        if first.device.type != "cpu":
            return symmetric_product(iter(self.tiles), len(self.tiles), vectors, advance)
        tall = np.ascontiguousarray(vectors.numpy(), first.numpy().dtype)
        flat = np.ascontiguousarray(tall.T)

        def share(which: slice) -> NDArray[np.float64]:
            """What some tiles, each of which serves twice off the diagonal, add to (K V)^T."""
            product = np.zeros(flat.shape)
            for rows, columns, tile in self.tiles[which]:
                below = np.zeros((len(flat), columns.stop - columns.start), flat.dtype)
                for own, strip in strips(tile.numpy(), len(flat)):
                    product[:, rows][:, own] += (strip @ tall[columns]).T
                    if rows != columns:
                        below += flat[:, rows][:, own] @ strip
                product[:, columns] += below
            return product

        workers = torch.get_num_threads()
        parts = in_threads(share, [slice(start, None, workers) for start in range(workers)])
        advance(1.0)
        return torch.from_numpy(np.ascontiguousarray(np.sum(parts, axis=0).T))


def stored(tiles: KernelTiles, dtype: torch.dtype, advance: Advance) -> StoredTiles:
    """The lower triangle in a precision."""
    result: list[Tile] = []
    for tile in tiles.lower(dtype):
        result.append(tile)
        advance(len(result) / tiles.count)
    return StoredTiles(result)
