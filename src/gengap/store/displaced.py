"""A store whose file was deleted, moved or replaced while it was open: noticing it, and saving its rows."""

import os
import sqlite3
import tempfile
import time
from pathlib import Path

from gengap.errors import InputError


def file_identity(path: Path) -> tuple[int, int] | None:
    """Identity of the file at a path, which another file there would not share; None where there is none."""
    try:
        result = path.stat()
    except OSError:
        return None
    return result.st_dev, result.st_ino


def rescued(connection: sqlite3.Connection, path: Path) -> Path:
    """A copy of an open database that has lost its place: beside it, or else in the temporary folder.

    An open file lives on without a name, but SQLite refuses to move the rows of its log into it then, so it is copied
    before it is closed.

    Raises:
        InputError: There is no room for a copy.
    """
    for folder in (path.parent, Path(tempfile.gettempdir())):
        copy = folder / f"{path.stem}-rescued-{os.getpid()}-{time.time_ns()}.db"
        try:
            connection.execute("VACUUM INTO ?", [str(copy)])
        except sqlite3.Error:
            continue
        return copy
    raise InputError(f"Store {path} was deleted or replaced while in use, and its rows cannot be copied anywhere.")


def log_of(path: Path) -> Path:
    """The write-ahead log of a database."""
    return path.with_name(path.name + "-wal")


def remove_log(path: Path, identity: tuple[int, int] | None) -> None:
    """Removes the log of a database that has left its path; SQLite would put it into the one that is there now."""
    if identity is not None and file_identity(log_of(path)) == identity:
        log_of(path).unlink(missing_ok=True)
        path.with_name(path.name + "-shm").unlink(missing_ok=True)


def remove_database(path: Path) -> None:
    """Removes the file with its log."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
