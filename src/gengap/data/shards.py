"""Shards: images of bytes, decoded once, in files from which a Problem reads its rows.

A folder holds ``index.json``, the labels of both splits, and files of rows one after the other. Each file ends in a
trailer of 128 bytes that names its data set, split and number, so that a file of other data is noticed.
"""

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from gengap.data.arrays import from_arrays
from gengap.data.json_file import read_json
from gengap.data.limits import check_file, size_text
from gengap.data.problem import Problem
from gengap.data.rows import FileRows, JoinedRows
from gengap.errors import InputError

INDEX, FORMAT, VERSION = "index.json", "gengap shards", 1
SHARD = 2**26  # bytes of rows in one file, at most
TRAILER = 128
SPLITS = ("train", "test")
Report = Callable[[int, int, str], None]
Row = Callable[[str, int], NDArray[np.uint8]]


@dataclass(frozen=True)
class Content:
    """What a folder of shards holds.

    Attributes:
        id: Hash of what it was made of; 32 hexadecimal digits.
        name: Of the Problem.
        origin: Where the images came from, for people.
        classes: Their names, in the order of the labels.
        shape: Of one image, ``[C, H, W]``.
        counts: Split -> number of its images.
        step: How they were resized or cut, as a step of the Problem; empty where they were not.
        words: What is to be said about how they were found; empty where nothing is.
    """

    id: str
    name: str
    origin: str
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    counts: Mapping[str, int]
    step: Mapping[str, Any]
    words: str = ""

    @property
    def rows_in_shard(self) -> int:
        """Images in each file but the last."""
        return max(1, SHARD // int(np.prod(self.shape)))

    def shards(self, split: str) -> list[range]:
        """The images of each file of a split."""
        n, size = self.counts[split], self.rows_in_shard
        return [range(start, min(start + size, n)) for start in range(0, n, size)]

    def trailer(self, split: str, number: int) -> bytes:
        """The end of a file."""
        return f"gengap shard of {self.id}, {split} {number}".encode().ljust(TRAILER)


def shards_root() -> Path:
    """Where shards are kept: ``GENGAP_SHARDS``, else ``gengap/shards`` in the platform's cache."""
    chosen = os.environ.get("GENGAP_SHARDS")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("gengap", appauthor=False) / "shards"


def has_shards(folder: Path) -> bool:
    """Whether a folder is one of shards."""
    return (folder / INDEX).is_file() and (folder / "train-labels.npy").is_file()


def write_shards(
    folder: Path, content: Content, labels: Mapping[str, NDArray[np.int64]], row: Row, report: Report | None = None
) -> None:
    """Writes shards, a file at a time in each of as many threads as there are cores, and then the whole in one rename.

    Args:
        folder: Where; nothing is there yet.
        content: What they will hold.
        labels: Split -> class indices.
        row: Gives the image of a split and number, ``[C, H, W]``.
        report: Called with images done, all images and a text.

    Raises:
        InputError: There is no room for them, or what ``row`` raises.
    """
    total = sum(content.counts.values())
    with _part(folder, total * int(np.prod(content.shape))) as part:
        jobs = [(split, number, rows) for split in SPLITS for number, rows in enumerate(content.shards(split))]
        done = 0
        for finished in _each(jobs, lambda job: _write(part, content, job[0], job[1], job[2], row)):
            done += finished
            if report is not None:
                report(done, total, "decoding images, once")
        for split in SPLITS:
            np.save(part / f"{split}-labels.npy", labels[split])
        document = {"format": FORMAT, "version": VERSION, **asdict(content)}
        (part / INDEX).write_text(json.dumps(document, indent=1))


def open_shards(folder: Path, *, expected: str | None = None) -> Problem:
    """The Problem of a folder of shards; its images stay there.

    Args:
        folder: As ``write_shards`` wrote it.
        expected: The ``Content.id`` that it must have; None takes any.

    Raises:
        InputError: A file is missing, damaged, or of another data set.
    """
    content = _content(folder)
    if expected is not None and content.id != expected:
        raise _broken(folder, f"{folder / INDEX} is of another data set")
    rows, labels = [], []
    for split in SPLITS:
        parts = [_shard(folder, content, split, number, rows) for number, rows in enumerate(content.shards(split))]
        rows.append(parts[0] if len(parts) == 1 else JoinedRows(parts))
        labels.append(_labels(folder, content, split))
    arrays = rows[0], labels[0], rows[1], labels[1]
    made = from_arrays(
        *arrays, name=content.name, classes=content.classes, origin=content.origin, layout="channels-first"
    )
    return with_step(made, content.step, content.words)


def with_step(problem: Problem, step: Mapping[str, Any], words: str) -> Problem:
    """A Problem that says how its images were resized, and how they were found."""
    return replace(problem, steps=(dict(step),) if step else (), layout=words)


def _content(folder: Path) -> Content:
    try:
        document = read_json(folder / INDEX, "the index of a folder of shards")
    except InputError as error:
        raise _broken(folder, error.what.rstrip(".")) from error
    if not isinstance(document, dict) or (document.pop("format", None), document.pop("version", None)) != (
        FORMAT,
        VERSION,
    ):
        raise _broken(folder, f"{folder / INDEX} is no index of shards of this version")
    try:
        content = Content(**{**document, "classes": tuple(document["classes"]), "shape": tuple(document["shape"])})
        sides = [*content.shape, *(content.counts[split] for split in SPLITS)]
        if len(content.shape) != 3 or not all(type(side) is int and side > 0 for side in sides):
            raise ValueError(f"it declares images of shape {content.shape}")
    except (KeyError, TypeError, ValueError) as error:
        raise _broken(folder, f"{folder / INDEX} is damaged: {error}") from error
    return content


def _shard(folder: Path, content: Content, split: str, number: int, rows: range) -> FileRows:
    file = folder / _name(split, number)
    if not file.is_file():
        raise _broken(folder, f"{file} is missing")
    size = len(rows) * int(np.prod(content.shape))
    if file.stat().st_size != size + TRAILER:
        raise _broken(folder, f"{file} holds {file.stat().st_size:,} bytes, not {size + TRAILER:,}")
    with file.open("rb") as stream:
        stream.seek(size)
        trailer = stream.read()
    if trailer != content.trailer(split, number):
        raise _broken(folder, f"{file} is of another data set: {trailer.decode(errors='replace').strip()}")
    return FileRows(file, 0, (len(rows), *content.shape), np.uint8)


def _labels(folder: Path, content: Content, split: str) -> NDArray[np.int64]:
    file = folder / f"{split}-labels.npy"
    if not file.is_file():
        raise _broken(folder, f"{file} is missing")
    check_file(file, "the labels of shards")
    try:
        labels: NDArray[np.int64] = np.load(file, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise _broken(folder, f"{file} is damaged: {error}") from error
    if labels.shape != (content.counts[split],) or labels.dtype != np.int64:
        raise _broken(folder, f"{file} holds labels of type {labels.dtype} and shape {labels.shape}")
    if not 0 <= labels.min() <= labels.max() < len(content.classes):
        raise _broken(
            folder, f"{file} holds labels from {labels.min()} to {labels.max()} of {len(content.classes)} classes"
        )
    return labels


def _broken(folder: Path, what: str) -> InputError:
    return InputError(
        f"{what}.",
        expected="the shards as they were written",
        next_step=f"remove {folder}: they are made again from the images",
    )


def _name(split: str, number: int) -> str:
    return f"{split}-{number:05d}.u8"


def _write(part: Path, content: Content, split: str, number: int, rows: range, row: Row) -> int:
    """Writes one file and returns how many images it holds."""
    images = np.empty((len(rows), *content.shape), np.uint8)
    for place, i in enumerate(rows):
        images[place] = row(split, i)
    with (part / _name(split, number)).open("wb") as file:
        images.tofile(file)
        file.write(content.trailer(split, number))
    return len(rows)


def _each(jobs: Sequence[Any], work: Callable[[Any], int]) -> Iterator[int]:
    """What each job returns, as they end; no more of them wait than there are threads. Decoding leaves the GIL."""
    threads = max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    waiting, running = iter(jobs), set[Future[int]]()
    with ThreadPoolExecutor(threads) as pool:
        try:
            while True:
                running |= {pool.submit(work, job) for job in islice(waiting, threads - len(running))}
                if not running:
                    return
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ended)
        finally:
            for future in running:
                future.cancel()


@contextmanager
def _part(folder: Path, n_bytes: int) -> Iterator[Path]:
    """A folder beside the one that is wanted, which takes its name at the end, or goes where it is not finished."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder)
        free = shutil.disk_usage(folder.parent).free
        if n_bytes > free:
            raise InputError(
                f"The decoded images take {size_text(n_bytes)}, and {size_text(free)} are free in {folder.parent}.",
                expected="room for them",
                next_step="make room there, name another folder with GENGAP_SHARDS, or take smaller images: --resize",
            )
        part = folder.with_name(f"{folder.name}.part-{socket.gethostname()}-{os.getpid()}")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
    except OSError as error:
        raise InputError(
            f"Cannot write {folder}: {error.strerror}.",
            expected="a folder for decoded images",
            next_step="name another one with GENGAP_SHARDS",
        ) from error
    try:
        yield part
        if folder.exists():  # another process was faster
            shutil.rmtree(part)
        else:
            part.rename(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise InputError(
            f"Cannot write {part}: {error.strerror}.",
            expected=f"room for {size_text(n_bytes)} of decoded images",
            next_step="make room there, or name another folder with GENGAP_SHARDS",
        ) from error
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _remove_leftovers(folder: Path) -> None:
    """Removes what processes of this machine that are no more have begun."""
    prefix = f"{folder.name}.part-{socket.gethostname()}-"
    for part in folder.parent.glob(f"{folder.name}.part-*"):
        number = part.name.removeprefix(prefix)
        if number.isdecimal() and not _alive(int(number)):
            shutil.rmtree(part, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
