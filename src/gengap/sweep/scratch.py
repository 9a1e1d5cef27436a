"""Temporary folders that do not outlive their process for long, even when it is killed."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows: folders of killed processes stay there
    fcntl = None  # type: ignore[assignment]

_PREFIX = "gengap-scratch-"
_LOCK = ".lock"
_GRACE_S = 60.0  # between making a folder and locking it


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder in the system's temporary folder, removed at the end; those of dead processes are removed first.

    The folder is locked as long as this process lives, whatever ends it, so that others can see it.
    """
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock = _lock(folder / _LOCK)
    try:
        yield folder
    finally:
        if lock is not None:
            os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned() -> int:
    """Removes the scratch folders of processes that have ended and returns how many there were."""
    removed = 0
    if fcntl is None:
        return removed
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if _is_abandoned(folder):
                shutil.rmtree(folder)
                removed += 1
    return removed


def _is_abandoned(folder: Path) -> bool:
    if not (folder / _LOCK).exists():
        return time.time() - folder.stat().st_mtime > _GRACE_S
    lock = _lock(folder / _LOCK)
    if lock is None:
        return False
    os.close(lock)
    return True


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock of a file, which other processes do not inherit; None where another has it."""
    if fcntl is None:
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
