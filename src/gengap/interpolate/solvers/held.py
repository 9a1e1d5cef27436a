"""The lower triangle of the kernel matrix, held in memory."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gengap.interpolate.solvers.thin import in_threads, strips
from gengap.interpolate.solvers.tiles import Advance, KernelTiles, Tile, symmetric_product


@dataclass(frozen=True)
class HeldTiles:
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


def held(tiles: KernelTiles, dtype: torch.dtype, advance: Advance) -> HeldTiles:
    """The lower triangle in a precision."""
    found: list[Tile] = []
    for tile in tiles.lower(dtype):
        found.append(tile)
        advance(len(found) / tiles.count)
    return HeldTiles(found)
