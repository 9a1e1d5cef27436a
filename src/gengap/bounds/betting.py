"""Bounds by betting for losses in [0, 1] (Waudby-Smith and Ramdas 2024), for a fixed and for a growing set."""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap.arrays import Floats
from gengap.bounds.inputs import level, numbers, unit_losses
from gengap.errors import InputError

_LARGEST_BET = 0.95  # c: the share of its capital that a bet may put at stake
_CELLS = 6.5  # cells of the grid of risks for each root of N: a fifth of a bound's width each
_RENEWALS = 100
_AT_ONCE = 2_000_000  # capitals in memory
_TINY = 1e-12
_LEAST_MISSING = 0.01  # in the logarithm of the capital
_HALVINGS = 45
_ROUND_OFF = 1e-6  # in the logarithm of the capital; larger than the error of its sum


class BettingSequence(NamedTuple):
    """An anytime bound: ``upper[i]`` is the bound after the first ``sizes[i]`` examples."""

    sizes: NDArray[np.int64]
    upper: Floats


def betting(losses: ArrayLike, tried: ArrayLike = 1, delta: ArrayLike = 0.05) -> Floats:
    r"""Upper bound on true risk from N losses in [0, 1], by betting against every larger risk.

    With y = 1 - loss, a gambler who doubts that E[y] = m holds after t examples the capital
    :math:`K_t(m) = \prod_{i \le t} (1 + \lambda_i (y_i - m))`, which is a martingale that never becomes negative when m
    is true; a risk 1 - m is refuted once the capital reaches M/delta (Ville's inequality), at any t <= N. The bets aim
    at M/delta from the capital that is there:
    :math:`\lambda_i = \sqrt{2 \ln(M / (\delta K_{i-1})) / ((N - i + 1) \hat\sigma^2_{i-1})}`, at most c/m.

    The bets depend on the risk doubted, so that the risks refuted need not be an interval. Each cell of a fixed grid of
    risks (evenly spaced in their arcsine) shares the bets of its lower end; with these the capital grows with the risk,
    so that the cell is refuted from some risk on. Returned is the upper end of all that is not refuted, or the mean of
    the losses where that is larger.

    Source: Waudby-Smith and Ramdas 2024, one-sided capital process with c = 0.95; Voracek and Orabona 2025, bets that
    aim at the target (STaR-Bets), here renewed at 300 sizes at most. Union bound over the models.

    The result depends on the order of the examples: each bet uses the losses before it. Valid is any order that does
    not depend on the losses; the order given is used. Losses from a file belong into a random order first.

    Args:
        losses: Losses in [0, 1], shape (..., N): the last axis are the examples in their order.
        tried: Models compared on these examples, at least 1; broadcasts with the leading axes of ``losses``.
        delta: Probability that the bound fails for any of them, in (0, 1); broadcasts likewise.

    Returns:
        float64 of the shape to which the leading axes, ``tried`` and ``delta`` broadcast.

    Raises:
        InputError: An argument is out of its range.
    """
    losses = unit_losses(losses)
    y = 1 - losses
    wealth = -np.log(level(tried, delta))
    shape = np.broadcast_shapes(y.shape[:-1], wealth.shape)
    rows = np.broadcast_to(y, (*shape, y.shape[-1])).reshape(-1, y.shape[-1])
    targets = np.broadcast_to(wealth, shape).ravel()
    upper = np.array([_upper(row, float(target)) for row, target in zip(rows, targets, strict=True)]).reshape(shape)
    return np.asarray(np.maximum(upper, losses.mean(axis=-1)))  # no smaller by a round-off either


def betting_sequence(
    losses: ArrayLike, tried: int = 1, delta: float = 0.05, *, sizes: ArrayLike | None = None
) -> BettingSequence:
    r"""Bounds by betting that hold at every size of a growing set at once, with probability 1 - delta.

    As ``betting``, with bets that do not look at the final size: the i-th has :math:`i \ln(1 + i)` in place of N. So
    the set may grow, be looked at, and grow again, as often as wanted; each look calls this function with all losses
    so far. The bound never rises as the set grows.

    Source: Waudby-Smith and Ramdas 2024, the hedged capital confidence sequence, one-sided; c = 0.95.

    Args:
        losses: Losses in [0, 1] in their order, shape (N,).
        tried: Models compared on these examples, at least 1.
        delta: Probability that any bound for any of them fails at any size, in (0, 1).
        sizes: The sizes at which the bound is wanted, from 1 to N; by default up to 40, spaced evenly in ratio.

    Raises:
        InputError: An argument is out of its range.
    """
    y = 1 - unit_losses(losses)
    if y.ndim != 1:
        raise InputError(f"losses have {y.ndim} axes.", expected="one axis: the examples in their order")
    wanted = np.unique(np.geomspace(1, y.size, 40).round()) if sizes is None else np.atleast_1d(numbers("sizes", sizes))
    if not np.all((wanted >= 1) & (wanted <= y.size) & (wanted == np.floor(wanted))):
        raise InputError("sizes lie outside the examples given.", expected=f"whole numbers from 1 to {y.size}")
    wealth = -np.log(level(tried, delta))[..., None]
    steps = np.arange(1.0, y.size + 1)
    bets = np.sqrt(2 * wealth / (steps * np.log1p(steps))) / _deviations(y)
    whole = wanted.astype(np.int64)
    return BettingSequence(whole, np.array([_smallest_refuted(y[:k], bets[:k], wealth) for k in whole]))


