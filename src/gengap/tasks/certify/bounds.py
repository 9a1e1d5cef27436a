"""Every bound of a certificate by its name, or the reason why it does not apply."""

from typing import Any

from gengap import bounds
from gengap.arrays import Floats

Bound = dict[str, Any]  # {"upper": float}, for Proposition 5 also "gap"; or {"upper": None, "reason": str}
Bounds = dict[str, Bound]

_NO_ORDER = "it needs the losses one by one in their order, which counts do not have"
_ORDER_UNKNOWN = "it needs the examples in the order in which they were drawn; in_order says that they are"
_ORDER_DEPENDS = "it came out below the risk seen: the order of the examples depends on their losses"
_NOT_ZERO_ONE = "it is for 0-1 loss; these losses may lie between 0 and the largest loss"


def bounds_from_counts(errors: int, n: int, tried: int, delta: float) -> Bounds:
    """The bounds that a number of errors gives, for 0-1 loss."""
    given = (errors, n, tried, delta)
    return {
        **_bounds_from_sum(*given),
        "clopper_pearson": {"upper": float(bounds.clopper_pearson(*given))},
        "empirical_bernstein": {"upper": float(bounds.empirical_bernstein(*given))},
        "betting": {"upper": None, "reason": _NO_ORDER},
        "betting_sequence": {"upper": None, "reason": _NO_ORDER},
    }


def bounds_from_losses(
    losses: Floats, mixed: Floats, tried: int, delta: float, *, zero_one: bool, loss_bound: float, in_order: bool
) -> Bounds:
    """The bounds that losses in [0, 1] give; in units of the loss, whose largest is ``loss_bound``.

    Args:
        losses: Shape (N,).
        mixed: The same in a random order.
        tried: Models compared.
        delta: Probability that a bound fails for any of them.
        zero_one: Whether the losses are those of single predictions, right or wrong.
        loss_bound: The largest possible loss.
        in_order: Whether the losses stand in the order in which their examples were drawn.
    """
    n, variance = losses.size, float(losses.var(ddof=1)) if losses.size > 1 else 0.0
    given = (min(float(losses.sum()), n), n, tried, delta)
    anytime: Bound = _anytime(losses, tried, delta) if in_order else {"upper": None, "reason": _ORDER_UNKNOWN}
    known: Bounds = {
        **_bounds_from_sum(*given),
        "clopper_pearson": {"upper": None, "reason": _NOT_ZERO_ONE},
        "empirical_bernstein": {"upper": float(bounds.empirical_bernstein(*given, variance=variance))},
        "betting": {"upper": max(float(bounds.betting(mixed, tried, delta)), given[0] / n)},
        "betting_sequence": anytime,
    }
    if zero_one:
        known["clopper_pearson"] = {"upper": float(bounds.clopper_pearson(*given))}
    return {name: _times(bound, loss_bound) for name, bound in known.items()}


def two_sided_losses(mixed: Floats, tried: int, delta: float) -> tuple[float, float]:
    """The two-sided interval by betting for losses in [0, 1] in a random order, delta / 2 at each end."""
    lower = 1 - float(bounds.betting(1 - mixed, tried, delta / 2))
    return max(lower, 0.0), float(bounds.betting(mixed, tried, delta / 2))


def _anytime(losses: Floats, tried: int, delta: float) -> Bound:
    """In the order given, in which a set grows: an order that depends on the sample size would be no martingale."""
    upper = float(bounds.betting_sequence(losses, tried, delta, sizes=[losses.size]).upper[0])
    return {"upper": upper} if upper >= losses.mean() else {"upper": None, "reason": _ORDER_DEPENDS}


def _bounds_from_sum(errors: float, n: int, tried: int, delta: float) -> Bounds:
    given = (errors, n, tried, delta)
    return {
        "kawaguchi2017_prop5": {
            "upper": float(bounds.kawaguchi2017_prop5(*given)),
            "gap": float(bounds.kawaguchi2017_gap(n, tried, delta)),
        },
        "hoeffding": {"upper": float(bounds.hoeffding(*given))},
        "chernoff_kl": {"upper": float(bounds.chernoff_kl(*given))},
    }


def _times(bound: Bound, loss_bound: float) -> Bound:
    return {key: value * loss_bound if isinstance(value, float) else value for key, value in bound.items()}
