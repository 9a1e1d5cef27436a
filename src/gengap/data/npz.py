"""Reads a user's ``.npz``: the headers of its arrays first; large arrays that are not compressed stay in the file."""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.arrays import Layout
from gengap.data.limits import check_file, check_memory, out_of_memory_refused, unpacked_limit
from gengap.data.npy import DAMAGED, INPUTS, MASKS, NAMES, VOCABULARY, Header, left_in_file, problem_of, read_header
from gengap.data.problem import Problem
from gengap.data.rows import FileRows
from gengap.errors import InputError

_DAMAGED = (*DAMAGED, NotImplementedError, zipfile.BadZipFile, zlib.error)
_TEST = ("x_test", "y_test", "mask_test")
_HELD_OUT = "held_out=True takes test examples alone; on the command line gengap audit --held-out-only does"
_LOCAL_HEADER = 30  # bytes before a member's name and its extra field


def read_npz(
    path: Path, layout: Layout | None = None, vocabulary: int | None = None, *, held_out: bool = False
) -> Problem:
    """The Problem in an ``.npz`` that holds ``x_train``, ``y_train``, ``x_test`` and ``y_test``.

    With ``held_out`` it holds ``x_test`` and ``y_test``, which stand for both splits.
    Tokens may have ``mask_train`` and ``mask_test`` beside them, and the size of their ``vocabulary``, one number.
    Pickled objects are refused. The arrays' headers are read first: they must agree with the sizes of the members, and
    what is read has to fit into memory together. Inputs of more than ``rows.in_memory_limit()`` bytes stay in the file
    unless they are compressed. See ``from_arrays`` for shapes and types.

    Raises:
        InputError: The file is damaged or too large, an array is absent or holds objects, or what ``from_arrays``
            refuses.
    """
    check_file(path, "arrays written by numpy.savez")
    try:
        with out_of_memory_refused(str(path)), zipfile.ZipFile(path) as archive:
            headers = _headers(path, archive, _TEST if held_out else (*NAMES, *MASKS))
            left = {n for n in left_in_file(headers) if _member(archive, n).compress_type == zipfile.ZIP_STORED}
            _check_room(path, archive, headers, left)
            arrays = {
                name: _rows(path, _member(archive, name), header) if name in left else _array(archive, name)
                for name, header in headers.items()
            }
    except InputError:
        raise
    except _DAMAGED as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} is no readable .npz: {reason}.",
            expected="arrays of numbers or strings written by numpy.savez, without pickled objects",
        ) from error
    if held_out:
        arrays |= {name.replace("test", "train"): array for name, array in arrays.items()}
    return problem_of(arrays, path, path.stem, layout, vocabulary)


def _headers(path: Path, archive: zipfile.ZipFile, wanted: Sequence[str]) -> dict[str, Header]:
    """The headers of the arrays that are wanted, which are seen to be there and as large as they declare."""
    names = [name for name in wanted if name not in MASKS]
    there = [name.removesuffix(".npy") for name in archive.namelist()]
    absent = [name for name in names if name not in there]
    if absent:
        raise InputError(
            f"{path} holds no {' and no '.join(absent)}.",
            expected=f"arrays {', '.join(names)}; it has {', '.join(there[:20])}",
            next_step=_HELD_OUT if set(there).issuperset(_TEST[:2]) else "",
        )
    headers = {}
    for name in (*names, *(name for name in (*wanted, VOCABULARY) if name in there and name not in names)):
        member = _member(archive, name)
        with archive.open(member) as file:
            headers[name] = read_header(file, name, member.file_size, str(path))
    return headers


def _check_room(path: Path, archive: zipfile.ZipFile, headers: Mapping[str, Header], left: set[str]) -> None:
    total = sum(header.needed(name) for name, header in headers.items() if name not in left)
    try:
        check_memory(f"{path} with its arrays", total, unpacked_limit(path.stat().st_size))
    except InputError as error:
        packed = [n for n in INPUTS if n in headers and _member(archive, n).compress_type != zipfile.ZIP_STORED]
        if not packed:
            raise
        raise InputError(
            error.what,
            expected=error.expected,
            next_step=f"{error.next_step}; or store them by numpy.savez, uncompressed: they then stay in the file",
        ) from error


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    return archive.getinfo(f"{name}.npy")


def _rows(path: Path, member: zipfile.ZipInfo, header: Header) -> FileRows:
    """The rows of a member that is not compressed, where they lie in the archive."""
    with path.open("rb") as file:
        file.seek(member.header_offset)
        local = file.read(_LOCAL_HEADER)
    if local[:4] != b"PK\x03\x04":
        raise ValueError(f"{member.filename} has no header")
    names = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    return FileRows(path, member.header_offset + _LOCAL_HEADER + names + header.start, header.shape, header.dtype)


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array
