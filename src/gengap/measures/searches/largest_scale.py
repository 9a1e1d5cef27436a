"""The largest perturbation under which accuracy falls by no more than a target."""

from collections.abc import Callable
from dataclasses import dataclass

START, DOUBLINGS = 2.0, 10  # Dziugaite et al. 2020 search below 2; a network of large weights may need more
NARROW, SMALLEST = 1.01, 1e-8
CLEARLY = 3  # tolerances above the target: beyond the band by more than the band is wide


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes:
        scale: The largest scale whose drop is within the tolerance of the target, or, where the drop leaps over
            that band, the largest at which it is below, to 1 %; None where there is none.
        bracket: Scales between which the search ended, ``scale`` among them: below the lower one (0: none was tried)
            drops are too small, above the upper one too large; infinite where even the largest drop is too small, or
            not clearly too large.
        drop: Drop of accuracy at ``scale``.
        passes: How often all examples were evaluated.
        reason: Why there is no scale.
    """

    scale: float | None
    bracket: tuple[float, float]
    drop: float | None
    passes: int = 0
    reason: str = ""


def largest_scale(drop: Callable[[float], float], target: float, tolerance: float) -> Search:
    """Doubles the scale from 2 until the drop reaches the target, ten times at most, then bisects.

    Where accuracy is near chance, no scale may bring the drop clearly above the target. A drop in the band would then
    tell how far accuracy is from chance, and nothing of the scale, so that there is none. Whether it is so, further
    doublings tell.

    Args:
        drop: Scale > 0 -> drop of accuracy as a fraction, which grows with the scale, by and large.
        target: The drop wanted, above 0.
        tolerance: How far from it a drop may be.
    """
    low, high, below = 0.0, START, 0.0
    while (found := drop(high)) < target - tolerance:
        if high >= START * 2**DOUBLINGS:
            return Search(None, (high, float("inf")), None, reason=f"accuracy falls by only {found:.3g} at {high:g}")
        low, high, below = high, 2 * high, found
    widest, largest = high, found
    while largest <= target + CLEARLY * tolerance:
        if widest >= START * 2**DOUBLINGS:
            why = f"accuracy cannot fall further than by {largest:.3g}, even at {widest:g}"
            return Search(None, (low, float("inf")), None, reason=f"{why}, so that a drop of {target:g} tells no scale")
        widest *= 2
        largest = max(largest, drop(widest))
    scale = high
    while abs(found - target) > tolerance:
        if found > target:
            high = scale
        else:
            low, below = scale, found
        if low > 0 and high <= NARROW * low:
            return Search(low, (low, high), below)
        if high < SMALLEST:
            return Search(None, (low, high), None, reason=f"accuracy falls by {found:.3g} even at {high:.2g}")
        scale = (low + high) / 2
        found = drop(scale)
    return Search(scale, (low, high), found)
