"""Leases: a job belongs to one living process at a time."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gengap.store import Store, leases
from gengap.store.leases import Claim, Leases


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Store(tmp_path / "rows.db"):
        pass
    return tmp_path / "rows.db"


def claim(finished: str = "", busy: str = "") -> Claim:
    return Claim(frozenset(finished), frozenset(busy))


HOLDER = """
import sys, time
from pathlib import Path
from gengap.store.leases import Leases
with Leases(Path(sys.argv[1])) as held:
    print(held.claim(["a"]), flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(path: Path):
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == f"{claim()}\n"
        yield process
        process.kill()


def test_what_one_has_claimed_the_other_does_not_get(path: Path) -> None:
    with Leases(path) as one, Leases(path) as other:
        assert one.claim(["a", "b"]) == claim()
        assert other.claim(["b", "c"]) == claim(busy="b")
        assert one.claim(["c"]) == claim()  # nothing of what was refused is held
        one.release(["b"])
        assert other.claim(["b"]) == claim()
        assert one.claim(["a"]) == claim()


def test_finished_keys_are_not_claimed(path: Path) -> None:
    with Store(path) as store, Leases(path) as one, Leases(path) as other:
        store.put({"key": "a", "status": "done"})
        store.put({"key": "b", "status": "failed"})
        assert one.claim(["a", "b"]) == claim(finished="a")
        assert other.claim(["a", "b"]) == claim(finished="a", busy="b")


def test_closing_gives_everything_up(path: Path) -> None:
    with Leases(path) as other:
        with Leases(path) as one:
            one.claim(["a"])
        assert other.claim(["a"]) == claim()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM leases").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM drivers").fetchone() == (0,)


def test_a_living_process_keeps_its_lease_and_a_dead_one_loses_it_at_once(path: Path, holder) -> None:
    with Leases(path) as other:
        assert other.claim(["a"]) == claim(busy="a")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert other.claim(["a"]) == claim()


def test_a_process_that_has_stopped_beating_loses_its_lease(
    path: Path, holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Leases(path) as other:
        assert other.claim(["a"]) == claim(busy="a")
        holder.send_signal(signal.SIGSTOP)
        monkeypatch.setattr(leases, "PATIENCE_S", 0.05)
        time.sleep(0.1)
        assert other.claim(["a"]) == claim()


def test_a_process_on_another_machine_is_alive_as_long_as_its_heart_beats(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "PATIENCE_S", 0.2)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO drivers VALUES ('far', 'elsewhere', 1, '1', 0)")
        connection.execute("INSERT INTO leases VALUES ('a', 'far')")
    with Leases(path) as here:
        for beats in range(1, 6):
            assert here.claim(["a"]) == claim(busy="a")
            with sqlite3.connect(path) as connection:
                connection.execute("UPDATE drivers SET beats = ?", [beats])
            time.sleep(0.1)
        assert here.claim(["a"]) == claim(busy="a")
        time.sleep(0.3)
        assert here.claim(["a"]) == claim()


def test_the_heart_beats(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_S", 0.02)
    with Leases(path), sqlite3.connect(path) as connection:
        give_up = time.monotonic() + 20
        while connection.execute("SELECT beats FROM drivers").fetchone()[0] < 3:
            assert time.monotonic() < give_up
            time.sleep(0.02)


def test_a_process_id_that_another_process_has_now_is_no_sign_of_life() -> None:
    assert leases._is_running(os.getpid(), leases._started(os.getpid()))
    assert not leases._is_running(os.getpid(), "1")
