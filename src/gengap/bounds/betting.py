"""Bounds by betting for losses in [0, 1] (Waudby-Smith and Ramdas 2024), for a fixed and for a growing set."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap.arrays import Floats
from gengap.bounds.inputs import level, unit_losses
from gengap.errors import InputError

_LARGEST_BET = 0.75  # c: the share of its capital that a bet may put at stake
_HALVINGS = 45
_ROUND_OFF = 1e-6  # in the logarithm of the capital; larger than the error of its sum


class BettingSequence(NamedTuple):
    """An anytime bound: ``upper[i]`` is the bound after the first ``sizes[i]`` examples."""

    sizes: NDArray[np.int64]
    upper: Floats


def betting(losses: ArrayLike, tried: ArrayLike = 1, delta: ArrayLike = 0.05) -> Floats:
    r"""Upper bound on true risk from N losses in [0, 1], by betting against every larger risk.

    With y = 1 - loss, a gambler who doubts that E[y] = m holds after t examples the capital
    :math:`K_t(m) = \prod_{i \le t} (1 + \min(\lambda_i, c/m) (y_i - m))`, which is a martingale that never becomes
    negative when m is true; a risk 1 - m is refuted once the capital reaches M/delta (Ville's inequality), at any
    t <= N. The bets are the predictable plug-in :math:`\lambda_i = \sqrt{2 \ln(M/\delta) / (N \hat\sigma^2_{i-1})}`.
    As every factor falls with m, the refuted risks are an interval that ends at 1: its lower end is enclosed by 45
    halvings of [0, 1] and the refuted end, the larger one, is returned.

    Source: Waudby-Smith and Ramdas 2024, the hedged capital process with predictable plug-in bets for a fixed N,
    one-sided, c = 3/4; union bound over the models.

    The result depends on the order of the examples: each bet uses the losses before it. Any order that does not
    depend on the losses is valid; the order given is used.

    Args:
        losses: Losses in [0, 1], shape (..., N): the last axis are the examples in their order.
        tried: Models compared on these examples, at least 1; broadcasts with the leading axes of ``losses``.
        delta: Probability that the bound fails for any of them, in (0, 1); broadcasts likewise.

    Returns:
        float64 of the shape to which the leading axes, ``tried`` and ``delta`` broadcast.

    Raises:
        InputError: An argument is out of its range.
    """
    y = 1 - unit_losses(losses)
    wealth = -np.log(level(tried, delta))[..., None]
    return _smallest_refuted(y, _bets(y, wealth, np.float64(y.shape[-1])), wealth)


def betting_sequence(
    losses: ArrayLike, tried: int = 1, delta: float = 0.05, *, sizes: ArrayLike | None = None
) -> BettingSequence:
    r"""Bounds by betting that hold at every size of a growing set at once, with probability 1 - delta.

    As ``betting``, with bets that do not look at the final size: the i-th has :math:`i \ln(1 + i)` in place of N. So
    the set may grow, be looked at, and grow again, as often as wanted; each look calls this function with all losses
    so far. The bound never rises as the set grows.

    Source: Waudby-Smith and Ramdas 2024, the hedged capital confidence sequence, one-sided; c = 3/4.

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
    wanted = np.unique(np.geomspace(1, y.size, 40).round()) if sizes is None else np.atleast_1d(np.asarray(sizes))
    if not np.all((wanted >= 1) & (wanted <= y.size) & (wanted == np.floor(wanted))):
        raise InputError("sizes lie outside the examples given.", expected=f"whole numbers from 1 to {y.size}")
    wealth = -np.log(level(tried, delta))[..., None]
    steps = np.arange(1.0, y.size + 1)
    bets = _bets(y, wealth, steps * np.log1p(steps))
    whole = wanted.astype(np.int64)
    return BettingSequence(whole, np.array([_smallest_refuted(y[:k], bets[:k], wealth) for k in whole]))


def _bets(y: Floats, wealth: Floats, horizon: Floats | np.float64) -> Floats:
    """Bets on y, each from the examples before it: mean and variance start at 1/2 and 1/4 as if one was seen."""
    steps = np.arange(1, y.shape[-1] + 1)
    mean = (0.5 + np.cumsum(y, axis=-1)) / (steps + 1)
    variance = (0.25 + np.cumsum((y - mean) ** 2, axis=-1)) / (steps + 1)
    before = np.concatenate([np.full((*y.shape[:-1], 1), 0.25), variance[..., :-1]], axis=-1)
    return np.asarray(np.sqrt(2 * wealth / (before * horizon)))


def _smallest_refuted(y: Floats, bets: Floats, wealth: Floats) -> Floats:
    """The lower end of the refuted risks, from above."""
    shape = np.broadcast_shapes(y.shape[:-1], wealth.shape[:-1])
    low, high = np.zeros(shape), np.ones(shape)
    for _ in range(_HALVINGS):
        risk = (low + high) / 2
        m = (1 - risk)[..., None]
        capital = np.cumsum(np.log1p(np.minimum(bets, _LARGEST_BET / m) * (y - m)), axis=-1)
        refuted = capital.max(axis=-1) >= wealth[..., 0] + _ROUND_OFF
        low, high = np.where(refuted, low, risk), np.where(refuted, risk, high)
    return high
