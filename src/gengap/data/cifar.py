"""Reads data in CIFAR's layouts: the binary and the python version, as a folder or an archive."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gengap.data.archive import read_files
from gengap.data.restricted_pickle import load_plain_pickle
from gengap.data.split import Split
from gengap.errors import InputError

N_PIXELS = 3 * 32 * 32
LARGEST_PUBLISHED = 2**28  # bytes: the largest published file, CIFAR-100's training pickle, has 155 million


@dataclass(frozen=True)
class Layout:
    """The files of one version of CIFAR.

    Attributes:
        train: Pattern of the training files' names.
        test: Name of the test file.
        names: Name of the file with the classes' names, which may be absent.
        label_bytes: How many label bytes precede the pixels, the last of which is the label; 0 for pickles.
        train_files: How many training files were published.
        train_records: How many records each published training file holds; the test file holds 10,000.
    """

    train: str
    test: str
    names: str
    label_bytes: int
    train_files: int
    train_records: int

    def has(self, file: str) -> bool:
        """Whether a file of that name belongs to this layout."""
        return fnmatchcase(file, self.train) or file in (self.test, self.names)


LAYOUTS = (
    Layout("data_batch_*.bin", "test_batch.bin", "batches.meta.txt", 1, 5, 10_000),
    Layout("train.bin", "test.bin", "fine_label_names.txt", 2, 1, 50_000),
    Layout("data_batch_[0-9]", "test_batch", "batches.meta", 0, 5, 10_000),
    Layout("train", "test", "meta", 0, 1, 50_000),
)


class Cifar(NamedTuple):
    """Two splits, images uint8 ``[N, 3, 32, 32]``, and the classes' names where the files have them."""

    train: Split
    test: Split
    classes: tuple[str, ...] | None


def has_cifar_layout(folder: Path) -> bool:
    """Whether a folder holds a training and a test file of one of CIFAR's layouts."""
    files = {file.name for file in folder.iterdir() if file.is_file()}
    return any(_complete(layout, files) for layout in LAYOUTS)


def read_cifar(source: Path, *, published: bool = False) -> Cifar:
    """What is in a folder or an archive of CIFAR's binary or python version.

    The binary version's records are one label byte (CIFAR-10) or a coarse and a fine one (CIFAR-100, whose fine
    labels are taken), then 3,072 pixels: channel, row, column. Pickles of the python version are read by an
    unpickler that admits nothing but plain data.

    Args:
        source: The folder that holds the files, or a tar archive.
        published: Whether the number of files and records must be those of CIFAR-10 or CIFAR-100.

    Raises:
        InputError: Files are absent, truncated, of another format, or their counts are wrong.
    """
    contents = read_files(
        source, lambda name: any(layout.has(name) for layout in LAYOUTS), LARGEST_PUBLISHED if published else None
    )
    layout = next((layout for layout in LAYOUTS if _complete(layout, contents)), None)
    if layout is None:
        raise InputError(
            f"{source} holds no training and test files in CIFAR's layout.",
            expected=" or ".join(f"{layout.train} with {layout.test}" for layout in LAYOUTS),
        )
    train_names = sorted(name for name in contents if fnmatchcase(name, layout.train))
    if published and len(train_names) != layout.train_files:
        raise InputError(
            f"{source} holds {len(train_names)} training files.", expected=f"{layout.train_files} of {layout.train}"
        )
    train = [
        _batch(source, name, contents, layout, layout.train_records if published else None) for name in train_names
    ]
    test = _batch(source, layout.test, contents, layout, 10_000 if published else None)
    return Cifar(_join(train), _join([test]), _names(source, contents, layout))


