"""The file format of the store: its tables, its version, and the way from older versions to this one."""

import json
import sqlite3
from collections.abc import Callable

from gengap.errors import InputError
from gengap.store.columns import FILTERS, checksum, filter_values

# Marks a SQLite file as ours ("ggap"), so that no other program's file is ever written to.
APPLICATION_ID = 0x67676170

INSERT = (
    f"INSERT INTO cells (id, key, status, written, row_crc, history_crc, {', '.join(FILTERS)}, row, history) "
    f"VALUES (?, ?, ?, ?, ?, ?, {', '.join('?' * len(FILTERS))}, ?, ?)"
)
FINISHED = "status IN ('done', 'diverged')"
INDEXES = {
    "cells_finished": f"(key) WHERE {FINISHED}",
    "cells_by_study": "(study, status)",
    "cells_by_problem": "(problem, model, corruption, level)",
    "cells_by_model": "(model, corruption, level)",
    "cells_by_corruption": "(corruption, level)",
    "cells_by_status": "(status)",
}


def _first_format(connection: sqlite3.Connection) -> None:
    """``row`` is a JSON object, ``history`` a JSON list; both may hold the literals NaN and Infinity."""
    connection.execute(
        "CREATE TABLE cells (key TEXT PRIMARY KEY, status TEXT NOT NULL, row TEXT NOT NULL, history TEXT NOT NULL)"
    )
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _columns_and_leases(connection: sqlite3.Connection) -> None:
    """Real columns before the long texts, so that reading them touches no overflow page; checksums; leases."""
    connection.execute("ALTER TABLE cells RENAME TO cells_1")
    connection.execute(
        f"CREATE TABLE cells (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, status TEXT NOT NULL, written REAL, "
        f"row_crc INTEGER, history_crc INTEGER, {', '.join(FILTERS)}, row TEXT NOT NULL, history TEXT NOT NULL)"
    )
    old = connection.execute("SELECT rowid, key, status, row, history FROM cells_1 ORDER BY rowid")
    connection.executemany(INSERT, (_with_columns(*values) for values in old))
    connection.execute("DROP TABLE cells_1")
    for name, columns in INDEXES.items():
        connection.execute(f"CREATE INDEX {name} ON cells {columns}")
    connection.execute(
        "CREATE TABLE drivers (id TEXT PRIMARY KEY, host TEXT, pid INTEGER, started TEXT, beats INTEGER)"
    )
    connection.execute("CREATE TABLE leases (key TEXT PRIMARY KEY, driver TEXT NOT NULL)")


def _with_columns(number: int, key: str, status: str, row: str, history: str) -> list[object]:
    """A row of the first format with what the second adds; one that cannot be read is taken over as it is."""
    try:
        values = filter_values(json.loads(row))
    except (ValueError, TypeError, AttributeError):
        values = [None] * len(FILTERS)
    texts = [_bindable(text) for text in (key, status, row, history)]
    return [number, *texts[:2], None, checksum(row), checksum(history), *values, *texts[2:]]


def _bindable(text: str) -> str | bytes:
    """Bytes where damage has left something that is no UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape")


# MIGRATIONS[v] takes a file from version v to v + 1; a new file goes through all of them.
MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first_format, _columns_and_leases)


def upgrade(connection: sqlite3.Connection, path: object) -> None:
    """Brings the file to the current version in one transaction; two processes may try at once.

    Raises:
        InputError: The file is another program's, or a newer gengap wrote it.
    """
    if version(connection, path) == len(MIGRATIONS):
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for step in MIGRATIONS[_version(connection, path) :]:
            step(connection)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def version(connection: sqlite3.Connection, path: object) -> int:
    """The format of the file, 0 for an empty one.

    Raises:
        InputError: As for ``upgrade``.
    """
    with connection:
        connection.execute("BEGIN")  # one state of the file, whatever another process does meanwhile
        return _version(connection, path)


def _version(connection: sqlite3.Connection, path: object) -> int:
    number = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if application != APPLICATION_ID and not (is_empty and number == application == 0):
        raise InputError(
            f"{path} is a database of another program.",
            expected="a gengap store, or a file that does not exist yet",
            next_step="set GENGAP_HOME to another folder",
        )
    if number > len(MIGRATIONS):
        raise InputError(
            f"{path} has store format {number}: a newer gengap wrote it.",
            expected=f"format {len(MIGRATIONS)} or older",
            next_step="upgrade gengap, or set GENGAP_HOME to another folder",
        )
    return number
