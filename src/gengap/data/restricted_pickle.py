"""Reads pickles of plain data and refuses any other, so that a file from a stranger cannot run code."""

import io
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gengap.data.limits import check_memory, out_of_memory_refused
from gengap.errors import InputError

MOST_OBJECTS = 2_000_000  # containers and references: of either, a byte of the file may make a hundred bytes


def load_plain_pickle(raw: bytes, origin: str) -> Any:
    """What a pickle holds: bytes, str, int, float, bool, None, list, tuple, dict and arrays of numbers; nothing else.

    No function or class of the pickle's choosing is called. The names by which NumPy pickles an array stand for
    objects of this file, which take the array's bytes, shape and type and check them, so not even NumPy's
    unpickling code sees the file.

    Time and memory are linear in the size of the file, whatever it refers to how often: arrays of the same bytes share
    them, a container is walked once, keys are plain values (hashing a tuple of tuples may take exponential time),
    and Python's unpickler in Python keeps its memo in a dictionary (the one in C makes room for the largest index
    that a file names).

    Args:
        raw: The pickle; strings written by Python 2 become bytes.
        origin: Where it came from, for the error.

    Raises:
        InputError: The pickle is damaged or holds anything else.
    """
    try:
        with out_of_memory_refused("What it holds"):
            return _arrays(_Unpickler(_Pickle(raw), encoding="bytes").load(), {})
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
    return np.frombuffer(raw, data_type.dtype).reshape(shape, order="F" if order == "F" else "C")


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


class _Pickle(io.BytesIO):
    """The bytes of a pickle, which is damaged where they end too early: the unpickler itself does not look."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As many bytes as asked for."""
        content = super().read(size)
        if size is not None and len(content) < size:
            raise EOFError("it is truncated")
        return content

    def readline(self, size: int | None = -1, /) -> bytes:
        """A whole line."""
        line = super().readline(size)
        if not line.endswith(b"\n"):
            raise EOFError("it is truncated")
        return line


def _counted(load: Callable[..., None]) -> Callable[..., None]:
    def counted(self: "_Unpickler") -> None:
        self._count()
        load(self)

    return counted


class _Unpickler(pickle._Unpickler):
    """Python's unpickler in Python, with plain keys alone and no sets."""

    stack: list[Any]
    made, most = 0, MOST_OBJECTS
    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(pickle._Unpickler.dispatch)

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

    def _count(self) -> None:
        self.made += 1
        if self.made > self.most:
            raise InputError(f"more than {self.most:,} containers and references in a pickle.", expected="fewer")

    def _set_item(self) -> None:
        _check_key(self.stack[-2])
        super().load_setitem()  # type: ignore[misc]

    def _set_items(self) -> None:
        for key in self.stack[::2]:
            _check_key(key)
        super().load_setitems()  # type: ignore[misc]

    def _make_dict(self) -> None:
        for key in self.stack[::2]:
            _check_key(key)
        super().load_dict()  # type: ignore[misc]

    def _refuse_set(self) -> None:
        raise InputError("a set in a pickle.", expected="plain data and arrays of numbers")

    for _code in b"]}()lt\x85\x86\x87\x94pqr":  # each of them makes a container, or a reference, from a byte or two
        dispatch[_code] = _counted(dispatch[_code])
    dispatch |= {pickle.SETITEM[0]: _set_item, pickle.SETITEMS[0]: _set_items, pickle.DICT[0]: _make_dict}
    dispatch |= dict.fromkeys((pickle.EMPTY_SET[0], pickle.ADDITEMS[0], pickle.FROZENSET[0]), _refuse_set)


class _Anything:
    """Stands for whatever a pickle makes, and takes whatever is put into it."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, _: Any) -> None:
        """Lists and the like."""

    def extend(self, _: Any) -> None:
        """Lists and the like."""


class _Rehearsal(_Unpickler):
    """Goes through a pickle of any kind without making or calling anything that it names."""

    most = 100_000_000  # its size was compared with the memory that there is

    def find_class(self, module: str, name: str) -> Any:
        """A stand-in for every name."""
        return _Anything

    def persistent_load(self, pid: Any) -> Any:
        """A stand-in for what is outside the pickle, as tensors are."""
        return _Anything()


def check_pickle(raw: bytes, origin: str) -> None:
    """Sees that another reader can go through a pickle in time linear in its size: no keys of nested tuples, no sets.

    Args:
        raw: The pickle, of objects of any kind.
        origin: Where it came from, for the error.

    Raises:
        InputError: It cannot, or the pickle is damaged.
    """
    try:
        with out_of_memory_refused("What it holds"):
            check_memory("The pickle", 100 * len(raw))
            _Rehearsal(_Pickle(raw), encoding="bytes").load()
    except InputError as error:
        raise InputError(f"{origin}: {error.what}", expected="tensors and plain containers") from error
    except Exception as error:
        raise InputError(
            f"{origin} is no readable pickle: {type(error).__name__}.", expected="a complete file"
        ) from error


def _check_key(key: Any) -> None:
    parts = key if isinstance(key, tuple) else (key,)
    if not all(part is None or isinstance(part, bytes | str | int | float) for part in parts):
        raise InputError(f"a {type(key).__name__} as a key in a pickle.", expected="plain data and arrays of numbers")


def _arrays(value: Any, done: dict[int, Any]) -> Any:
    """The value with each stand-in replaced by its array, each container walked once.

    Args:
        value: What was unpickled.
        done: Identity of a container -> what it became; None while it is walked.
    """
    if value is None or isinstance(value, bytes | str | int | float):
        return value
    if isinstance(value, _Array):
        return value.value
    if not isinstance(value, dict | list | tuple):
        raise InputError(f"a {type(value).__name__} in a pickle.", expected="plain data and arrays of numbers")
    if id(value) not in done:
        done[id(value)] = None
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        walked = {key: _arrays(part, done) for key, part in parts}
        done[id(value)] = walked if isinstance(value, dict) else type(value)(walked.values())
    if done[id(value)] is None:
        raise InputError("a container that holds itself in a pickle.", expected="plain data and arrays of numbers")
    return done[id(value)]
