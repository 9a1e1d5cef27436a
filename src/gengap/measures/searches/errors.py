"""How far a search's scale is known: the standard error of the drop, over the slope of the drop in the scale."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

FAR = 4.0  # factor between two scales beyond which their drops give no slope


def drop_error(fell: Tensor, population: float) -> float:
    """Standard error of the mean of ``fell`` over draws of noise and of examples.

    The variance of the draws' means over the number of draws, and that of the examples' means over the number of
    examples, with the correction for a finite population: where all examples are used, they add nothing. One draw
    stands for no noise at all.

    Args:
        fell: By how much draw k lowers the accuracy on example i, -1, 0 or 1: float64 ``[K, N]``.
        population: How many examples there are in all, at least N; ``math.inf`` is allowed.
    """
    draws, examples = fell.shape
    between_draws = float(fell.mean(1).var()) / draws if draws > 1 else 0.0
    between_examples = float(fell.mean(0).var()) / examples if examples > 1 else 0.0
    return math.sqrt(between_draws + between_examples * (1 - examples / population))


def slope(curve: Sequence[tuple[float, float]], scale: float) -> float | None:
    """Growth of the drop with the logarithm of the scale around one of the scales tried.

    Between its nearest neighbours, or from it to the only one that is within a factor of 4; None where there is none.

    Args:
        curve: (scale, drop) as tried, rising.
        scale: One of them.

    >>> math.isclose(slope([(1.0, 0.05), (2.0, 0.1), (4.0, 0.15)], 2.0), 0.1 / math.log(4))
    True
    """
    near = [(s, d) for s, d in curve if scale / FAR <= s <= FAR * scale and s > 0]
    below, above = [p for p in near if p[0] <= scale][-2:], [p for p in near if p[0] >= scale][:2]
    first, last = below[0], above[-1]
    return None if first[0] == last[0] else (last[1] - first[1]) / math.log(last[0] / first[0])


def scale_error(curve: Sequence[tuple[float, float]], scale: float, error: float) -> float | None:
    """Standard error of a scale, to first order; None where the drop does not grow around it.

    Args:
        curve: (scale, drop) as tried, rising.
        scale: One of them.
        error: Standard error of the drop there.
    """
    growth = slope(curve, scale)
    return scale * error / growth if growth is not None and growth > 0 else None


def clear(fell: Tensor, target: float, tolerance: float, examples: int, spread: float) -> bool:
    """Whether a mean over the first examples is outside the band by more than four standard errors.

    The shares of examples that fall and rise are shrunk towards a half by one example each, so that none counts as
    certain.

    Args:
        fell: -1, 0 or 1 for each example seen, ``[n]``.
        target: The middle of the band.
        tolerance: Half its width.
        examples: How many there are in all, at least n.
        spread: Standard deviation of what else is random.
    """
    seen = len(fell)
    mean = float(fell.double().mean())
    share = (float(fell.double().abs().sum()) + 1) / (seen + 2)
    variance = share * (1 - share) / seen * (1 - seen / examples) + spread**2
    return abs(mean - target) > tolerance + 4 * math.sqrt(variance)


def fallen(clean: Tensor, perturbed: Tensor) -> Tensor:
    """1 where an example was right and is wrong, -1 where it became right, int8, for the examples in ``perturbed``."""
    return clean[: len(perturbed)].to(torch.int8) - perturbed.to(torch.int8)