def _upper(y: Floats, wealth: float) -> float:
    """The upper end of the risks that are not refuted, at least the mean loss."""
    n, seen = y.size, float(1 - y.mean())
    grid = np.sin(np.linspace(0, np.pi / 2, math.ceil(_CELLS * math.sqrt(n)) + 8)) ** 2
    grid = np.append(grid[np.searchsorted(grid, seen, side="right") - 1 : -1], 1.0)
    low, high = grid[:-1], grid[1:]
    last = _last_cell(y, 1 - low, wealth)
    if last < 0:
        return seen
    bets = _aimed_bets(y, 1 - low[last], wealth)
    return max(float(_smallest_refuted(y, bets, np.array([wealth]), low[last], high[last])), seen)


def _last_cell(y: Floats, means: Floats, wealth: float) -> int:
    """The last of the means, which fall, that is not refuted by bets aimed at it; -1 if all are refuted."""
    capital, alive = np.zeros(means.size), np.arange(means.size)
    deviations = _deviations(y)
    for start, stop in pairwise(_renewals(y.size)):
        aims = _aims(wealth - capital, y.size - start)
        for part in np.array_split(np.arange(start, stop), max(1, alive.size * (stop - start) // _AT_ONCE)):
            m = means[alive, None]
            bets = np.minimum(aims[:, None] / deviations[part], _LARGEST_BET / np.maximum(m, _TINY))
            paths = capital[:, None] + np.cumsum(np.log1p(bets * (y[part] - m)), axis=1)
            keep = paths.max(axis=1) < wealth + _ROUND_OFF
            capital, alive, aims = paths[keep, -1], alive[keep], aims[keep]
            if alive.size == 0:
                return -1
    return int(alive[-1])


def _aimed_bets(y: Floats, m: float, wealth: float) -> Floats:
    """The bets of ``_last_cell`` for one mean that is not refuted."""
    capital, deviations, bets = 0.0, _deviations(y), np.empty(y.size)
    for start, stop in pairwise(_renewals(y.size)):
        aim = _aims(np.array(wealth - capital), y.size - start)
        bets[start:stop] = np.minimum(aim / deviations[start:stop], _LARGEST_BET / max(m, _TINY))
        capital += float(np.log1p(bets[start:stop] * (y[start:stop] - m)).sum())
    return bets


def _aims(missing: Floats, left: int) -> Floats:
    """The bets, but for the deviation: never so small that a capital just below the target would stay there."""
    return np.asarray(np.sqrt(2 * np.maximum(missing, _LEAST_MISSING) / left))


def _renewals(n: int) -> list[int]:
    """The sizes at which bets are aimed anew: each one for few examples, else evenly, and closer at both ends."""
    early = np.geomspace(1, n, _RENEWALS).round()
    sizes = np.unique(np.r_[0, n, early, n - early, np.linspace(0, n, _RENEWALS + 1).round()])
    return [int(size) for size in sizes]


def _deviations(y: Floats) -> Floats:
    """The standard deviation before each example: mean and variance start at 1/2 and 1/4 as if one was seen."""
    steps = np.arange(1, y.shape[-1] + 1)
    mean = (0.5 + np.cumsum(y, axis=-1)) / (steps + 1)
    variance = (0.25 + np.cumsum((y - mean) ** 2, axis=-1)) / (steps + 1)
    before = np.concatenate([np.full((*y.shape[:-1], 1), 0.25), variance[..., :-1]], axis=-1)
    return np.asarray(np.sqrt(before))


def _smallest_refuted(y: Floats, bets: Floats, wealth: Floats, low: ArrayLike = 0.0, high: ArrayLike = 1.0) -> Floats:
    """The lower end of the risks in [low, high] refuted by bets that do not depend on the risk, from above."""
    shape = np.broadcast_shapes(y.shape[:-1], wealth.shape[:-1])
    low, high = np.broadcast_to(low, shape), np.broadcast_to(high, shape)
    for _ in range(_HALVINGS):
        risk = (low + high) / 2
        m = (1 - risk)[..., None]
        capital = np.cumsum(np.log1p(np.minimum(bets, _LARGEST_BET / np.maximum(m, _TINY)) * (y - m)), axis=-1)
        refuted = capital.max(axis=-1) >= wealth[..., 0] + _ROUND_OFF
        low, high = np.where(refuted, low, risk), np.where(refuted, risk, high)
    return np.asarray(high)
