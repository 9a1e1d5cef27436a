"""The two solvers, from a plan to coefficients."""

import math
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from gengap.interpolate.kernel.solvers.choice import Plan
from gengap.interpolate.kernel.solvers.cholesky import Factor, check_diagonal, cholesky, not_positive_semidefinite
from gengap.interpolate.kernel.solvers.dense import DenseFactor, DenseKernel, dense_factor, dense_kernel
from gengap.interpolate.kernel.solvers.krylov import ABOVE, Iterates, Limits, ProbedInverse, conjugate_gradients
from gengap.interpolate.kernel.solvers.preconditioner import FLOOR, neighbourhood_order, preconditioner
from gengap.interpolate.kernel.solvers.tiles import KernelTiles, PhaseProgress, StoredTiles, stored

# Conjugate gradients on K in float32 go so far before the residual is taken in float64 again.
_STAGE = 2e-5
_GAIN = 0.5  # a stage that leaves more than this part of the residual gains nothing any more
_SHOWS = 0.1  # rounding below this part of the residual wanted does not show
_EPS = torch.finfo(torch.float64).eps
_FACTOR_PATIENCE, _PATIENCE = 10, 200  # products within which the residual has to halve
LARGEST_UNCERTAINTY = 1e-2  # of a squared norm, as a fraction of it
_CLOSER = 1e-3  # of the residual wanted: what the residual is brought to where it leaves a norm uncertain
_RESOLVED = 4096  # points up to which a factor in float64 follows one in float32 that does not resolve K


@dataclass(frozen=True)
class Solution:
    """Coefficients and what they are worth.

    Attributes:
        coefficients: alpha, ``[n, C]``, float64.
        left: y - K alpha, K in float64, ``[n, C]``.
        iterations: Products with K.
        jitter: Largest number added to the diagonal of what was factored.
        condition: Estimate of K's condition number, from below.
        uncertain: Bound, up to a modest factor, on y^T K^-1 y - alpha^T K alpha of each column, ``[C]``; infinite where
            K's least eigenvalues are not resolved from rounding.
    """

    coefficients: Tensor
    left: Tensor
    iterations: int
    jitter: float
    condition: float
    uncertain: Tensor


def solve(
    tiles: KernelTiles, y: Tensor, chosen: Plan, tol: float, max_iter: int, seed: int, report: PhaseProgress
) -> Solution:
    """Solves K alpha = y until ||K alpha - y|| <= tol ||y|| in each column, K in float64.

    ``cholesky`` preconditions conjugate gradients with a factor; if one in float32 does not lead to the residual, with
    one in float64 where there is room. Their kernel is whole in memory in float64, or else computed anew by tiles.
    ``pcg`` preconditions with some columns of K and its diagonal tiles, for which it sorts the points first. If the
    plan stores K in float32, conjugate gradients run on that, and again on what is left of y in float64; if it stores
    K in float64, on that.

    Args:
        tiles: The kernel matrix.
        y: ``[n, C]``, float64, where the tiles are.
        chosen: The plan.
        tol: Above 0.
        max_iter: Most products with K.
        seed: Of the columns drawn.
        report: Called with each phase and the fraction of it that is done.
    """
    if chosen.solver == "cholesky":
        return _by_factors(tiles, y, chosen, Limits(tol, max_iter, _FACTOR_PATIENCE), report)
    order = neighbourhood_order(tiles.points, tiles.size, seed)
    result = _by_pcg(
        replace(tiles, points=tiles.points[order]), y[order], chosen, Limits(tol, max_iter, _PATIENCE), seed, report
    )
    solution, left = torch.empty_like(y), torch.empty_like(y)
    solution[order], left[order] = result.coefficients, result.left
    return replace(result, coefficients=solution, left=left)


def _by_factors(tiles: KernelTiles, y: Tensor, chosen: Plan, limits: Limits, report: PhaseProgress) -> Solution:
    """The solution from a factor in the plan's precision; from one in float64 where that does not do."""
    check_diagonal(tiles.diagonal_mean)
    known = dense_kernel(tiles, partial(report, "kernel")) if chosen.whole else tiles
    wide, narrow = torch.float64, torch.float32
    precisions = [wide] if chosen.bits == 64 else [narrow, wide] if chosen.room else [narrow]
    spent, solution = 0, None
    for dtype in precisions:
        last = dtype == precisions[-1]
        factor = _factor(tiles, known, dtype, report, jittered=last)
        if factor is None:
            continue
        solution = _by_factor(tiles, known, factor, dtype, y, limits, report)
        spent += solution.iterations
        limits = replace(limits, max_iter=limits.max_iter - solution.iterations)
        reached = bool((solution.left.norm(dim=0) <= limits.tol * y.norm(dim=0)).all())
        resolved = not torch.isinf(solution.uncertain).any() or tiles.n > _RESOLVED
        if last or limits.max_iter < 1 or (reached and resolved):
            break
    if solution is None:
        raise not_positive_semidefinite()
    return replace(solution, iterations=spent)


def _factor(
    tiles: KernelTiles, known: KernelTiles | DenseKernel, dtype: torch.dtype, report: PhaseProgress, *, jittered: bool
) -> Factor | DenseFactor | None:
    """K's factor; None where K is not positive definite in this precision and no jitter is wanted yet."""
    if isinstance(known, DenseKernel):
        whole = dense_factor(known, dtype, partial(report, "factor"))
        if whole is not None or not jittered:
            return whole
    return cholesky(tiles, dtype, partial(report, "factor"))


