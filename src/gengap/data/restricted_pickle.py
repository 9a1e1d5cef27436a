"""Reads pickles of plain data and refuses any other, so that a file from a stranger cannot run code."""

import io
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.errors import InputError


def load_plain_pickle(raw: bytes, origin: str) -> Any:
    """What a pickle holds: bytes, str, int, float, bool, None, list, tuple, dict and arrays of numbers; nothing else.

    No function or class of the pickle's choosing is called. The names by which NumPy pickles an array stand for
    objects of this file, which take the array's bytes, shape and type and check them, so not even NumPy's own
    unpickling code sees the file.

    Args:
        raw: The pickle; strings written by Python 2 become bytes.
        origin: Where it came from, for the error.

    Raises:
        InputError: The pickle is damaged or holds anything else.
    """
    try:
        return _arrays(_Unpickler(io.BytesIO(raw), encoding="bytes").load())
    except InputError as error:
        raise InputError(f"{origin}: {error.what}", expected=error.expected) from error
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to mean
        raise InputError(
            f"{origin} is no readable pickle: {type(error).__name__}: {error}.",
            expected="a complete pickle of plain data",
        ) from error


class _DataType:
    """Stands for ``numpy.dtype``: only booleans, integers and floats, whose state holds nothing but byte order."""

    def __init__(self, code: str | bytes, *_: Any) -> None:
        self.dtype = np.dtype(code.decode() if isinstance(code, bytes) else code)
        if self.dtype.kind not in "biuf":
            raise InputError(f"an array of type {self.dtype} in a pickle.", expected="arrays of numbers")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in (">", b">"):
            self.dtype = self.dtype.newbyteorder(">")


class _Array:
    """Stands for an array while it is read: made empty, then given ``(version, shape, type, Fortran order, bytes)``."""

    value: NDArray[Any]

    def __init__(self, *_: Any) -> None:
        self.value = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        shape, data_type, fortran, raw = state[-4:]
        self.value = _array(raw, data_type, shape, "F" if fortran else "C")


class _ArrayType:
    """Stands for ``numpy.ndarray``, which a pickle names but need not call."""


def _array(raw: bytes, data_type: _DataType, shape: tuple[int, ...], order: str) -> NDArray[Any]:
    if not isinstance(data_type, _DataType) or not isinstance(raw, bytes | bytearray):
        raise InputError("an array without a plain type or bytes in a pickle.", expected="arrays of numbers")
    return np.frombuffer(raw, data_type.dtype).reshape(shape, order="F" if order == "F" else "C").copy()


def _from_buffer(raw: bytes, data_type: _DataType, shape: tuple[int, ...], order: str) -> _Array:
    array = _Array()
    array.value = _array(raw, data_type, shape, order)
    return array


def _encode(text: str, encoding: str) -> bytes:
    """Python 3 writes bytes in this way for Python 2."""
    if encoding != "latin1":
        raise InputError(f"an encoding {encoding!r} in a pickle.", expected="latin1")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Any] = {("numpy", "dtype"): _DataType, ("numpy", "ndarray"): _ArrayType}
_ALLOWED[("_codecs", "encode")] = _encode
for _core in ("numpy.core", "numpy._core"):
    _ALLOWED[(f"{_core}.multiarray", "_reconstruct")] = _Array
    _ALLOWED[(f"{_core}.numeric", "_frombuffer")] = _from_buffer


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Only what an array of numbers needs."""
        if (module, name) not in _ALLOWED:
            raise InputError(
                f"the pickle wants {module}.{name}, which is refused.", expected="plain data and arrays of numbers"
            )
        return _ALLOWED[(module, name)]

    def persistent_load(self, pid: Any) -> Any:
        """There is nothing outside the pickle."""
        raise InputError("the pickle refers to something outside it, which is refused.", expected="plain data")


def _arrays(value: Any) -> Any:
    """The value with each stand-in replaced by its array."""
    if isinstance(value, dict):
        return {_arrays(key): _arrays(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_arrays(item) for item in value)
    if isinstance(value, _Array):
        return value.value
    if value is None or isinstance(value, bytes | str | int | float):
        return value
    raise InputError(f"a {type(value).__name__} in a pickle.", expected="plain data and arrays of numbers")
