"""Arrays that stay in files: rows are read when they are asked for, so that memory does not grow with the data.

A ``Rows`` stands where a Problem has an array of inputs. It knows shape and type, gives rows by number, slice or index
as an array, and becomes a whole array only where NumPy asks for one and it fits into memory.
"""

import math
import mmap
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast, final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gengap.data.limits import check_memory, memory_limit
from gengap.errors import InputError

BLOCK = 2**24  # bytes of inputs that are read at once in passes over all of them
SMALL = 2**26  # bytes of rows that are given without a look at the memory that is free
IN_MEMORY = 2**29  # bytes of inputs above which they stay in their files


def in_memory_limit() -> int:
    """Bytes of inputs above which they stay in their files: 512 MiB, or a quarter of ``memory_limit()`` if less."""
    return min(IN_MEMORY, memory_limit() // 4)


class Rows(ABC):
    """The rows of an array that is not in memory."""

    def __init__(self, shape: Sequence[int], dtype: DTypeLike):
        self.shape = tuple(int(side) for side in shape)
        self.dtype = np.dtype(dtype)

    @abstractmethod
    def read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        """The rows ``[B, …]`` of these numbers ``[B]``, each from 0 to N - 1, as a new array."""

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """What another process needs to read the same rows, as JSON; ``kind`` names the class."""

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that all rows would take in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        if isinstance(key, int | np.integer):
            return cast(NDArray[Any], self.read(np.array([range(len(self))[int(key)]]))[0])
        if isinstance(key, slice):
            index = np.arange(*key.indices(len(self)))
        else:
            index = np.asarray(key)
            if index.dtype == bool:
                index = np.flatnonzero(index)
            if isinstance(key, tuple) or index.ndim != 1 or index.dtype.kind not in "iu":
                raise IndexError("rows are given by numbers alone: read those that are wanted, then index the array")
            index = np.where(index < 0, index + len(self), index).astype(np.int64)
            if len(index) and not 0 <= index.min() <= index.max() < len(self):
                raise IndexError(f"row {index.max()} of {len(self)}")
        n_bytes = len(index) * math.prod(self.shape[1:]) * self.dtype.itemsize
        if n_bytes > SMALL:
            check_memory(f"{len(index):,} rows of inputs that stay in files", n_bytes)
        return self.read(index)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype)


@final
class FileRows(Rows):
    """Rows that lie one after the other in a file, as in an ``.npy`` or idx file or an uncompressed ``.npz``.

    Args:
        path: The file.
        offset: Bytes before the first row.
        shape: Of the stored array.
        stored: Its type.
        dtype: Type in which rows are given; None is the stored one.
        images: How rows become images: ``""`` leaves them, ``"grey"`` gives ``[H, W]`` a channel axis,
            ``"channels-last"`` moves the last axis to the front.

    Raises:
        InputError: The file is not there, or ends before the last row.
    """

    def __init__(
        self,
        path: str | Path,
        offset: int,
        shape: Sequence[int],
        stored: DTypeLike,
        dtype: DTypeLike | None = None,
        images: str = "",
        stamp: Sequence[int] | None = None,
    ):
        inner = tuple(shape[1:])
        if images == "grey":
            inner = (1, *inner)
        elif images == "channels-last":
            inner = (inner[-1], *inner[:-1])
        super().__init__((shape[0], *inner), stored if dtype is None else dtype)
        self.path, self.offset, self.images = os.path.abspath(path), int(offset), images
        self.stored, self.stored_shape = np.dtype(stored), tuple(int(side) for side in shape)
        self._row = math.prod(self.stored_shape[1:]) * self.stored.itemsize
        self._stream: BinaryIO | None = None
        self._process = 0
        self.stamp = tuple(_stamp(self.path)) if stamp is None else tuple(stamp)
        if self.stamp[0] < self.offset + self._row * len(self):
            raise InputError(
                f"{path} holds {self.stamp[0]:,} bytes.",
                expected=f"{self.offset + self._row * len(self):,}, for {len(self):,} rows",
            )

    def read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        """See ``Rows.read``; rows that follow each other are read at once.

        Raises:
            InputError: The file is not there any more, or has changed.
        """
        raw = np.empty((len(index), *self.stored_shape[1:]), self.stored)
        bytes_ = raw.reshape(len(index), -1).view(np.uint8) if raw.size else raw
        stream = self._open()
        breaks = np.flatnonzero(np.diff(index) != 1) + 1
        for start, stop in zip([0, *breaks.tolist()], [*breaks.tolist(), len(index)], strict=True):
            if raw.size and start < stop:
                self._fill(stream, memoryview(cast(Any, bytes_[start:stop].reshape(-1))), int(index[start]))
        rows = raw.astype(self.dtype, copy=False)
        if self.images == "grey":
            return rows[:, None]
        return np.ascontiguousarray(np.moveaxis(rows, -1, 1)) if self.images == "channels-last" else rows

    def document(self) -> dict[str, Any]:
        """See ``Rows.document``."""
        return {
            "kind": "file",
            "path": self.path,
            "offset": self.offset,
            "shape": self.stored_shape,
            "stored": self.stored.str,
            "dtype": self.dtype.str,
            "images": self.images,
            "stamp": self.stamp,
        }

    def as_type(self, dtype: DTypeLike) -> "FileRows":
        """The same rows, given in another type."""
        return FileRows(self.path, self.offset, self.stored_shape, self.stored, dtype, self.images, self.stamp)

    def as_images(self, images: str) -> "FileRows":
        """The same rows as images, see ``images``."""
        return FileRows(self.path, self.offset, self.stored_shape, self.stored, self.dtype, images, self.stamp)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_stream": None}

    def _open(self) -> BinaryIO:
        if self._stream is None or self._process != os.getpid():  # a forked process must not share a place in the file
            if tuple(_stamp(self.path)) != self.stamp:
                raise InputError(
                    f"{self.path} has changed since it was read.",
                    expected="the same file for as long as its data are used",
                    next_step="run the command again",
                )
            self._stream = open(self.path, "rb", buffering=0)  # noqa: SIM115  it stays open as long as rows are read
            self._process = os.getpid()
        return self._stream

    def _fill(self, stream: BinaryIO, buffer: memoryview, row: int) -> None:
        stream.seek(self.offset + row * self._row)
        while len(buffer):
            count = stream.readinto(buffer)  # type: ignore[attr-defined]
            if not count:
                raise InputError(f"{self.path} ends before row {row}.", expected="the file as it was first read")
            buffer = buffer[count:]


