"""Errors of SQLite and of the operating system as messages that say what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gengap.errors import InputError

_ELSEWHERE = "set GENGAP_HOME to a folder on this machine that you may write to"

# Primary SQLite result code -> (what is wrong, next step).
_MEANINGS = {
    sqlite3.SQLITE_FULL: ("no room is left on the disk", "free some space and run again; stored rows are kept"),
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened or made", _ELSEWHERE),
    sqlite3.SQLITE_READONLY: ("the file or its folder cannot be written", _ELSEWHERE),
    sqlite3.SQLITE_PERM: ("the file may not be accessed", _ELSEWHERE),
    sqlite3.SQLITE_IOERR: ("reading or writing the file failed", "check the disk and its free space"),
    sqlite3.SQLITE_NOTADB: ("the file is not a SQLite database", "move it away, or set GENGAP_HOME to another folder"),
    sqlite3.SQLITE_CORRUPT: ("the file is damaged", "restore it from a backup, or move it away to begin anew"),
    sqlite3.SQLITE_BUSY: ("another process keeps the file locked", "end that process, or run again later"),
}


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Raises an InputError for what the machine does to the store at ``path``; programming errors pass."""
    try:
        yield
    except sqlite3.Error as error:
        meaning = _MEANINGS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        if meaning is None:
            raise
        raise InputError(f"Store {path}: {meaning[0]} ({error}).", next_step=meaning[1]) from error
    except OSError as error:
        raise InputError(f"Store {path}: {error.strerror or error}.", next_step=_ELSEWHERE) from error
