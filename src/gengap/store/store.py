"""The store: one row with its history for each key."""

import json
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gengap.errors import InputError, unknown
from gengap.home import home
from gengap.store.columns import FILTERS, Row, checksum, condition, encoded, filter_values, matches
from gengap.store.connection import connect
from gengap.store.displaced import file_identity, log_of, remove_database, remove_log, rescued
from gengap.store.errors import store_errors
from gengap.store.schema import FINISHED

if TYPE_CHECKING:
    import pandas as pd

RESULTS = ("done", "diverged")
FAILURES = ("failed", "out-of-memory", "timed-out")
STATUSES = RESULTS + FAILURES

_AT_ONCE = 500  # keys or rows asked for in one statement
_COMPARED = 20_000  # keys that a mistyped one is compared with
_COLUMNS = ("key", "status", "written", "row_crc", "history_crc", *FILTERS, "row", "history")
_REPLACE = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
_PUT = (
    f"INSERT INTO cells ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    f"ON CONFLICT (key) DO UPDATE SET {_REPLACE} "
)
_UNLESS_RESULT = "WHERE excluded.status IN ('done', 'diverged') OR cells.status NOT IN ('done', 'diverged')"


class DamagedRowWarning(UserWarning):
    """A stored row cannot be read and is left out."""


