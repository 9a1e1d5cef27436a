"""Temporary folders that do not outlive their process for long, even when it is killed."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows: folders of killed processes stay there
    fcntl = None  # type: ignore[assignment]

_PREFIX = "gengap-scratch-"
_LOCK, _WHOLE = ".lock", ".whole"
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


@contextmanager
def shared_folder(name: str, fill: Callable[[Path], None]) -> Iterator[Path]:
    """A folder in the system's temporary folder that processes of this machine share; whoever comes first fills it.

    It stays when they have left it, until ``remove_shared`` or another process's ``remove_abandoned``; then the next
    one fills it anew.

    Args:
        name: Equal names of one machine are one folder.
        fill: Writes what the folder is to hold; what is left of an attempt that was killed is written over.

    Raises:
        RuntimeError: This system has no locks of files.
    """
    if fcntl is None:
        raise RuntimeError("Processes cannot share a folder on this system, which has no fcntl.")
    folder = _shared(name)
    while True:
        folder.mkdir(exist_ok=True)
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:  # it was removed just now
            continue
        try:
            if _is_filled(folder, lock, fill):
                yield folder
                return
        finally:
            os.close(lock)


def _is_filled(folder: Path, lock: int, fill: Callable[[Path], None]) -> bool:
    """Whether the folder is whole and held; not if another process removed it before it was held."""
    fcntl.flock(lock, fcntl.LOCK_SH)
    if not (folder / _WHOLE).exists() and os.fstat(lock).st_nlink:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / _WHOLE).exists() and os.fstat(lock).st_nlink:
            fill(folder)
            (folder / _WHOLE).touch()
        fcntl.flock(lock, fcntl.LOCK_SH)
    return os.fstat(lock).st_nlink > 0 and (folder / _WHOLE).exists()


def remove_shared(name: str) -> None:
    """Removes a shared folder unless a process is in it."""
    with suppress(OSError):
        _remove_abandoned(_shared(name), grace_s=0.0)


def _shared(name: str) -> Path:
    return Path(tempfile.gettempdir()) / f"{_PREFIX}shared-{name}"


def remove_abandoned() -> int:
    """Removes the scratch folders of processes that have ended and returns how many there were."""
    removed = 0
    if fcntl is None:
        return removed
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            removed += _remove_abandoned(folder, _GRACE_S)
    return removed


def _remove_abandoned(folder: Path, grace_s: float) -> bool:
    """Removes a folder that no process holds; its lock is held meanwhile, so that none begins to use it."""
    lock = None
    if (folder / _LOCK).exists():
        lock = _lock(folder / _LOCK)
        if lock is None:
            return False
    elif time.time() - folder.stat().st_mtime <= grace_s:
        return False
    try:
        (folder / _WHOLE).unlink(missing_ok=True)
        shutil.rmtree(folder)
    finally:
        if lock is not None:
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
