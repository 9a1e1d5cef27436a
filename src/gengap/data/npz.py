"""Reads a user's ``.npz``: the headers of its arrays first."""

import math
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.arrays import FLOATS, Layout, from_arrays
from gengap.data.limits import check_file, check_memory, out_of_memory_refused, unpacked_limit
from gengap.data.problem import Problem
from gengap.errors import InputError

_DAMAGED = (
    ValueError, EOFError, TypeError, AttributeError, RuntimeError, NotImplementedError, KeyError, SyntaxError,
    zipfile.BadZipFile, zlib.error, TokenError,
)  # fmt: skip
NAMES = ("x_train", "y_train", "x_test", "y_test")
_LABEL = 100  # bytes that a label takes while its class is looked up: as an object of Python, in a list


MASKS = ("mask_train", "mask_test")
VOCABULARY = "vocabulary"


def read_npz(
    path: Path, layout: Layout | None = None, vocabulary: int | None = None, *, held_out: bool = False
) -> Problem:
    """The Problem in an ``.npz`` that holds ``x_train``, ``y_train``, ``x_test`` and ``y_test``.

    With ``held_out`` it holds ``x_test`` and ``y_test``, which stand for both splits.
    Tokens may have ``mask_train`` and ``mask_test`` beside them, and the size of their ``vocabulary``, one number.
    Pickled objects are refused. The arrays' headers are read first: they must agree with the sizes of the members and
    fit into memory together. See ``from_arrays`` for shapes and types.

    Raises:
        InputError: The file is damaged or too large, an array is absent or holds objects, or what ``from_arrays``
            refuses.
    """
    check_file(path, "arrays written by numpy.savez")
    try:
        with out_of_memory_refused(str(path)), zipfile.ZipFile(path) as archive:
            names, mask_names = (NAMES[2:], MASKS[1:]) if held_out else (NAMES, MASKS)
            _check_headers(path, archive, names)
            arrays = [_array(archive, name) for name in names]
            masks = tuple(_array(archive, name) for name in mask_names if f"{name}.npy" in archive.namelist())
            stated = _array(archive, VOCABULARY) if f"{VOCABULARY}.npy" in archive.namelist() else None
    except InputError:
        raise
    except _DAMAGED as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} is no readable .npz: {reason}.",
            expected="arrays of numbers or strings written by numpy.savez, without pickled objects",
        ) from error
    if held_out:
        arrays, masks = 2 * arrays, 2 * masks
    if len(masks) == 1:
        raise InputError(f"{path} holds one of {' and '.join(MASKS)}.", expected="a mask of each split, or none")
    return from_arrays(
        *arrays,
        name=path.stem,
        origin=str(path),
        layout=layout,
        vocabulary=vocabulary if vocabulary is not None or stated is None else _whole(path, stated),
        masks=(masks[0], masks[1]) if masks else None,
    )


def _whole(path: Path, vocabulary: NDArray[Any]) -> int:
    if vocabulary.size != 1 or vocabulary.dtype.kind not in "iu":
        raise InputError(
            f"{path}: {VOCABULARY} is of type {vocabulary.dtype} and shape {vocabulary.shape}.",
            expected="one whole number, the number of different tokens",
        )
    return int(vocabulary.item())


def _check_headers(path: Path, archive: zipfile.ZipFile, names: tuple[str, ...] = NAMES) -> None:
    """Sees that the arrays are there, are as large as they declare, and fit into memory together."""
    there = [name.removesuffix(".npy") for name in archive.namelist()]
    absent = [name for name in names if name not in there]
    if absent:
        raise InputError(
            f"{path} holds no {' and no '.join(absent)}.",
            expected=f"arrays {', '.join(names)}; it has {', '.join(there[:20])}",
        )
    total = 0
    for name in (*names, *(name for name in (*MASKS, VOCABULARY) if name in there)):
        member = archive.getinfo(f"{name}.npy")
        with archive.open(member) as file:
            shape, dtype = _header(file)
            stored = member.file_size - file.tell()
        count = math.prod(shape)
        if dtype.hasobject:
            raise ValueError(f"{name} holds objects")
        if count * dtype.itemsize != stored:
            raise InputError(
                f"{path}: {name} declares {count:,} values of {dtype.itemsize} bytes and holds {stored:,} bytes.",
                expected="as many bytes as its header says",
            )
        total += stored + count * _needed(name, dtype)
    check_memory(f"{path} with its arrays", total, unpacked_limit(path.stat().st_size))


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type as the header of an ``.npy`` file declares them; the file stands at its values then."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if any(length < 0 for length in shape):
        raise ValueError(f"its header declares the shape {shape}")
    return shape, dtype


def _needed(name: str, dtype: np.dtype[Any]) -> int:
    """Bytes for each value besides those stored: whole numbers become float32, labels are looked up."""
    if name.startswith("y"):
        return _LABEL + dtype.itemsize
    return 0 if dtype == np.uint8 or dtype in FLOATS else 4


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array
