"""Arrays in NumPy's own format: what a header declares, and folders that hold one file for each array."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.arrays import FLOATS, Layout, from_arrays
from gengap.data.limits import check_file, check_memory
from gengap.data.problem import Problem
from gengap.data.rows import FileRows, in_memory_limit
from gengap.errors import InputError

NAMES = ("x_train", "y_train", "x_test", "y_test")
MASKS = ("mask_train", "mask_test")
VOCABULARY = "vocabulary"
INPUTS = ("x_train", "x_test", *MASKS)  # what may stay in its file
DAMAGED = (ValueError, EOFError, TypeError, AttributeError, RuntimeError, KeyError, SyntaxError, TokenError)
_LABEL = 100  # bytes that a label takes while its class is looked up: as an object of Python, in a list


@dataclass(frozen=True)
class Header:
    """What the header of an array declares.

    Attributes:
        shape, dtype: Of the array.
        fortran_order: Whether the first axis varies fastest.
        start: Bytes of the file or member before the values.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    start: int

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize

    def needed(self, name: str) -> int:
        """Bytes of memory that reading takes: whole numbers become float32 beside themselves, labels are looked up."""
        count = math.prod(self.shape)
        if name.startswith("y"):
            return self.nbytes + count * (_LABEL + self.dtype.itemsize)
        return self.nbytes + (0 if self.dtype == np.uint8 or self.dtype in FLOATS else 4 * count)


def read_header(file: Any, name: str, size: int, where: str) -> Header:
    """The header of an ``.npy`` stream, whose values are seen to be as many as it declares.

    Args:
        file: The stream, at its start.
        name: Of the array, for errors.
        size: Bytes of the stream.
        where: What errors call the file.

    Raises:
        InputError: It declares more or less than there is.
        ValueError: It holds objects or is damaged.
    """
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran_order, dtype = read(file)
    if any(length < 0 for length in shape):
        raise ValueError(f"its header declares the shape {shape}")
    if dtype.hasobject:
        raise ValueError(f"{name} holds objects")
    header = Header(shape, dtype, fortran_order, file.tell())
    stored, count = size - header.start, math.prod(shape)
    if header.nbytes != stored:
        raise InputError(
            f"{where}: {name} declares {count:,} values of {dtype.itemsize} bytes and holds {stored:,} bytes.",
            expected="as many bytes as its header says",
        )
    return header


def left_in_file(headers: Mapping[str, Header]) -> set[str]:
    """The arrays of inputs that stay in their files: all that can be read row by row, where together they are large."""
    able = {name for name in INPUTS if name in headers and headers[name].shape and not headers[name].fortran_order}
    return able if sum(headers[name].nbytes for name in able) > in_memory_limit() else set()


def has_arrays(folder: Path) -> bool:
    """Whether a folder holds ``x_train.npy``."""
    return (folder / "x_train.npy").is_file()


def read_npy_folder(folder: Path, layout: Layout | None = None, vocabulary: int | None = None) -> Problem:
    """The Problem in a folder with ``x_train.npy, y_train.npy, x_test.npy, y_test.npy``; large inputs stay there.

    For tokens ``mask_train.npy, mask_test.npy`` and ``vocabulary.npy`` may be beside them.

    Raises:
        InputError: A file is damaged, absent, too large or holds objects, or what ``from_arrays`` refuses.
    """
    optional = [name for name in (*MASKS, VOCABULARY) if (folder / f"{name}.npy").is_file()]
    paths = {name: folder / f"{name}.npy" for name in (*NAMES, *optional)}
    headers = {}
    for name, path in paths.items():
        check_file(path, f"an array of {', '.join(NAMES)}")
        with _refusing(path), path.open("rb") as file:
            headers[name] = read_header(file, name, path.stat().st_size, str(path))
    left = left_in_file(headers)
    check_memory(f"{folder} with its arrays", sum(h.needed(name) for name, h in headers.items() if name not in left))
    arrays: dict[str, Any] = {}
    for name, path in paths.items():
        header = headers[name]
        if name in left:
            arrays[name] = FileRows(path, header.start, header.shape, header.dtype)
        else:
            with _refusing(path):
                arrays[name] = np.load(path, allow_pickle=False)
    return problem_of(arrays, folder, folder.resolve().name, layout, vocabulary)


def problem_of(
    arrays: Mapping[str, Any], path: Path, name: str, layout: Layout | None, vocabulary: int | None
) -> Problem:
    """The Problem of arrays by name, with masks and a vocabulary if they are among them.

    Args:
        arrays: Those of ``NAMES``, and any of ``MASKS`` and ``VOCABULARY``.
        path: Where they came from.
        name: What to call the Problem.
        layout: As for ``from_arrays``.
        vocabulary: As the user says; None takes that among the arrays.
    """
    masks = [arrays[each] for each in MASKS if each in arrays]
    if len(masks) == 1:
        raise InputError(f"{path} holds one of {' and '.join(MASKS)}.", expected="a mask of each split, or none")
    if vocabulary is None and VOCABULARY in arrays:
        vocabulary = _whole(path, arrays[VOCABULARY])
    return from_arrays(
        *(arrays[each] for each in NAMES),
        name=name,
        origin=str(path),
        layout=layout,
        vocabulary=vocabulary,
        masks=(masks[0], masks[1]) if masks else None,
    )


def _whole(path: Path, vocabulary: NDArray[Any]) -> int:
    if vocabulary.size != 1 or vocabulary.dtype.kind not in "iu":
        raise InputError(
            f"{path}: {VOCABULARY} is of type {vocabulary.dtype} and shape {vocabulary.shape}.",
            expected="one whole number, the number of different tokens",
        )
    return int(vocabulary.item())


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turns what a damaged file raises into one message."""
    try:
        yield
    except InputError:
        raise
    except DAMAGED as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} is no readable .npy: {reason}.",
            expected="an array of numbers or strings written by numpy.save, without pickled objects",
        ) from error
