"""How long each solver will take here, from speeds that are measured once in a process."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.linalg.lapack import spotrf

from gengap.interpolate.kernel.solvers.choice import Plan
from gengap.interpolate.kernel.solvers.skinny_products import times
from gengap.interpolate.kernel.solvers.tiles import KernelTiles

_TRIES = 3  # of each measurement, the fastest of which counts
PRODUCTS_PER_DIGIT = 10  # products with K that pcg takes for each digit of the residual; 40 to 1e-4 on MNIST's images
_FACTORED = 1536  # points of the factor that is measured: smaller ones are not as fast as large ones
_REFINEMENTS = 6  # products with K that a factor takes


@dataclass(frozen=True)
class Speeds:
    """What this machine does in a second.

    Attributes:
        narrow: Operations of a matrix product in float32, which a large factor comes near to.
        overhead: Seconds that the factor of 1,536 points takes beyond that; they grow with their square.
        multiply: Operations of a matrix product in float64.
        read: Bytes of a matrix that is multiplied with a few vectors.
    """

    narrow: float
    overhead: float
    multiply: float
    read: float


@dataclass(frozen=True)
class Problem:
    """What decides the time.

    Attributes:
        n: Points.
        d: Their features, as the kernel takes them.
        size: Rows of a tile.
        tol: Residual to reach.
    """

    n: int
    d: int
    size: int
    tol: float


def predicted_seconds(tiles: KernelTiles, tol: float, chosen: Plan) -> float:
    """How long a plan will take on this machine, on whose GPU too as if it were the CPU: only the ratio counts."""
    problem = Problem(tiles.n, tiles.points.shape[1], tiles.size, tol)
    if chosen.solver == "cholesky":
        return factor_seconds(problem, chosen.whole, speeds())
    return pcg_seconds(problem, chosen.rank, chosen.bits, speeds())


@cache
def speeds() -> Speeds:
    """The speeds of this process's threads, measured in about a tenth of a second, apart from a common factor.

    By processor time, of which other processes take nothing: only the ratio of two times counts.
    """
    rng = np.random.default_rng(0)
    square = rng.standard_normal((768, 768))
    large = np.zeros((_FACTORED, _FACTORED), dtype=np.float32, order="F")
    np.fill_diagonal(large, 1.0)
    wide, few = torch.from_numpy(rng.standard_normal((1536, 1536))), torch.from_numpy(rng.standard_normal((1536, 8)))
    factor = _fastest(lambda: spotrf(large, lower=True, overwrite_a=True))
    narrow = 2 * 1024**3 / _fastest(lambda: large[:1024, :1024] @ large[:1024, :1024])
    return Speeds(
        narrow=narrow,
        overhead=max(0.0, factor - _FACTORED**3 / 3 / narrow),
        multiply=2 * 768**3 / _fastest(lambda: square @ square),
        read=8 * 1536**2 / _fastest(lambda: times(wide, few)),
    )


def factor_seconds(problem: Problem, held: bool, speed: Speeds) -> float:
    """Of ``cholesky``, whose factor is in float32.

    Args:
        problem: What is solved.
        held: Whether K stays in memory between products; else each computes it anew.
        speed: What this machine does.
    """
    n = float(problem.n)
    kernel = n * n * problem.d / speed.multiply
    products = _REFINEMENTS * 8 * n * n / speed.read if held else _REFINEMENTS * kernel
    factor = n**3 / 3 / speed.narrow + speed.overhead * (n / _FACTORED) ** 2
    return kernel + factor + products + _REFINEMENTS * 4 * n * n / speed.read


def pcg_seconds(problem: Problem, rank: int, bits: int, speed: Speeds) -> float:
    """Of ``pcg``.

    Args:
        problem: What is solved.
        rank: Columns in the preconditioner.
        bits: In which K is held between products; 0: it is computed anew.
        speed: What this machine does.
    """
    n, r, tile = float(problem.n), float(rank), float(min(problem.size, problem.n))
    kernel = n * n * problem.d / speed.multiply
    columns = 2 * n * r * problem.d + n * tile * problem.d + 2 * n * r * (2 * r + 2 * tile) + n * tile**2 + 10 * r**3
    products = max(1.0, -np.log10(problem.tol)) * PRODUCTS_PER_DIGIT
    once = bits / 8 * n * n / speed.read if bits else kernel  # each tile of the triangle serves twice
    stages = 3 * kernel if bits == 32 else 0.0  # residuals in float64
    preconditioned = (n * tile + 2 * n * r) * 8 / speed.read
    return float(columns / speed.multiply + (kernel if bits else 0.0) + products * (once + preconditioned) + stages)


def _fastest(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(_TRIES):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return max(min(seconds), 1e-9)
