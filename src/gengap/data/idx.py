"""Reads the idx files of MNIST, Fashion-MNIST and Kuzushiji-MNIST."""

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from gengap.data.limits import check_file, check_memory, unpacked_limit
from gengap.data.problem import Split
from gengap.errors import InputError

FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
COUNTS = {"train": 60_000, "test": 10_000}


def read_mnist_family(folder: Path) -> tuple[Split, Split]:
    """The 60,000 training and 10,000 test images, uint8 ``[N, 1, 28, 28]``, of MNIST or a set in its form.

    Args:
        folder: Holds the four idx files, compressed (``.gz``) or not.

    Raises:
        InputError: A file is absent, truncated or not of this format, a count or a label is wrong.
    """
    return _split(folder, "train"), _split(folder, "test")


def read_idx(path: Path, expected: tuple[int, ...] | None = None) -> NDArray[np.uint8]:
    """The array of bytes in an idx file, which may be compressed with gzip.

    The format: two zero bytes, the type (8: unsigned byte), the number of axes, each length as a big-endian
    32-bit integer, then the values. The header is read first: no more is decompressed than it declares.

    Args:
        path: The file.
        expected: The shape that it must have; None takes any that fits into memory.

    Raises:
        InputError: The file is empty, truncated, too long, too large, of another shape, or no idx file of bytes.
    """
    if not path.exists():
        raise FileNotFoundError(2, "no such file", str(path))
    check_file(path, "an idx file")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _read_array(path, file, expected)  # type: ignore[arg-type]
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{path} is empty, truncated or not gzip: {error}.", expected="a gzip-compressed idx file"
        ) from error


def _read_array(path: Path, file: BinaryIO, expected: tuple[int, ...] | None) -> NDArray[np.uint8]:
    start = file.read(4)
    lengths = file.read(4 * start[3]) if len(start) == 4 else b""
    if len(start) < 4 or start[:3] != b"\0\0\x08" or len(lengths) < 4 * start[3]:
        raise InputError(
            f"{path} is not an idx file: it begins with {start.hex() or 'nothing'}.", expected="00000801 or 00000803"
        )
    shape = tuple(int.from_bytes(lengths[i : i + 4], "big") for i in range(0, len(lengths), 4))
    if expected is not None and shape != expected:
        raise InputError(f"{path} declares {'x'.join(map(str, shape))}.", expected="x".join(map(str, expected)))
    size = math.prod(shape)
    limit = unpacked_limit(path.stat().st_size)
    check_memory(f"{path} of shape {'x'.join(map(str, shape))}", 2 * size, limit)  # the bytes and the array of them
    values = file.read(size)
    if len(values) < size or file.read(1):
        raise InputError(
            f"{path} holds {'more' if len(values) == size else 'only ' + format(len(values), ',')} values.",
            expected=f"{'x'.join(map(str, shape))}, as its header says",
        )
    return np.frombuffer(values, np.uint8).reshape(shape)


def _split(folder: Path, split: str) -> Split:
    n = COUNTS[split]
    shapes: tuple[tuple[int, ...], ...] = ((n, 28, 28), (n,))
    images, labels = (_read(folder / name, shape) for name, shape in zip(FILES[split], shapes, strict=True))
    if labels.max() > 9:
        raise InputError(f"{folder}: a {split} label is {labels.max()}.", expected="labels 0 to 9")
    return Split(images[:, None], labels.astype(np.int64))


def _read(path: Path, expected: tuple[int, ...]) -> NDArray[np.uint8]:
    plain = path.with_suffix("")
    return read_idx(path if path.exists() or not plain.exists() else plain, expected)