class Store:
    """One SQLite file that holds a row, with its history, for each key.

    A row is a dictionary of what JSON can hold (with NaN and infinities, which come back as they went in; NumPy
    scalars come back as Python's); it needs a ``key`` and a ``status``, and may have a ``history``, a list of
    dictionaries. Row and history are written in one transaction that is on disk when ``put`` returns. Several
    processes may read and write at once; one Store object belongs to one thread.

    Statuses ``done`` and ``diverged`` are results. ``failed``, ``out-of-memory`` and ``timed-out`` are failures:
    stored with their reason, tried again next time, never put in a result's place.

    A row whose checksum does not fit is left out of every answer, with a ``DamagedRowWarning`` that names its key; it
    counts as not stored. A file that may not be written is opened for reading only.

    Args:
        path: The file, made when missing; None takes ``gengap.db`` in ``gengap.store.home()``.

    Raises:
        InputError: The file cannot be opened, read or written, is no store, or a newer gengap wrote it.
    """

    def __init__(self, path: Path | str | None = None):
        self.path = home() / "gengap.db" if path is None else Path(path)
        with store_errors(self.path):
            self._connection = connect(self.path)
            self._file = file_identity(self.path)
            self._log: tuple[int, int] | None = None

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
        body = encoded({name: value for name, value in row.items() if name != "history"})
        history = encoded(row.get("history", []))
        columns = (key, status, time.time(), checksum(body), checksum(history), *filter_values(row), body, history)
        with store_errors(self.path):
            if self._connection.execute(_PUT + _UNLESS_RESULT, columns).rowcount == 1:
                return True
            if self.get(key) is not None:
                return False
            return self._connection.execute(_PUT, columns).rowcount == 1  # what stands there is damaged

    def get(self, key: str) -> Row | None:
        """The row stored under ``key`` with its ``history``, or None."""
        return self.get_all([key]).get(key)

    def get_all(self, keys: Iterable[str], *, history: bool = True) -> dict[str, Row]:
        """The rows stored under ``keys``, by key.

        Args:
            keys: Which; those without a row are left out.
            history: Whether rows have their ``history``.
        """
        wanted = list(dict.fromkeys(keys))
        rows = (row for some in _chunks(wanted) for row in self._rows("key", some, history))
        return {row["key"]: row for row in rows}

    def finished(self, keys: Iterable[str]) -> set[str]:
        """Those of ``keys`` for which a result is stored; whether its row can be read shows when it is read."""
        results: set[str] = set()
        for some in _chunks(list(dict.fromkeys(keys))):
            statement = f"SELECT key FROM cells INDEXED BY cells_finished WHERE key IN ({_marks(some)}) AND {FINISHED}"
            results.update(key for (key,) in self._select(statement, *some))
        return results

    def written_since(self, keys: Iterable[str], moment: float) -> dict[str, Row]:
        """The rows under ``keys``, without history, that were written after a moment, given as by ``time.time()``."""
        recent: list[str] = []
        for some in _chunks(list(dict.fromkeys(keys))):
            statement = f"SELECT key FROM cells WHERE key IN ({_marks(some)}) AND written > ?"
            recent += [key for (key,) in self._select(statement, *some, moment)]
        return self.get_all(recent, history=False)

    def records(self, *, history: bool = True, **where: Any) -> Iterator[Row]:
        """Stored rows, in the order in which their keys were first stored; read a few hundred at a time.

        Args:
            history: Whether rows have their ``history``.
            where: Column = value, or a tuple, list or set of values; a row without the column is left out. ``study``
                is the name of a study that measured the row. Filters by ``status``, ``problem``, ``model``,
                ``corruption``, ``level``, ``seed`` and ``study`` are fast; other columns are compared row by row.
        """
        wanted = {
            name: tuple(value) if isinstance(value, tuple | list | set | frozenset) else (value,)
            for name, value in where.items()
        }
        clause, parameters = condition(wanted)
        numbers = sorted(number for (number,) in self._select(f"SELECT id FROM cells WHERE {clause}", *parameters))
        seen: set[str] = set()
        for some in _chunks(numbers):
            for row in self._rows("id", some, history):
                if row["key"] in seen:  # the index by which it would have been replaced is damaged
                    self._warn_damaged(row["key"])
                elif matches(row, wanted):
                    seen.add(row["key"])
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
        with store_errors(self.path), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            return self._connection.executemany("DELETE FROM cells WHERE key = ?", [(key,) for key in keys]).rowcount

    @property
    def is_displaced(self) -> bool:
        """Whether the file that this store reads and writes is no longer the one at ``path``."""
        if file_identity(self.path) != self._file:
            return True
        self._log = file_identity(log_of(self.path))
        return False

    def reopen(self) -> int:
        """Opens the file that is at ``path`` now, made when missing, and adds this store's rows to it.

        For a store that was deleted, moved or replaced while it was open; nothing is lost by that, as the file lives on
        until it is closed. A result that the file at ``path`` has already stays. Returns how many rows were added.

        Raises:
            InputError: What is at ``path`` cannot be used; the message names a file with this store's rows.
        """
        rescue = rescued(self._connection, self.path)
        self._connection.close()
        remove_log(self.path, self._log)
        try:
            with store_errors(self.path):
                self._connection = connect(self.path)
                self._file = file_identity(self.path)
        except InputError as error:
            raise InputError(
                f"Store {self.path} was deleted or replaced while in use, and cannot be opened again: {error.what}",
                next_step=f"its rows are in {rescue}",
            ) from error
        with Store(rescue) as before:
            count = sum(self.put(row) for row in before if not self.finished([row["key"]]))
        remove_database(rescue)
        return count

    def find(self, prefix: str) -> str:
        """The stored key that is ``prefix``, or the only one that begins with it.

        Raises:
            InputError: No stored key begins so, or several do.
        """
        end = prefix + "\U0010ffff"
        select = "SELECT key FROM cells WHERE key BETWEEN ? AND ? ORDER BY id"
        near = [str(key) for (key,) in self._select(select, prefix, end)] if prefix else []
        if prefix in near or len(near) == 1:
            return prefix if prefix in near else near[0]
        if near:
            raise InputError(
                f"{len(near)} stored runs have a key that begins with {prefix!r}.",
                expected="a key, or a unique beginning of one",
                next_step=f"write more of it, e.g. {near[0]!r}",
            )
        keys = [key for (key,) in self._select("SELECT key FROM cells LIMIT ?", _COMPARED)]
        raise _unknown_key(prefix, keys, len(self))

    def _rows(self, column: str, values: Sequence[Any], history: bool) -> Iterator[Row]:
        """Rows that can be read, in the order in which they were first stored."""
        texts = "history_crc, history" if history else "NULL, NULL"
        statement = f"SELECT key, row_crc, row, {texts} FROM cells WHERE {column} IN ({_marks(values)}) ORDER BY id"
        for key, *columns in self._select(statement, *values):
            row = _decoded(key, *columns)
            if row is None:
                self._warn_damaged(key)
            else:
                yield row

    def _warn_damaged(self, key: Any) -> None:
        warnings.warn(
            f"Store {self.path}: the row of key {key} is damaged and left out; the command that made it runs it again.",
            DamagedRowWarning,
            stacklevel=3,
        )

    def _select(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with store_errors(self.path):
            return self._connection.execute(statement, parameters).fetchall()


def _decoded(key: str, row_crc: int, body: str, history_crc: int | None, epochs: str | None) -> Row | None:
    """A row as it was put; None where its texts are not those that were written."""
    if checksum(body) != row_crc or (epochs is not None and checksum(epochs) != history_crc):
        return None
    try:
        row: Row = json.loads(body)
        if row["key"] != key:
            return None
        return row if epochs is None else row | {"history": json.loads(epochs)}
    except (ValueError, TypeError, KeyError):  # damaged before it had a checksum
        return None


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _unknown_key(prefix: str, keys: list[str], total: int) -> InputError:
    """Names the nearest keys only: a store may hold thousands."""
    from difflib import get_close_matches

    near = get_close_matches(prefix, keys, n=3, cutoff=0.5)
    return (
        unknown("key", prefix, near)
        if near
        else InputError(
            f"Unknown key {prefix!r}.",
            expected=f"the key of one of the {total} stored runs",
            next_step="gengap runs list",
        )
    )