def _by_factor(
    tiles: KernelTiles,
    known: KernelTiles | DenseKernel,
    factor: Factor | DenseFactor,
    dtype: torch.dtype,
    y: Tensor,
    limits: Limits,
    report: PhaseProgress,
) -> Solution:
    """The solution from a factor in a precision."""
    inverse = ProbedInverse(factor.solve, y, steps=3)
    system = _System(tiles, known, inverse, report)
    result = _exactly(system, y, limits)
    rounding = torch.finfo(dtype).eps * tiles.n**0.5 * tiles.diagonal_mean if factor.jitter == 0 else math.inf
    extremes = inverse.spectrum(system.multiply, rounding)
    resolved = extremes.smallest > ABOVE * rounding
    bound = partial(_uncertain, system, y, resolved=resolved, smallest=extremes.smallest)
    uncertain = bound(result)
    if resolved and isinstance(known, DenseKernel) and _leaves_open(y, result, uncertain):
        result = _closer(system, y, result, limits)
        uncertain = bound(result)
    return Solution(result.solution, result.left, result.iterations, factor.jitter, extremes.condition(_EPS), uncertain)


def _leaves_open(y: Tensor, result: Iterates, uncertain: Tensor) -> bool:
    """Whether a residual that was reached leaves a norm uncertain."""
    squares = (result.solution * (y - result.left)).sum(0)
    return bool((uncertain > LARGEST_UNCERTAINTY * squares).any())


def _closer(system: "_System", y: Tensor, result: Iterates, limits: Limits) -> Iterates:
    """The same with a smaller residual, as far as rounding allows."""
    wanted = replace(limits, tol=_CLOSER, max_iter=max(1, limits.max_iter - result.iterations))
    more = _exactly(system, result.left, wanted)
    return Iterates(
        result.solution + more.solution,
        more.left,
        result.iterations + more.iterations,
        min(result.smallest_ratio, more.smallest_ratio),
    )


def _by_pcg(tiles: KernelTiles, y: Tensor, chosen: Plan, limits: Limits, seed: int, report: PhaseProgress) -> Solution:
    """The solution for sorted points."""
    near = preconditioner(tiles, chosen.rank, seed, partial(report, "preconditioner"))
    precision = {64: torch.float64, 32: torch.float32, 0: None}[chosen.bits]
    known = tiles if precision is None else stored(tiles, precision, partial(report, "kernel"))
    method = _staged if precision == torch.float32 else _exactly
    inverse = ProbedInverse(near.solve, y, steps=6)
    system = _System(tiles, known, inverse, report)
    result = method(system, y, limits)
    extremes = inverse.spectrum(system.multiply)
    resolved = extremes.preconditioner > ABOVE * FLOOR * tiles.diagonal_mean
    uncertain = _uncertain(system, y, result, resolved=resolved)
    condition = extremes.condition(torch.finfo(precision or torch.float64).eps)
    return Solution(result.solution, result.left, result.iterations, 0.0, condition, uncertain)


def _uncertain(
    system: "_System", y: Tensor, result: Iterates, *, resolved: bool, smallest: float | None = None
) -> Tensor:
    """Bound on y^T K^-1 y - alpha^T K alpha = 2 alpha^T r + r^T K^-1 r of each column, for r = y - K alpha.

    With t the least eigenvalue of K, r^T K^-1 r <= ||r||^2 / t. Where no estimate of it is given, the bound is
    r^T P^-1 r / t with P the preconditioner and t the least eigenvalue of P^-1 K. Both are estimated from above, so
    they are halved. Rounding in K adds alpha^T E alpha with ||E|| at most about eps trace(K).
    """
    alpha, left = result.solution, result.left
    if not resolved:
        return torch.where(y.norm(dim=0) > 0, math.inf, 0.0)
    trace = system.tiles.n * system.tiles.diagonal_mean
    if smallest is not None:
        rest = 2 * left.square().sum(0) / smallest
    else:
        rest = 2 * (left * system.precondition(left)).sum(0).abs() / max(_EPS, min(1.0, result.smallest_ratio))
    return 2 * (alpha * left).sum(0).abs() + rest + _EPS * trace * alpha.square().sum(0)


@dataclass(frozen=True)
class _System:
    """K by tiles, what is stored of it between products, an approximation of its inverse, and who follows the work."""

    tiles: KernelTiles
    known: KernelTiles | StoredTiles | DenseKernel
    precondition: ProbedInverse
    report: PhaseProgress

    def multiply(self, vectors: Tensor) -> Tensor:
        """K V."""
        return self.known.product(vectors, partial(self.report, "condition"))

    def iterate(self, y: Tensor, limits: Limits) -> Iterates:
        """Conjugate gradients on K as it is stored."""

        def follow(residual: float) -> None:
            done = math.log(max(residual, limits.tol)) / math.log(limits.tol)
            self.report("iterations", max(0.0, done))

        def product(vectors: Tensor) -> Tensor:
            return self.known.product(vectors, partial(self.report, "product"))

        return conjugate_gradients(self.precondition.along(product), self.precondition, y, limits, follow)


def _exactly(system: _System, y: Tensor, limits: Limits) -> Iterates:
    """On K in float64. What is left of y is computed anew where rounding in K alpha could show in it."""
    result = system.iterate(y, limits)
    trace = system.tiles.n * system.tiles.diagonal_mean  # K's largest eigenvalue is at most this
    rounding = torch.finfo(y.dtype).eps * trace * result.solution.norm(dim=0)
    if bool((rounding <= _SHOWS * limits.tol * y.norm(dim=0)).all()):
        return result
    left = y - system.known.product(result.solution, partial(system.report, "residual"))
    return replace(result, left=left, iterations=result.iterations + 1)


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
