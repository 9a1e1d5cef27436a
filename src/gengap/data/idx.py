"""Reads the idx files of MNIST, Fashion-MNIST and Kuzushiji-MNIST."""

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of bytes in an idx file, which may be compressed with gzip.

    The format: two zero bytes, the type (8: unsigned byte), the number of axes, each length as a big-endian
    32-bit integer, then the values.

    Raises:
        InputError: The file is empty, truncated, too long, or no idx file of bytes.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{path} is empty, truncated or not gzip: {error}.", expected="a gzip-compressed idx file"
        ) from error
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or len(raw) < 4 + 4 * raw[3]:
        raise InputError(
            f"{path} is not an idx file: it begins with {raw[:4].hex() or 'nothing'}.", expected="00000801 or 00000803"
        )
    shape = np.frombuffer(raw, ">u4", count=raw[3], offset=4).astype(int)
    values = np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3])
    if values.size != shape.prod():
        raise InputError(
            f"{path} holds {values.size} values.", expected=f"{'x'.join(map(str, shape))}, as its header says"
        )
    return values.reshape(shape)


def _split(folder: Path, split: str) -> Split:
    images, labels = (_read(folder / name) for name in FILES[split])
    n = COUNTS[split]
    if images.shape != (n, 28, 28) or labels.shape != (n,) or labels.max() > 9:
        raise InputError(
            f"{folder}: {split} images {images.shape} with labels {labels.shape} up to {labels.max(initial=0)}.",
            expected=f"{n} images of 28 x 28 with labels 0 to 9",
        )
    return Split(images[:, None], labels.astype(np.int64))


def _read(path: Path) -> NDArray[Any]:
    plain = path.with_suffix("")
    return read_idx(path if path.exists() or not plain.exists() else plain)
