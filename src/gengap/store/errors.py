"""Errors of SQLite and of the operating system as messages that say what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gengap.errors import InputError
from gengap.store.columns import FILTERS

_ELSEWHERE = "set GENGAP_HOME to a folder on this machine that you may write to"
_RESTORE = "restore the file from a backup, or move it away to begin anew"

# Primary SQLite result code -> (what is wrong, next step).
_MEANINGS = {
    sqlite3.SQLITE_FULL: ("no room is left on the disk", "free some space and run again; stored rows stay"),
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened or made", _ELSEWHERE),
    sqlite3.SQLITE_READONLY: ("the file or its folder cannot be written", _ELSEWHERE),
    sqlite3.SQLITE_PERM: ("the file may not be accessed", _ELSEWHERE),
    sqlite3.SQLITE_IOERR: ("reading or writing the file failed", "check the disk and its free space"),
    sqlite3.SQLITE_NOTADB: ("the file is not a SQLite database", "move it away, or set GENGAP_HOME to another folder"),
    sqlite3.SQLITE_CORRUPT: ("the file is damaged", _RESTORE),
    sqlite3.SQLITE_BUSY: ("another process keeps the file locked", "end that process, or run again later"),
}


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Raises an InputError for what the machine does to the store at ``path``; programming errors pass."""
    try:
        yield
    except sqlite3.Error as error:
        meaning = _MEANINGS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        if meaning is None or meaning[1] == _RESTORE:
            finding = damage(path)
            meaning = (f"the file is damaged: {finding}", _RESTORE) if finding else meaning
        if meaning is None:
            raise
        detail = "" if str(error) in meaning[0] else f" ({error})"
        raise InputError(f"Store {path}: {meaning[0]}{detail}.", next_step=meaning[1]) from error
    except UnicodeDecodeError as error:  # a message of SQLite's that quotes damaged text
        raise InputError(f"Store {path}: the file is damaged ({error}).", next_step=_RESTORE) from error
    except OSError as error:
        raise InputError(f"Store {path}: {error.strerror or error}.", next_step=_ELSEWHERE) from error


def damage(path: Path) -> str:
    """What SQLite finds wrong with a database file, in one line; empty where it finds nothing."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.text_factory = bytes
            finding: bytes = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if finding != b"ok":
                return " ".join(finding.decode(errors="replace").split())
            columns = {name.decode(errors="replace") for _, name, *_ in connection.execute("PRAGMA table_info(cells)")}
            missing = {"key", "status", "row", "history"} - columns
            if connection.execute("PRAGMA user_version").fetchone()[0] > 1:
                missing |= {"id", "written", "row_crc", "history_crc", *FILTERS} - columns
            return f"it lacks the columns {', '.join(sorted(missing))}" if missing else ""
    except sqlite3.DatabaseError as error:
        return "" if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN else str(error)