def _stamp(path: str) -> tuple[int, int]:
    """Size and time of the last change, by which a file is known again."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise InputError(
            f"Cannot read {path}: {error.strerror}.",
            expected="the file that the data stay in, reachable from every process that uses them",
        ) from error
    return status.st_size, status.st_mtime_ns


@final
class JoinedRows(Rows):
    """The rows of several ``Rows``, one after the other.

    Args:
        parts: At least one, of one inner shape and type.
    """

    def __init__(self, parts: Sequence[Rows]):
        super().__init__((sum(map(len, parts)), *parts[0].shape[1:]), parts[0].dtype)
        self.parts = list(parts)
        self._ends = np.cumsum([len(part) for part in parts])

    def read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        """See ``Rows.read``."""
        out = np.empty((len(index), *self.shape[1:]), self.dtype)
        owner = np.searchsorted(self._ends, index, side="right")
        for number in np.unique(owner):
            mine = owner == number
            first = 0 if number == 0 else self._ends[number - 1]
            out[mine] = self.parts[number].read(index[mine] - first)
        return out

    def document(self) -> dict[str, Any]:
        """See ``Rows.document``."""
        return {"kind": "joined", "parts": [part.document() for part in self.parts]}


@final
class FirstRows(Rows):
    """The first ``n`` rows of others."""

    def __init__(self, base: Rows, n: int):
        super().__init__((min(n, len(base)), *base.shape[1:]), base.dtype)
        self.base = base

    def read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        """See ``Rows.read``."""
        return self.base.read(index)

    def document(self) -> dict[str, Any]:
        """See ``Rows.document``."""
        return {"kind": "first", "base": self.base.document(), "n": len(self)}


@final
class MaskedRows(Rows):
    """Tokens and their mask as rows ``[2, T]``."""

    def __init__(self, tokens: Rows, mask: Rows):
        super().__init__((len(tokens), 2, *tokens.shape[1:]), tokens.dtype)
        self.tokens, self.mask = tokens, mask

    def read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        """See ``Rows.read``."""
        return np.stack([self.tokens.read(index), self.mask.read(index).astype(self.dtype)], axis=1)

    def document(self) -> dict[str, Any]:
        """See ``Rows.document``."""
        return {"kind": "masked", "tokens": self.tokens.document(), "mask": self.mask.document()}


KINDS: dict[str, Callable[[dict[str, Any]], Rows]] = {
    "file": lambda document: FileRows(**{name: value for name, value in document.items() if name != "kind"}),
    "joined": lambda document: JoinedRows([rows_of(part) for part in document["parts"]]),
    "first": lambda document: FirstRows(rows_of(document["base"]), document["n"]),
    "masked": lambda document: MaskedRows(rows_of(document["tokens"]), rows_of(document["mask"])),
}
"""What ``Rows.document`` calls each class -> the rows that it describes; ``data.corruptions`` adds its own."""


def rows_of(document: dict[str, Any]) -> Rows:
    """The rows that ``Rows.document`` describes.

    Raises:
        InputError: Their file is not there, or has changed.
    """
    return KINDS[document["kind"]](document)


def mapped_rows(x: Any) -> FileRows | None:
    """The rows of a whole array that NumPy has mapped from a file; None of any other, such as a part of one."""
    if not (isinstance(x, np.memmap) and isinstance(x.base, mmap.mmap) and x.flags.c_contiguous and x.ndim):
        return None
    return None if x.filename is None else FileRows(x.filename, x.offset, x.shape, x.dtype)


def typed(x: Any, dtype: DTypeLike) -> Any:
    """An array or ``FileRows`` in another type; the same object where it has that type."""
    if isinstance(x, FileRows):
        return x if x.dtype == dtype else x.as_type(dtype)
    return x.astype(dtype, copy=False)


def first_rows(x: Any, n: int | None) -> Any:
    """The first ``n`` rows of an array or of ``Rows``, without reading them; all for None."""
    if n is None:
        return x
    return FirstRows(x, n) if isinstance(x, Rows) else x[:n]


def blocks(x: Any) -> Iterator[tuple[int, NDArray[Any]]]:
    """The rows of an array or of ``Rows`` in order, some at a time, each time with the number of the first.

    Args:
        x: ``[N, …]``.
    """
    row = max(1, x.dtype.itemsize * math.prod(x.shape[1:]))
    step = max(1, BLOCK // row)
    for start in range(0, len(x), step):
        yield start, x[start : start + step]
