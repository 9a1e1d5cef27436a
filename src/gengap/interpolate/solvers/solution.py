"""The two solvers, from a plan to coefficients."""

import math
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from gengap.interpolate.solvers.choice import Plan
from gengap.interpolate.solvers.cholesky import cholesky
from gengap.interpolate.solvers.conjugate_gradients import Iterates, Limits, conjugate_gradients
from gengap.interpolate.solvers.held import HeldTiles, held
from gengap.interpolate.solvers.neighbourhoods import neighbourhood_order
from gengap.interpolate.solvers.power import Linear
from gengap.interpolate.solvers.preconditioner import preconditioner
from gengap.interpolate.solvers.progress import Report
from gengap.interpolate.solvers.tiles import KernelTiles

_SMALL = 2048  # so many points at most are factored in float64, at once and at little cost
# Conjugate gradients on the kernel held in float32 go so far before the residual is taken in float64 again.
_STAGE = 2e-5
_GAIN = 0.5  # a stage that leaves more than this part of the residual gains nothing any more
_SHOWS = 0.1  # rounding below this part of the residual wanted does not show
_FACTOR_PATIENCE, _PATIENCE = 10, 200  # products within which the residual has to halve


@dataclass(frozen=True)
class Solution:
    """Coefficients and what they are worth.

    Attributes:
        coefficients: alpha, ``[n, C]``, float64.
        left: y - K alpha, K in float64, ``[n, C]``.
        iterations: Products with K.
        jitter: Largest number added to the diagonal of what was factored.
        condition: Estimate of K's condition number.
    """

    coefficients: Tensor
    left: Tensor
    iterations: int
    jitter: float
    condition: float


def solve(
    tiles: KernelTiles, y: Tensor, chosen: Plan, tol: float, max_iter: int, seed: int, report: Report
) -> Solution:
    """Solves K alpha = y until ||K alpha - y|| <= tol ||y|| in each column, K in float64.

    ``cholesky`` preconditions conjugate gradients, whose kernel is computed anew by tiles in float64, with a factor:
    in float32, or in float64 of few points. ``pcg`` preconditions with some columns of K and its diagonal tiles, for
    which it sorts the points first. If the plan holds K in float32, conjugate gradients run on that, and again on what
    is left of y in float64; if it holds K in float64, on that.

    Args:
        tiles: The kernel matrix.
        y: ``[n, C]``, float64, where the tiles are.
        chosen: The plan.
        tol: Above 0.
        max_iter: Most products with K.
        seed: Of the columns drawn.
        report: Told the phases.
    """
    if chosen.solver == "cholesky":
        precision = torch.float64 if tiles.n <= _SMALL else torch.float32
        factor = cholesky(tiles, precision, partial(report, "factor"))
        system = _System(tiles, tiles, factor.solve, report)
        found = _exactly(system, y, Limits(tol, max_iter, _FACTOR_PATIENCE))
        eps = torch.finfo(y.dtype).eps
        condition = factor.condition() / max(eps, min(1.0, found.smallest_ratio))  # takes the jitter out again
        return Solution(found.solution, found.left, found.iterations, factor.jitter, condition)
    order = neighbourhood_order(tiles.points, tiles.size, seed)
    found, condition = _by_pcg(
        replace(tiles, points=tiles.points[order]), y[order], chosen, Limits(tol, max_iter, _PATIENCE), seed, report
    )
    solution, left = torch.empty_like(y), torch.empty_like(y)
    solution[order], left[order] = found.solution, found.left
    return Solution(solution, left, found.iterations, 0.0, condition)


def _by_pcg(
    tiles: KernelTiles, y: Tensor, chosen: Plan, limits: Limits, seed: int, report: Report
) -> tuple[Iterates, float]:
    """The solution for sorted points, and an estimate of K's condition number."""
    near = preconditioner(tiles, chosen.rank, seed, partial(report, "preconditioner"))
    precision = {64: torch.float64, 32: torch.float32, 0: None}[chosen.held_bits]
    known = tiles if precision is None else held(tiles, precision, partial(report, "kernel"))
    method = _staged if precision == torch.float32 else _exactly
    found = method(_System(tiles, known, near.solve, report), y, limits)
    rounding = torch.finfo(precision or torch.float64).eps * tiles.diagonal_mean()
    return found, near.condition(lambda vector: known.product(vector, partial(report, "condition")), rounding)


@dataclass(frozen=True)
class _System:
    """K by tiles, what is known of it between products, an approximation of its inverse, and whom to tell."""

    tiles: KernelTiles
    known: KernelTiles | HeldTiles
    precondition: Linear
    report: Report

    def iterate(self, y: Tensor, limits: Limits) -> Iterates:
        """Conjugate gradients on what is known of K."""

        def told(residual: float) -> None:
            done = math.log(max(residual, limits.tol)) / math.log(limits.tol)
            self.report("iterations", max(0.0, done))

        def product(vectors: Tensor) -> Tensor:
            return self.known.product(vectors, partial(self.report, "product"))

        return conjugate_gradients(product, self.precondition, y, limits, told)


def _exactly(system: _System, y: Tensor, limits: Limits) -> Iterates:
    """On K in float64. What is left of y is computed anew where rounding in K alpha could show in it."""
    found = system.iterate(y, limits)
    trace = system.tiles.n * system.tiles.diagonal_mean()  # K's largest eigenvalue is at most this
    rounding = torch.finfo(y.dtype).eps * trace * found.solution.norm(dim=0)
    if bool((rounding <= _SHOWS * limits.tol * y.norm(dim=0)).all()):
        return found
    left = y - system.known.product(found.solution, partial(system.report, "residual"))
    return replace(found, left=left, iterations=found.iterations + 1)


def _staged(system: _System, y: Tensor, limits: Limits) -> Iterates:
    """Refinement: each stage solves for what is left of y on the kernel held in float32."""
    scale = y.norm(dim=0).clamp(min=torch.finfo(y.dtype).tiny)
    x, left, residual = torch.zeros_like(y), y, 1.0
    iterations, ratio = 0, math.inf
    while iterations < limits.max_iter and residual > limits.tol:
        goal = min(0.5, max(_STAGE, 0.5 * limits.tol / residual))
        stage_limits = Limits(goal, limits.max_iter - iterations, limits.patience)
        stage = system.iterate(left, stage_limits)
        candidate = x + stage.solution
        after = y - system.tiles.product(candidate, partial(system.report, "residual"))
        iterations += stage.iterations + 1
        ratio = min(ratio, stage.smallest_ratio)
        before, reached = residual, float((after.norm(dim=0) / scale).max())
        if not reached < before:
            break
        x, left, residual = candidate, after, reached
        if reached > _GAIN * before:
            break
    return Iterates(x, left, iterations, ratio)