def read_published_cifar(folder: Path, *, sources: tuple[str, ...], n_classes: int) -> tuple[Split, Split]:
    """CIFAR-10 or CIFAR-100: the first of ``sources`` that is in ``folder``, or the folder's own files.

    Args:
        folder: The data set's folder.
        sources: Names of folders and archives in it, in the order in which they are tried.
        n_classes: Labels must be below.

    Raises:
        InputError: As ``read_cifar``, or a label is out of range.
    """
    result = next((folder / name for name in sources if (folder / name).exists()), folder)
    if result == folder and not (folder.is_dir() and has_cifar_layout(folder)):
        raise FileNotFoundError(2, "no such data", str(folder / sources[0]))
    data = read_cifar(result, published=True)
    highest = max(data.train.y.max(), data.test.y.max())
    if highest >= n_classes:
        raise InputError(f"{result} holds a label {highest}.", expected=f"labels 0 to {n_classes - 1}")
    return data.train, data.test


def _complete(layout: Layout, files: "dict[str, bytes] | set[str]") -> bool:
    return layout.test in files and any(fnmatchcase(name, layout.train) for name in files)


def _batch(
    source: Path, name: str, contents: dict[str, bytes], layout: Layout, expected: int | None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pixels ``[N, 3072]`` and labels ``[N]`` of one file, whose bytes are let go."""
    origin = f"{source}/{name}" if source.is_dir() else f"{name} in {source}"
    raw = contents.pop(name)
    pixels, labels = _pickled(raw, origin) if layout.label_bytes == 0 else _records(raw, origin, layout.label_bytes)
    if len(labels) == 0 or (expected is not None and len(labels) != expected):
        raise InputError(f"{origin} holds {len(labels)} images.", expected=f"{expected or 'at least one'}")
    return pixels, labels


def _records(raw: bytes, origin: str, label_bytes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    size = label_bytes + N_PIXELS
    if len(raw) % size:
        raise InputError(
            f"{origin} is truncated or of another format: {len(raw)} bytes.",
            expected=f"a multiple of {size}, a record's size",
        )
    records = np.frombuffer(raw, np.uint8).reshape(-1, size)
    return records[:, label_bytes:], records[:, label_bytes - 1].astype(np.int64)


def _pickled(raw: bytes, origin: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    batch = _with_text_keys(load_plain_pickle(raw, origin), origin)
    pixels, labels = batch.get("data"), batch.get("fine_labels", batch.get("labels"))
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (N_PIXELS,):
        raise InputError(f"{origin} holds no pixels under 'data'.", expected="an array of bytes [N, 3072]")
    y = _label_array(labels, len(pixels))
    if y is None or (y.size and y.min() < 0):
        raise InputError(
            f"{origin} holds no label for each of {len(pixels)} images.", expected="whole numbers under 'labels'"
        )
    return pixels, y


def _label_array(labels: object, n: int) -> NDArray[np.int64] | None:
    """The labels, ``[n]``; None where they are anything else: lists in lists are not even walked."""
    if isinstance(labels, list) and len(labels) == n and all(type(label) is int for label in labels):
        labels = np.array(labels)
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "iu" and labels.shape == (n,):
        return labels.astype(np.int64)
    return None


def _names(source: Path, contents: dict[str, bytes], layout: Layout) -> tuple[str, ...] | None:
    raw = contents.get(layout.names)
    if raw is None:
        return None
    if layout.label_bytes:
        return tuple(line for line in raw.decode("utf-8", "replace").splitlines() if line.strip())
    meta = _with_text_keys(load_plain_pickle(raw, f"{layout.names} in {source}"), layout.names)
    names = meta.get("fine_label_names", meta.get("label_names"))
    if not (isinstance(names, list) and all(isinstance(name, bytes | str) for name in names)):
        return None
    return tuple(name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in names)


def _with_text_keys(batch: object, origin: str) -> dict[str, object]:
    if not isinstance(batch, dict):
        raise InputError(
            f"{origin} holds a {type(batch).__name__}.", expected="a dictionary, as in CIFAR's python version"
        )
    return {key.decode() if isinstance(key, bytes) else str(key): value for key, value in batch.items()}


def _join(batches: list[tuple[NDArray[np.uint8], NDArray[np.int64]]]) -> Split:
    pixels = np.concatenate([pixels for pixels, _ in batches])
    return Split(pixels.reshape(-1, 3, 32, 32), np.concatenate([labels for _, labels in batches]))
