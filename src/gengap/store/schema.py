"""The file format of the store: its tables, its version, and the way from older versions to this one."""

import sqlite3

from gengap.errors import InputError

# Marks a SQLite file as ours ("ggap"), so that no other program's file is ever written to.
APPLICATION_ID = 0x67676170

# MIGRATIONS[v] takes a file from version v to v + 1; a new file goes through all of them.
# ``row`` is a JSON object, ``history`` a JSON list; both may hold the literals NaN and Infinity, as Python writes them.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE cells (key TEXT PRIMARY KEY, status TEXT NOT NULL, row TEXT NOT NULL, history TEXT NOT NULL)",
        f"PRAGMA application_id = {APPLICATION_ID}",
    ),
)


def upgrade(connection: sqlite3.Connection, path: object) -> None:
    """Brings the file to the current version in one transaction; two processes may try at once.

    Raises:
        InputError: The file is another program's, or a newer gengap wrote it.
    """
    with connection:
        connection.execute("BEGIN")  # one state of the file, whatever another process does meanwhile
        current = _version(connection, path)
    if current == len(MIGRATIONS):
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for statements in MIGRATIONS[_version(connection, path) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _version(connection: sqlite3.Connection, path: object) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if application != APPLICATION_ID and not (is_empty and version == application == 0):
        raise InputError(
            f"{path} is a database of another program.",
            expected="a gengap store, or a file that does not exist yet",
            next_step="set GENGAP_HOME to another folder",
        )
    if version > len(MIGRATIONS):
        raise InputError(
            f"{path} has store format {version}: a newer gengap wrote it.",
            expected=f"format {len(MIGRATIONS)} or older",
            next_step="upgrade gengap, or set GENGAP_HOME to another folder",
        )
    return version
