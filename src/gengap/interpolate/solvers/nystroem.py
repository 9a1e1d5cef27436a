"""A preconditioner from some columns of the kernel matrix, in memory O(n rank)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gengap.interpolate.solvers.tiles import Advance, KernelTiles

_RESOLVED = 1e-12  # eigenvalues below this part of the largest are rounding


@dataclass(frozen=True)
class Nystroem:
    """P^-1 = I + U (s / Lambda - 1) U^T for K ~ U Lambda U^T with least eigenvalue s: K with its top made flat.

    Source: Frangella, Tropp and Udell 2023, equation 1.3 without regularisation, up to the factor s; U and Lambda from
    uniformly drawn columns (Williams and Seeger 2001).

    Attributes:
        vectors: U, orthonormal columns, ``[n, r]``, float64.
        values: Lambda, ascending, ``[r]``.
    """

    vectors: Tensor
    values: Tensor

    def solve(self, vectors: Tensor) -> Tensor:
        """P^-1 V."""
        shrink = self.values[0] / self.values - 1
        return vectors + self.vectors @ (shrink[:, None] * (self.vectors.T @ vectors))

    def condition(self, smallest_ratio: float) -> float:
        """Estimate of K's condition, from the least eigenvalue of P^-1 K that conjugate gradients saw."""
        return float(self.values[-1]) / smallest_ratio


def nystroem(tiles: KernelTiles, rank: int, seed: int, advance: Advance) -> Nystroem:
    """The preconditioner from ``rank`` columns of K, in time O(n rank (rank + d)).

    With C those columns and W = R R^T their rows of them, K ~ F F^T for F = C R^-T, whose singular vectors are U.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(tiles.n, generator=generator)[:rank].to(tiles.points.device)
    landmarks = tiles.points[chosen].to(torch.float64)
    corner = tiles.kernel.between(landmarks, landmarks)
    values, vectors = torch.linalg.eigh(corner)
    kept = values > _RESOLVED * values[-1]
    whitening = vectors[:, kept] / values[kept].sqrt()
    F = torch.empty(tiles.n, whitening.shape[1], dtype=torch.float64, device=tiles.points.device)
    for rows in tiles.blocks:
        F[rows] = tiles.kernel.between(tiles.points[rows].to(torch.float64), landmarks) @ whitening
        advance(rows.stop / tiles.n)
    values, vectors = torch.linalg.eigh(F.T @ F)
    kept = values > _RESOLVED * values[-1]
    for rows in tiles.blocks:
        F[rows, : int(kept.sum())] = F[rows] @ (vectors[:, kept] / values[kept].sqrt())
    return Nystroem(F[:, : int(kept.sum())], values[kept])
