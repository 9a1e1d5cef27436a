"""Reads the idx files of MNIST, Fashion-MNIST and Kuzushiji-MNIST."""

import gzip
import math
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gengap.data.limits import check_file, check_memory, unpacked_limit
from gengap.data.rows import FileRows, in_memory_limit
from gengap.data.split import Split
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


def has_idx_files(folder: Path) -> bool:
    """Whether a folder holds files of these names, compressed or not."""
    return any((folder / name).exists() or (folder / name).with_suffix("").exists() for name in FILES["train"])


def read_idx_folder(folder: Path) -> tuple[Any, NDArray[np.uint8], Any, NDArray[np.uint8]]:
    """Images and labels of any number, ``[N, 1, H, W]`` and ``[N]``, of training and test split, from the four files.

    Images that are not compressed and together are large stay in their files, as ``Rows``.

    Raises:
        InputError: A file is absent, truncated or not of this format, or images and labels differ in number.
    """
    paths = {split: [_there(folder / name) for name in names] for split, names in FILES.items()}
    sizes = [images.stat().st_size for images, _ in paths.values() if images.suffix != ".gz"]
    large = sum(sizes) > in_memory_limit()
    arrays: list[Any] = []
    for images, labels in paths.values():
        left = large and images.suffix != ".gz"
        arrays += [idx_rows(images) if left else read_idx(images), read_idx(labels)]
    return arrays[0], arrays[1], arrays[2], arrays[3]


def idx_rows(path: Path) -> FileRows:
    """The array of bytes in an idx file that is not compressed, whose rows stay there.

    Raises:
        InputError: It is no idx file of bytes, or holds fewer than it declares.
    """
    check_file(path, "an idx file")
    with path.open("rb") as file:
        shape, start = _header(path, file)
    return FileRows(path, start, shape, np.uint8)


def _there(path: Path) -> Path:
    plain = path.with_suffix("")
    found = path if path.exists() or not plain.exists() else plain
    check_file(found, "an idx file, compressed or not")
    return found


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
    shape, _ = _header(path, file)
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


def _header(path: Path, file: BinaryIO) -> tuple[tuple[int, ...], int]:
    """The shape that an idx file declares, and the bytes before its values."""
    start = file.read(4)
    lengths = file.read(4 * start[3]) if len(start) == 4 else b""
    if len(start) < 4 or start[:3] != b"\0\0\x08" or len(lengths) < 4 * start[3]:
        raise InputError(
            f"{path} is not an idx file: it begins with {start.hex() or 'nothing'}.", expected="00000801 or 00000803"
        )
    return tuple(int.from_bytes(lengths[i : i + 4], "big") for i in range(0, len(lengths), 4)), 4 + len(lengths)


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
