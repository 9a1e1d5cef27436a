"""A preconditioner from some columns of the kernel matrix and its diagonal tiles, in memory O(n (rank + tile))."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gengap.interpolate.kernel.solvers.cholesky import check_diagonal, not_positive_semidefinite
from gengap.interpolate.kernel.solvers.skinny_products import times, transposed_times
from gengap.interpolate.kernel.solvers.tiles import Advance, KernelTiles

_RESOLVED = 1e-12  # eigenvalues below this part of the largest are rounding
_POWER_STEPS = 5  # for the direction in which points vary most, which need not be exact
FLOOR, _HIGHEST = 1e-7, 1.0  # added to what is left in the diagonal tiles, as a part of K's diagonal


@dataclass(frozen=True)
class Preconditioner:
    """P^-1 = B^-1 - H H^T for P = F F^T + B, an approximation of K.

    F F^T is the part of K that some of its columns determine, and B the rest within the diagonal tiles, so that points
    act on those of their own tile as they do in K, and on all others through the columns.

    Source: Snelson and Ghahramani 2007, "Local and global sparse Gaussian process approximations", PIC.

    Attributes:
        inverses: B^-1, tile by tile, float64.
        correction: H, ``[n, r]``, float64.
        blocks: Rows of each tile.
    """

    inverses: list[Tensor]
    correction: Tensor
    blocks: list[slice]

    def solve(self, vectors: Tensor) -> Tensor:
        """P^-1 V."""
        near = [times(inverse, vectors[rows]) for inverse, rows in zip(self.inverses, self.blocks, strict=True)]
        return torch.cat(near).sub_(times(self.correction, transposed_times(self.correction, vectors)))


def preconditioner(tiles: KernelTiles, rank: int, seed: int, advance: Advance) -> Preconditioner:
    """The preconditioner from ``rank`` columns of K, drawn uniformly, in time O(n rank (rank + tile + d)).

    With C those columns and W their rows of them, F F^T = C W^-1 C^T. With G = B^-1 F and L L^T = I + F^T G,
    Woodbury's identity makes H = G L^-T.

    Args:
        tiles: K; the nearer to each other the points of a tile, the better.
        rank: Columns, at most n.
        seed: Of the columns.
        advance: Called with the fraction that is done.

    Raises:
        InputError: The kernel is not positive semidefinite.
    """
    check_diagonal(tiles.diagonal_mean)
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(tiles.n, generator=generator)[:rank].to(tiles.points.device)
    landmarks = tiles.points[chosen].to(torch.float64)
    corner = tiles.kernel.between(landmarks, landmarks)
    values, vectors = torch.linalg.eigh(corner)
    kept = values > _RESOLVED * values[-1]
    whitening = vectors[:, kept] / values[kept].sqrt()
    inverses, inner = [], torch.eye(whitening.shape[1], dtype=torch.float64, device=landmarks.device)
    G = landmarks.new_empty(tiles.n, whitening.shape[1])
    for rows in tiles.blocks:
        F = tiles.kernel.between(tiles.points[rows].to(torch.float64), landmarks) @ whitening
        own = tiles.tile(rows, rows, torch.float64)
        typical = float(own.diagonal().mean())
        inverses.append(_inverse(own.addmm_(F, F.T, alpha=-1), typical))
        torch.matmul(inverses[-1], F, out=G[rows])
        inner.addmm_(F.T, G[rows])
        advance(rows.stop / tiles.n)
    lower = torch.linalg.cholesky(inner)
    for rows in tiles.blocks:
        G[rows] = torch.linalg.solve_triangular(lower.T, G[rows], upper=True, left=False)
    return Preconditioner(inverses, G, tiles.blocks)


def _inverse(left: Tensor, typical: float) -> Tensor:
    """Of what is left in a diagonal tile, with as little added to its diagonal as rounding asks for."""
    identity = torch.eye(len(left), dtype=left.dtype, device=left.device)
    floor = FLOOR
    while typical > 0 and floor <= _HIGHEST:
        factor, failed = torch.linalg.cholesky_ex(left + floor * typical * identity)
        if not failed:
            return torch.cholesky_inverse(factor)
        floor *= 10
    raise not_positive_semidefinite()


def neighbourhood_order(points: Tensor, size: int, seed: int) -> Tensor:
    """Indices of the points, block of ``size`` by block.

    The points are halved at the middle block along the direction in which they vary most, then each half again.

    Args:
        points: ``[n, d]``.
        size: Points of a block; the last block may have fewer.
        seed: Of the directions that power iteration starts from.
    """
    generator = torch.Generator().manual_seed(seed)
    return _ordered(points, torch.arange(len(points), device=points.device), size, generator)


def _ordered(points: Tensor, index: Tensor, size: int, generator: torch.Generator) -> Tensor:
    blocks = -(-len(index) // size)
    if blocks == 1:
        return index
    own = points[index]
    index = index[(own @ _direction(own, generator)).argsort(stable=True)]
    del own  # before the halves make copies of theirs
    middle = blocks // 2 * size
    halves = (_ordered(points, half, size, generator) for half in (index[:middle], index[middle:]))
    return torch.cat(list(halves))


def _direction(points: Tensor, generator: torch.Generator) -> Tensor:
    """About the first principal component."""
    mean = points.mean(0)
    vector = torch.randn(points.shape[1], generator=generator).to(points)
    for _ in range(_POWER_STEPS):
        along = points @ vector - mean @ vector
        vector = points.T @ along - mean * along.sum()
        vector = vector / vector.norm().clamp(min=torch.finfo(vector.dtype).tiny)
    return vector
