"""What every bound accepts: one place for the checks of counts, losses, models tried and delta."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap.arrays import Floats
from gengap.errors import InputError, exact

SMALLEST_LEVEL = 1e-300


def level(tried: ArrayLike, delta: ArrayLike) -> Floats:
    """The level left for one model, ``delta / tried`` (union bound over all models tried).

    Raises:
        InputError: ``tried`` is no whole number of at least 1, or ``delta`` lies outside (0, 1), or
            ``delta / tried`` is below 1e-300.
    """
    tried, delta = numbers("tried", tried), numbers("delta", delta)
    _require(tried, (tried >= 1) & (tried == np.floor(tried)), "tried", "a whole number of models, at least 1")
    _require(delta, (delta > 0) & (delta < 1), "delta", "a probability strictly between 0 and 1, such as 0.05")
    _require_some(tried, "tried")
    _require_some(delta, "delta")
    left = np.asarray(delta / tried)
    if np.any(left < SMALLEST_LEVEL):
        raise InputError(
            f"delta / tried = {exact(left.min())} is too small to be computed with.", expected="at least 1e-300"
        )
    return left


def counts(errors: ArrayLike, n: ArrayLike, *, whole: bool = False) -> tuple[Floats, Floats]:
    """Errors and numbers of examples as float64 arrays.

    Args:
        errors: Number of errors, or sum of losses that lie in [0, 1]; at least 0 and at most ``n``.
        n: Number of examples, a whole number of at least 1.
        whole: Whether only whole numbers of errors make sense.

    Raises:
        InputError: Any value is out of range.
    """
    errors, n = numbers("errors", errors), numbers("n", n)
    _require_some(errors, "errors")
    _require_some(n, "n")
    _require(n, (n >= 1) & (n == np.floor(n)), "n", "a whole number of held-out examples, at least 1")
    _require(errors, errors >= 0, "errors", "a number of errors, at least 0")
    if whole:
        _require(errors, errors == np.floor(errors), "errors", "a whole number of errors")
    if np.any(errors > n):
        where = np.flatnonzero(np.broadcast_to(errors > n, np.broadcast_shapes(errors.shape, n.shape)))[0]
        bad = [np.broadcast_to(x, np.broadcast_shapes(errors.shape, n.shape)).flat[where] for x in (errors, n)]
        raise InputError(
            f"errors = {exact(bad[0])} is more than n = {exact(bad[1])}.", expected="at most as many errors as examples"
        )
    return errors, n


def unit_losses(losses: ArrayLike) -> Floats:
    """Losses as a float64 array whose last axis are the N examples.

    Raises:
        InputError: There is none, or one is not finite or lies outside [0, 1].
    """
    values = numbers("losses", losses)
    if values.ndim == 0 or values.shape[-1] == 0:
        raise InputError("losses hold no example.", expected="one loss for each held-out example")
    _require(values, (values >= 0) & (values <= 1), "losses", "values in [0, 1]; divide by the largest possible loss")
    return values


def numbers(name: str, values: ArrayLike) -> Floats:
    """Any numbers as a float64 array.

    Raises:
        InputError: One is no number, or not finite.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biufO" or (array.dtype.kind == "O" and any(_is_text(one) for one in array.flat)):
            raise TypeError
        array = np.asarray(array, dtype=np.float64)
    except RuntimeError:  # of a tensor that requires a gradient, or lies on another device
        raise InputError(
            f"{name} = {values!r:.60} cannot be read.", expected="numbers", next_step="give .detach().cpu() of a tensor"
        ) from None
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} = {values!r:.60} is not a number.", expected="numbers") from None
    _require(array, np.isfinite(array), name, "finite numbers, without NaN")
    return array


def _is_text(value: Any) -> bool:
    return isinstance(value, str | bytes)


def _require_some(values: Floats, name: str) -> None:
    if not values.size:
        raise InputError(f"{name} is empty.", expected="at least one number")


def _require(values: Floats, good: NDArray[np.bool_] | Any, name: str, expected: str) -> None:
    if not good.all():  # of a NumPy number too; faster than np.all
        bad = values[~good].flat[0] if values.ndim else values
        raise InputError(f"{name} = {exact(float(bad))} cannot be used.", expected=expected)
