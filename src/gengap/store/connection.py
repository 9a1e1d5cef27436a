"""Opening the file of a store: for writing where that is possible, else for reading."""

import sqlite3
import time
import warnings
from pathlib import Path

from gengap.store import schema

LOCK_WAIT_S = 60.0
_NOT_WRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the store, brought to the current format; only for reading where the file may not be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _for_writing(path)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _NOT_WRITABLE or not path.is_file():
            raise
        return _for_reading(path)


def _for_writing(path: Path) -> sqlite3.Connection:
    connection = _opened(str(path))
    try:
        schema.upgrade(connection, path)
        _use_write_ahead_log(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _for_reading(path: Path) -> sqlite3.Connection:
    """As it is; an older format is brought up to date in memory."""
    try:
        connection = _opened(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        schema.version(connection, path)
    except sqlite3.OperationalError:  # the log's index can be neither read nor made: read the file without its log
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size:
            warnings.warn(f"Store {path} is read without the rows that {log.name} holds.", stacklevel=4)
        connection = _opened(f"{path.resolve().as_uri()}?immutable=1", uri=True)
    try:
        if schema.version(connection, path) < len(schema.MIGRATIONS):
            copy = _opened(":memory:")
            connection.backup(copy)
            connection.close()
            connection = copy
            schema.upgrade(connection, path)
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _opened(address: str, *, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(address, timeout=LOCK_WAIT_S, isolation_level=None, uri=uri)
    connection.text_factory = _text
    return connection


def _text(data: bytes) -> str:
    """Text that damage has made invalid UTF-8 is still returned; its checksum shows the damage."""
    return data.decode("utf-8", "surrogateescape")


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Readers and the writer no longer wait for each other; each commit is on disk when it returns."""
    give_up = time.monotonic() + LOCK_WAIT_S
    while True:  # SQLite does not wait for locks by itself when the journal's mode changes
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
    connection.execute("PRAGMA synchronous = FULL")
