"""Arguments that have to be numbers: one check and one wording for the whole package.

Every function returns the argument in the type that the caller computes with, so that ``numpy.int64(3)``, ``3.0`` and a
tensor without axes serve where 3 does, and ``"3"``, ``True``, NaN and 2.5 are refused where a count is meant.
"""

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gengap.arrays import Floats
from gengap.errors import InputError

LARGEST = 2**63 - 1  # of NumPy's integers; a size, count or seed beyond cannot be used


def real_number(
    value: Any,
    name: str,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
    next_step: str = "",
) -> float:
    """A finite real number as a float.

    Args:
        value: The argument.
        name: Its name, for the message.
        above: It has to be larger than this.
        least: It has to be at least this.
        below: It has to be smaller than this.
        most: It has to be at most this.
        next_step: What the user can do, for the message.

    Raises:
        InputError: It is no real number (a text, a truth value, None), is NaN or infinite, or is out of range.

    >>> real_number(np.float32(0.5), "delta", above=0, below=1)
    0.5
    """
    number = _as_float(value)
    if number is None or not _within(number, above, least, below, most):
        raise InputError(
            f"{name} = {shown(value)}.",
            expected=f"a finite number{_range(above, least, below, most)}",
            next_step=next_step,
        )
    return number


def whole_number(value: Any, name: str, *, least: int = 1, most: int = LARGEST, next_step: str = "") -> int:
    """A whole number as an int; a float such as 1e4 serves if it is whole.

    Args:
        value: The argument.
        name: Its name, for the message.
        least: It has to be at least this.
        most: It has to be at most this.
        next_step: What the user can do, for the message.

    Raises:
        InputError: It is no whole number, or is out of range.

    >>> whole_number(1e4, "n")
    10000
    """
    number = _as_int(value)
    if number is None or not least <= number <= most:
        upper = "" if most == LARGEST and (number is None or number < least) else f", at most {most:,}"
        raise InputError(
            f"{name} = {shown(value)}.", expected=f"a whole number of at least {least:,}{upper}", next_step=next_step
        )
    return number


def whole_numbers(values: Any, name: str, *, least: int = 1) -> list[int]:
    """Several whole numbers, in ascending order and each once.

    Args:
        values: The argument.
        name: Its name, for the message.
        least: Each has to be at least this.

    Raises:
        InputError: It is no collection, is empty, or holds what is no such number.

    >>> whole_numbers([4, 1, 4], "widths")
    [1, 4]
    """
    expected = f"at least one whole number, each at least {least:,}"
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise InputError(f"{name} = {shown(values)}.", expected=expected)
    listed = list(values)
    numbers = [_as_int(value) for value in listed]
    pairs = zip(listed, numbers, strict=True)
    wrong = [value for value, number in pairs if number is None or not least <= number <= LARGEST]
    if wrong or not listed:
        held = f"{name} holds {shown(wrong[0])}." if wrong else f"{name} is empty."
        raise InputError(held, expected=expected)
    return sorted({number for number in numbers if number is not None})


def finite_array(values: ArrayLike, name: str, *, ndim: int | tuple[int, ...] | None = None) -> Floats:
    """Finite numbers as a float64 array that is not empty.

    Args:
        values: The argument.
        name: Its name, for the message.
        ndim: How many axes it may have; None: any number.

    Raises:
        InputError: It holds what is no number, NaN or infinity, or nothing, or has another number of axes.
    """
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    try:
        array = np.asarray(values)
        array = np.asarray(array, dtype=np.float64) if array.dtype.kind in "biuf" else _from_objects(values)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} holds what is no number: {shown(values)}.", expected="finite numbers") from None
    except RuntimeError:  # a tensor that requires a gradient
        raise InputError(
            f"{name} cannot be read: {shown(values)}.",
            expected="finite numbers",
            next_step="give .detach() of a tensor",
        ) from None
    if not array.size or (allowed is not None and array.ndim not in allowed):
        axes = "" if allowed is None else f", {' or '.join(map(str, allowed))} axes"
        raise InputError(f"{name} has shape {array.shape}.", expected=f"at least one number{axes}")
    if not np.isfinite(array).all():
        raise InputError(f"{name} holds NaN or infinity.", expected="finite numbers")
    return array


def kernel_matrix(values: ArrayLike, name: str = "K") -> Floats:
    """A kernel matrix as float64: symmetric and positive semidefinite, up to the rounding of float32.

    Args:
        values: ``[n, n]``.
        name: The argument's name, for the message.

    Raises:
        InputError: It is not square, not symmetric, or has an eigenvalue below what rounding explains.
    """
    K = finite_array(values, name, ndim=2)
    if K.shape[0] != K.shape[1]:
        raise InputError(f"{name} has shape {K.shape}.", expected="a kernel matrix [n, n]")
    scale = power_of_two(K)
    scaled = K / scale
    rounding = KERNEL_ROUNDING * float(np.abs(scaled).max())
    if np.abs(scaled - scaled.T).max() > rounding:
        raise InputError(f"{name} is not symmetric.", expected="k(x_i, x_j) of all pairs of points")
    least = float(np.linalg.eigvalsh((scaled + scaled.T) / 2)[0])
    if least < -rounding * math.sqrt(len(K)):
        raise InputError(
            f"{name} is not positive semidefinite: it has an eigenvalue of {least * scale:.3g}.",
            expected="a positive semidefinite matrix, as every kernel's is",
        )
    return K


KERNEL_ROUNDING = 1e-6
"""Of the largest entry of a kernel matrix: what an entry computed in float32 may be off by."""


def power_of_two(values: ArrayLike) -> float:
    """The power of two that brings the largest absolute value to [1/2, 1); 1 where all values are 0.

    Dividing by it is exact but for subnormal results, and no square of what comes out overflows. The power is between
    2^-1000 and 2^1000, so that it can be divided by itself and by its reciprocal.

    >>> power_of_two([3.0, -5.0])
    8.0
    """
    largest = float(np.max(np.abs(values), initial=0.0))
    return 1.0 if largest == 0 else math.ldexp(1.0, min(1000, max(-1000, math.frexp(largest)[1])))


def shown(value: Any) -> str:
    """An argument as a message shows it: numbers plainly, all else as Python writes it, in at most 60 characters."""
    if isinstance(value, Real) and not isinstance(value, bool):
        return str(value)
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _as_float(value: Any) -> float | None:
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):  # an array or a tensor
        try:
            value = value.item()
        except RuntimeError:  # a tensor without data
            return None
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _as_int(value: Any) -> int | None:
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    number = _as_float(value)
    return int(number) if number is not None and number.is_integer() else None


def _from_objects(values: ArrayLike) -> Floats:
    """An array of Python objects or texts: only what is a number already becomes one."""
    array = np.asarray(values, dtype=object)
    numbers = [_as_float(value) for value in array.ravel()]
    if not all(isinstance(value, Real) for value in array.ravel()):
        raise TypeError
    return np.array([np.nan if number is None else number for number in numbers], dtype=np.float64).reshape(array.shape)


def _within(number: float, above: float | None, least: float | None, below: float | None, most: float | None) -> bool:
    return (
        (above is None or number > above)
        and (least is None or number >= least)
        and (below is None or number < below)
        and (most is None or number <= most)
    )


def _range(above: float | None, least: float | None, below: float | None, most: float | None) -> str:
    words = (("above", above), ("of at least", least), ("below", below), ("of at most", most))
    parts = [f"{word} {limit:g}" for word, limit in words if limit is not None]
    return f" {' and '.join(parts)}" if parts else ""
