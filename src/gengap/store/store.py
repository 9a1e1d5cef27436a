"""The store: one row with its history for each key."""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gengap.errors import InputError, unknown
from gengap.store import schema
from gengap.store.home import home
from gengap.store.problems import explained

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]

RESULTS = ("done", "diverged")
FAILURES = ("failed", "out-of-memory", "timed-out")
STATUSES = RESULTS + FAILURES

_LOCK_WAIT_S = 60.0


class Store:
    """One SQLite file that holds a row, with its history, for each key.

    A row is a dictionary of what JSON can hold (with NaN and infinities, which come back as they went in; NumPy
    scalars come back as Python's); it needs a ``key`` and a ``status``, and may have a ``history``, a list of
    dictionaries. Row and history are written in one transaction that is on disk when ``put`` returns. Several
    processes may read and write at once; one Store object belongs to one thread.

    Statuses ``done`` and ``diverged`` are results. ``failed``, ``out-of-memory`` and ``timed-out`` are failures:
    stored with their reason, tried again next time, never put in a result's place.

    Args:
        path: The file, made when missing; None takes ``gengap.db`` in ``gengap.store.home()``.

    Raises:
        InputError: The file cannot be opened, read or written, is no store, or a newer gengap wrote it.
    """

    def __init__(self, path: Path | str | None = None):
        self.path = home() / "gengap.db" if path is None else Path(path)
        with explained(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=_LOCK_WAIT_S, isolation_level=None)
            try:
                schema.upgrade(self._connection, self.path)
                _use_write_ahead_log(self._connection)
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; the store cannot be used any more."""
        self._connection.close()

    def __len__(self) -> int:
        return int(self._select("SELECT count(*) FROM cells")[0][0])

    def __iter__(self) -> Iterator[Row]:
        return self.records()

    def put(self, row: Row) -> bool:
        """Stores a row under its key; returns False when a failure met a stored result, which then stays.

        Args:
            row: At least ``key``, a non-empty string, and ``status``, one of ``STATUSES``; ``history`` if any.
        """
        key, status = row["key"], row["status"]
        if not isinstance(key, str) or not key or status not in STATUSES:
            raise ValueError(f"A row needs a key and a status of {STATUSES}, got {key!r} and {status!r}.")
        body = {name: value for name, value in row.items() if name != "history"}
        statement = (
            "INSERT INTO cells (key, status, row, history) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE "
            "SET status = excluded.status, row = excluded.row, history = excluded.history "
            "WHERE excluded.status IN ('done', 'diverged') OR cells.status NOT IN ('done', 'diverged')"
        )
        values = (key, status, _dump(body), _dump(row.get("history", [])))
        with explained(self.path):
            return self._connection.execute(statement, values).rowcount == 1

    def get(self, key: str) -> Row | None:
        """The row stored under ``key`` with its ``history``, or None."""
        for body, epochs in self._select("SELECT row, history FROM cells WHERE key = ?", key):
            return _load(body, epochs)
        return None

    def finished(self, keys: Iterable[str]) -> set[str]:
        """Those of ``keys`` for which a result is stored."""
        results = self._select("SELECT key FROM cells WHERE status IN ('done', 'diverged')")
        return set(keys).intersection(key for (key,) in results)

    def records(self, *, history: bool = True, **where: Any) -> Iterator[Row]:
        """Stored rows, in the order in which their keys were first stored.

        Args:
            history: Whether rows carry their ``history``.
            where: Column = value, or a tuple, list or set of values; a row without the column is left out.
        """
        wanted = {name: value if isinstance(value, tuple | list | set) else (value,) for name, value in where.items()}
        columns = "row, history" if history else "row, NULL"
        for body, epochs in self._select(f"SELECT {columns} FROM cells ORDER BY rowid"):
            row = _load(body, epochs)
            if all(name in row and row[name] in values for name, values in wanted.items()):
                yield row

    def rows(self, *, history: bool = True, **where: Any) -> "pd.DataFrame":
        """Stored rows as a DataFrame, one for each key; ``history`` is a column of lists of dictionaries.

        Args:
            history: Whether to include that column.
            where: As for ``records``.
        """
        import pandas as pd

        return pd.DataFrame.from_records(list(self.records(history=history, **where)))

    def remove(self, keys: Iterable[str]) -> int:
        """Removes rows for good and returns how many there were."""
        with explained(self.path), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            return self._connection.executemany("DELETE FROM cells WHERE key = ?", [(key,) for key in keys]).rowcount

    def find(self, prefix: str) -> str:
        """The stored key that is ``prefix``, or the only one that begins with it.

        Raises:
            InputError: No stored key begins so, or several do.
        """
        keys: list[str] = [key for (key,) in self._select("SELECT key FROM cells")]
        if prefix in keys:
            return prefix
        near = [key for key in keys if prefix and key.startswith(prefix)]
        if len(near) > 1:
            raise InputError(
                f"{len(near)} stored runs have a key that begins with {prefix!r}.",
                expected="a key, or enough of its beginning to tell it from others",
                next_step=f"write more of it, e.g. {near[0]!r}",
            )
        if not near:
            raise _unknown_key(prefix, keys)
        return near[0]

    def _select(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with explained(self.path):
            return self._connection.execute(statement, parameters).fetchall()


def _unknown_key(prefix: str, keys: list[str]) -> InputError:
    """Names the nearest keys only: a store may hold thousands."""
    from difflib import get_close_matches

    near = get_close_matches(prefix, keys, n=3, cutoff=0.5)
    return (
        unknown("key", prefix, near)
        if near
        else InputError(
            f"Unknown key {prefix!r}.",
            expected=f"the key of one of the {len(keys)} stored runs",
            next_step="gengap runs list",
        )
    )


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Readers and the writer no longer wait for each other; each commit is on disk when it returns."""
    give_up = time.monotonic() + _LOCK_WAIT_S
    while True:  # SQLite does not wait for locks by itself when the journal's mode changes
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
    connection.execute("PRAGMA synchronous = FULL")


def _load(body: str, epochs: str | None) -> Row:
    row: Row = json.loads(body)
    return row if epochs is None else row | {"history": json.loads(epochs)}


def _dump(value: Any) -> str:
    return json.dumps(value, default=_scalar)


def _scalar(value: Any) -> Any:
    """A NumPy scalar as Python's own; anything else cannot be stored."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    raise TypeError(f"A row cannot hold {type(value).__name__} {value!r}.")
