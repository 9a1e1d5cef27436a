"""Leases: which jobs living processes are working on, so that several processes share a sweep."""

import os
import platform
import sqlite3
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from gengap.store.connection import connect
from gengap.store.errors import store_errors
from gengap.store.schema import FINISHED

BEAT_S = 5.0
# A driver whose heartbeat has not changed for so long is taken for dead; on this machine a dead one is seen at once.
PATIENCE_S = 60.0


class Claim(NamedTuple):
    """What became of an attempt to claim keys together.

    Attributes:
        finished: Those that have a result by now.
        busy: Those that another living process works on; where there are any, nothing was claimed.
    """

    finished: frozenset[str]
    busy: frozenset[str]


class Leases:
    """This process's claims on the jobs of a store, kept alive by a heartbeat until it ends.

    A lease is a row in the store's file. Whoever finds the owner of a lease dead takes it over: at once where the
    owner ran on this machine, after ``PATIENCE_S`` without a heartbeat elsewhere.

    Args:
        path: The file of a store.
    """

    def __init__(self, path: Path):
        self.path, self.id = path, uuid.uuid4().hex
        self._seen: dict[str, tuple[int, float]] = {}
        self._claimed: set[str] = set()
        self._stopped = threading.Event()
        self._connection = self._connected()
        self._heart = threading.Thread(target=self._beat, name="gengap leases", daemon=True)
        self._heart.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives all leases up."""
        self._stopped.set()
        self._heart.join()
        with suppress(sqlite3.Error):
            _forget(self._connection, self.id)
        self._connection.close()

    def reopen(self) -> None:
        """Claims in the file that is at the path now what was claimed in the one that was there before."""
        self._connection.close()
        self._connection = self._connected()
        for key in list(self._claimed):
            self.claim([key])

    def claim(self, keys: Sequence[str]) -> Claim:
        """Claims those of ``keys`` without a result, unless another living process works on one of them."""
        if not keys:
            return Claim(frozenset(), frozenset())
        marks = ", ".join("?" * len(keys))
        with store_errors(self.path), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            select = f"SELECT key FROM cells INDEXED BY cells_finished WHERE key IN ({marks}) AND {FINISHED}"
            finished = frozenset(key for (key,) in self._connection.execute(select, keys))
            select = (
                "SELECT key, driver, host, pid, started, beats FROM leases LEFT JOIN drivers ON driver = id "
                f"WHERE key IN ({marks}) AND driver != ?"
            )
            others = self._connection.execute(select, [*keys, self.id]).fetchall()
            busy = frozenset(key for key, *driver in others if key not in finished and self._is_alive(*driver))
            if not busy:
                claimed = [(key, self.id) for key in keys if key not in finished]
                self._connection.executemany("INSERT OR REPLACE INTO leases VALUES (?, ?)", claimed)
                self._claimed.update(key for key, _ in claimed)
        return Claim(finished, busy)

    def release(self, keys: Sequence[str]) -> None:
        """Gives leases up."""
        self._claimed.difference_update(keys)
        with store_errors(self.path), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            statement = "DELETE FROM leases WHERE key = ? AND driver = ?"
            self._connection.executemany(statement, [(key, self.id) for key in keys])

    def _is_alive(self, driver: str, host: str | None, pid: int | None, started: str | None, beats: int | None) -> bool:
        if pid is None or beats is None:
            return False
        if host == _host() and not _is_running(pid, started):
            return False
        before, since = self._seen.get(driver, (None, 0.0))
        if before != beats:
            self._seen[driver] = beats, time.monotonic()
            return True
        return time.monotonic() - since < PATIENCE_S

    def _connected(self) -> sqlite3.Connection:
        """The file, with this driver's row; those of drivers that have ended on this machine go, with their leases."""
        with store_errors(self.path):
            connection = connect(self.path)
            connection.execute("PRAGMA synchronous = NORMAL")  # a lease need not outlive a power cut
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                select = "SELECT id, pid, started FROM drivers WHERE host = ?"
                for driver, *process in connection.execute(select, [_host()]).fetchall():
                    if not _is_running(*process):
                        _forget(connection, driver)
                values = (self.id, _host(), os.getpid(), _started(os.getpid()))
                connection.execute("INSERT INTO drivers (id, host, pid, started, beats) VALUES (?, ?, ?, ?, 0)", values)
            return connection

    def _beat(self) -> None:
        """The heartbeat's thread, each time with the file that is there; a lock or a full disk only delays it."""
        address = f"{self.path.resolve().as_uri()}?mode=rw"
        while not self._stopped.wait(BEAT_S):
            with suppress(sqlite3.Error):
                connection = sqlite3.connect(address, timeout=BEAT_S, isolation_level=None, uri=True)
                with closing(connection):
                    connection.execute("UPDATE drivers SET beats = beats + 1 WHERE id = ?", [self.id])


def _forget(connection: sqlite3.Connection, driver: str) -> None:
    connection.execute("DELETE FROM leases WHERE driver = ?", [driver])
    connection.execute("DELETE FROM drivers WHERE id = ?", [driver])


@cache
def _host() -> str:
    """This machine since it was started, and this container: where process ids mean what they mean here."""
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _started(pid: int) -> str | None:
    """When a process was started, in ticks since the machine was; None where the system does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]


def _is_running(pid: int, started: str | None) -> bool:
    """Whether the process that was started then still runs; another one may have its number now."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        pass
    return started is None or _started(pid) == started
