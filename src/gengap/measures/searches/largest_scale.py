"""The largest perturbation under which accuracy falls by no more than a target."""

import math
from collections.abc import Callable
from dataclasses import dataclass

START, DOUBLINGS = 2.0, 10  # Dziugaite et al. 2020 search below 2; a network of large weights may need more
STEP_DOWN = 4.0  # by which the scale falls until the drop is below the target
NARROW, SMALLEST = 1.01, 1e-8
CLEARLY = 3  # tolerances above the target: beyond the band by more than the band is wide
LEAST_SHARE = 0.2  # of a bracket, in logarithms, that a step of interpolation cuts off


@dataclass(frozen=True)
class Search:
    """What a search reached.

    Attributes:
        scale: The largest scale whose drop is within the tolerance of the target or, where the drop leaps over that
            band, the largest at which it is below, to 1 %; None where there is none.
        bracket: Scales between which the search ended, ``scale`` among them: below the lower one (0: none was tried)
            drops are too small, above the upper one too large; infinite where even the largest drop is too small, or
            not clearly too large.
        drop: Drop of accuracy at ``scale``.
        converged: Whether that drop is within the tolerance of the target.
        passes: Passes over all examples, in units of a forward pass, of which a backward pass counts as two.
        standard_error: Of ``scale``, over draws of noise and of examples; None where it is not known.
        reason: Why there is no scale, or why it has not converged.
        curve: Every (scale, drop) that was tried, rising.
    """

    scale: float | None
    bracket: tuple[float, float]
    drop: float | None
    converged: bool = True
    passes: float = 0.0
    standard_error: float | None = None
    reason: str = ""
    curve: tuple[tuple[float, float], ...] = ()


def largest_scale(drop: Callable[[float], float], target: float, tolerance: float, *, offset: bool = False) -> Search:
    """Brackets the scale at which the drop reaches the target, then interpolates in its logarithm.

    From 2 the scale doubles, ten times at most, or falls by factors of 4. Where accuracy is near chance, no scale may
    bring the drop clearly above the target. A drop in the band would then show how far accuracy is from chance, and
    nothing of the scale, so that there is none. Whether it is so, further doublings show.

    Args:
        drop: Scale at least 0 -> drop of accuracy as a fraction, which grows with the scale, by and large.
        target: The drop wanted, above 0.
        tolerance: How far from it a drop may be, above 0.
        offset: Whether the weights are perturbed at scale 0 too, which is then tried first.
    """
    curve: dict[float, float] = {}

    def tried(scale: float) -> float:
        curve[scale] = drop(scale)
        return curve[scale]

    result = _search(tried, target, tolerance, offset)
    fields = {**vars(result), "curve": tuple(sorted(curve.items()))}
    return Search(**fields)


def _search(drop: Callable[[float], float], target: float, tolerance: float, offset: bool) -> Search:
    if offset and (start := drop(0.0)) > target + tolerance:
        return Search(None, (0.0, 0.0), None, reason=f"accuracy falls by {start:.3g} even at 0")
    low, high = (0.0, 0.0), (START, drop(START))
    while high[1] < target - tolerance:
        if high[0] >= START * 2**DOUBLINGS:
            return Search(
                None, (high[0], math.inf), None, reason=f"accuracy falls by only {high[1]:.3g} at {high[0]:g}"
            )
        low, high = high, (2 * high[0], drop(2 * high[0]))
    widest, largest = high
    while largest <= target + CLEARLY * tolerance:
        if widest >= START * 2**DOUBLINGS:
            why = f"accuracy cannot fall further than by {largest:.3g}, even at {widest:g}"
            return Search(None, (low[0], math.inf), None, reason=f"{why}, so that a drop of {target:g} has no scale")
        widest *= 2
        largest = max(largest, drop(widest))
    scale, reached = high
    steps = 0
    while abs(reached - target) > tolerance:
        if reached > target:
            high = scale, reached
        else:
            low = scale, reached
        if low[0] > 0 and high[0] <= NARROW * low[0]:
            leap = f"accuracy falls by {low[1]:.3g} at {low[0]:.4g} and by {high[1]:.3g} at {high[0]:.4g}"
            return Search(low[0], (low[0], high[0]), low[1], False, reason=f"{leap}, never by {target:g}")
        if high[0] < SMALLEST:
            return Search(
                None, (low[0], high[0]), None, reason=f"accuracy falls by {reached:.3g} even at {high[0]:.2g}"
            )
        scale = _between(low, high, target, halve=steps % 2 == 0)
        reached, steps = drop(scale), steps + 1
    return Search(scale, (low[0], max(high[0], scale)), reached)


def _between(low: tuple[float, float], high: tuple[float, float], target: float, *, halve: bool) -> float:
    """A scale inside the bracket: of every two, one halves it in logarithms, so that it shrinks in any case."""
    if low[0] == 0:
        return high[0] / STEP_DOWN
    share = 0.5 if halve else (target - low[1]) / (high[1] - low[1])
    return float(low[0] * (high[0] / low[0]) ** min(max(share, LEAST_SHARE), 1 - LEAST_SHARE))
