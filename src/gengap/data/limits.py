"""What a file from a stranger may cost: it is a regular file, and what it declares fits into the memory there is.

Sizes that a file declares (a tar member's, an array's shape, an image's) are compared with the limit before anything
of that size is made, and a stream that is decompressed is read up to the limit and no further.
"""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO

from gengap.errors import InputError

VARIABLE = "GENGAP_MEMORY_LIMIT"
UNKNOWN_MACHINE = 4 * 2**30  # bytes, where the system does not say how much memory is free
_CHUNK = 2**20
_UNPACKED, _RATIO = 2**26, 100  # images and text unfold to less than a hundred times their compressed size
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def free_memory() -> int:
    """Bytes of memory that this process can still use: what is available, within the limit of its control group."""
    known = [_of_machine()]
    limit, used = (_number(Path("/sys/fs/cgroup") / name) for name in ("memory.max", "memory.current"))
    if limit is not None and used is not None:
        known.append(limit - used)
    return max(min(known), 0)


def memory_limit() -> int:
    """Bytes that reading one file may take: ``GENGAP_MEMORY_LIMIT``, else half of what is free.

    The variable is a number of bytes, or one with a unit, e.g. ``500M`` or ``16G``.

    Raises:
        InputError: The variable holds no size.
    """
    text = os.environ.get(VARIABLE, "").strip().upper().removesuffix("B")
    if not text:
        return free_memory() // 2
    number, unit = (text[:-1], _UNITS[text[-1]]) if text[-1] in _UNITS else (text, 1)
    if not number.isdecimal():
        raise InputError(f"{VARIABLE} is {text!r}.", expected="a number of bytes, or e.g. 500M or 16G")
    return int(number) * unit


def unpacked_limit(packed: int) -> int:
    """Bytes to which a compressed file may unfold: those of ``memory_limit``, and at most a hundred times its size.

    Up to 64 MiB any file may unfold, and where ``GENGAP_MEMORY_LIMIT`` is set that alone counts.

    Args:
        packed: Bytes of the file.
    """
    limit = memory_limit()
    return limit if os.environ.get(VARIABLE, "").strip() else min(limit, max(_UNPACKED, _RATIO * packed))


def unfolded_limit(packed: int) -> int:
    """Bytes to which compressed files may unfold on disk: a hundred times their size, and 64 MiB in any case.

    ``GENGAP_MEMORY_LIMIT`` raises it where it is larger.

    Args:
        packed: Bytes of the files.
    """
    limit = max(_UNPACKED, _RATIO * packed)
    return max(limit, memory_limit()) if os.environ.get(VARIABLE, "").strip() else limit


def size_text(n_bytes: float) -> str:
    """A number of bytes as people read it.

    >>> size_text(512), size_text(3 * 2**30)
    ('512 bytes', '3.0 GiB')
    """
    for unit, name in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:,.1f} {name}"
    return f"{n_bytes:.0f} bytes"


def check_memory(what: str, n_bytes: int, limit: int | None = None) -> None:
    """Sees that so many bytes are within the limit.

    Args:
        what: What would take them, e.g. ``"data.npz: x_train of shape (10, 10)"``.
        n_bytes: How many.
        limit: By default ``memory_limit()``.

    Raises:
        InputError: They are not.
    """
    limit = memory_limit() if limit is None else limit
    if n_bytes > limit:
        raise too_large(f"{what} would take {size_text(n_bytes)} of memory, more", limit)


def too_large(what: str, limit: int) -> InputError:
    """The error for what is beyond a limit; ``what`` ends with a comparative."""
    return InputError(
        f"{what} than the limit of {size_text(limit)}.",
        expected="at most half of the memory that is free, and of compressed data a hundred times their size",
        next_step=f"check that it is what it should be; if so, take a part of it or raise {VARIABLE}, e.g. 16G",
    )


def check_file(path: Path, expected: str) -> None:
    """Sees that a path is a regular file, before anything opens it: opening a pipe waits for ever.

    Args:
        path: The file; a link to one will do.
        expected: What it should be, for the error.

    Raises:
        InputError: There is none, or it is a folder, a pipe, a socket or a device.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"There is no file {path}.", expected=expected, next_step=where_instead(path)) from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"Cannot read {path}: {getattr(error, 'strerror', error)}.",
            expected=expected,
            next_step="check the path and its permissions",
        ) from error
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no regular file")
        next_step = "name a file in it" if stat.S_ISDIR(mode) else "save what it gives as a file first"
        raise InputError(f"{path} is {kind}.", expected=expected, next_step=next_step)


def where_instead(path: Path) -> str:
    """The next step where there is nothing at a path: the names beside it that are like its own, else to check it."""
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        return f"check the path: there is no folder {path.parent} that can be read"
    near = get_close_matches(path.name, names, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(str(path.with_name(name)) for name in near)}?"
    return f"check the path; the working folder is {Path.cwd()}"


@contextmanager
def out_of_memory_refused(what: str) -> Iterator[None]:
    """Turns the failures of a reader that was asked for more than there is into one message."""
    try:
        yield
    except (MemoryError, OverflowError) as error:
        raise InputError(
            f"{what} does not fit into memory.",
            expected="what it declares and holds to fit",
            next_step="take a part of it",
        ) from error
    except RecursionError as error:
        raise InputError(
            f"{what} is nested too deeply.",
            expected="a few levels of nesting",
            next_step="check that it is the file you mean",
        ) from error


class Bounded(io.RawIOBase):
    """A stream that is read up to a limit: what comes after it raises.

    Args:
        stream: What is read, from where it stands.
        limit: Bytes that may be read in all.
        what: What errors call it.
    """

    def __init__(self, stream: BinaryIO, limit: int, what: str):
        super().__init__()
        self._stream, self._limit, self._what, self._count = stream, limit, what, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; all that is left where it is negative.

        Raises:
            InputError: The stream holds more than the limit.
        """
        if size < 0:
            return self._read_all()
        content = self._stream.read(size)
        self._count += len(content)
        if self._count > self._limit:
            raise too_large(f"{self._what} is larger", self._limit)
        return content

    def _read_all(self) -> bytes:
        chunks = []
        while chunk := self.read(_CHUNK):
            chunks.append(chunk)
        return b"".join(chunks)


def _of_machine() -> int:
    meminfo = Path("/proc/meminfo")
    lines = meminfo.read_text().splitlines() if meminfo.exists() else []
    available = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    if available is not None:
        return int(available) * 1024
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return UNKNOWN_MACHINE


def _number(path: Path) -> int | None:
    text = path.read_text().strip() if path.exists() else ""
    return int(text) if text.isdigit() else None
