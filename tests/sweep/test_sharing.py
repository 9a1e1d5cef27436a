"""Several processes run one sweep; a store that leaves its path while it is written loses nothing."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sweep_work as work

from gengap.errors import InputError
from gengap.store import Store
from gengap.store.leases import Leases
from gengap.sweep import Job, run

SHARE = """
import sys
import sweep_work
from gengap.store import Store
from gengap.sweep import run
with Store(sys.argv[1]) as store:
    result = run(sweep_work.jobs(*range(30), "raise"), sweep_work.logged, store, progress=False)
    print(result.done, result.reused, len(result.failed))
"""


def test_processes_share_a_sweep_instead_of_repeating_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SHARE, str(tmp_path / "rows.db")]
    environment = os.environ | {"LOG": str(tmp_path / "log")}
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(3)
    ]
    ended = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], ended
    counts = [tuple(map(int, out.split())) for out, _ in ended]
    assert all((done + reused, failed) == (30, 1) for done, reused, failed in counts)
    assert sum(done for done, _, _ in counts) == 30
    ran = (tmp_path / "log").read_text().split()
    assert sorted(ran) == sorted([*map(str, range(30)), "raise"])  # each once, the failing one too
    with Store(tmp_path / "rows.db") as store:
        assert sum(row.get("value") or 0 for row in store) == sum(i * i for i in range(30))
        assert store._connection.execute("SELECT count(*) FROM leases").fetchone() == (0,)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1  # of the one that failed


def test_what_another_process_works_on_is_waited_for(store: Store) -> None:
    with Leases(store.path) as other:
        other.claim(["1"])

        def meanwhile(payloads: list, context: object) -> list[dict]:
            with Store(store.path) as theirs:
                theirs.put({"key": "1", "status": "done", "value": "theirs"})
            other.release(["1"])
            return work.square(payloads, context)

        result = run(work.jobs(1, 2), meanwhile, store)
    assert (result.done, result.reused) == (1, 1)
    assert store.get("1")["value"] == "theirs"


def test_a_failure_of_another_process_is_not_repeated_in_the_same_sweep(store: Store) -> None:
    ran = []

    def first_fails_elsewhere(payloads: list, context: object) -> list[dict]:
        ran.append(payloads[0])
        with Store(store.path) as theirs:
            theirs.put({"key": "2", "status": "failed", "reason": "not today"})
        return work.square(payloads, context)

    result = run(work.jobs(1, 2), first_fails_elsewhere, store)
    assert ran == [1]
    assert [(failure.key, failure.reason) for failure in result.failed] == [("2", "not today")]
    assert run(work.jobs(1, 2), work.square, store).done == 1  # the next sweep tries it again


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced", "folder deleted"])
def test_a_store_that_leaves_its_path_loses_nothing(tmp_path: Path, how: str, capsys) -> None:
    path = tmp_path / "home" / "rows.db"

    def disturb(payloads: list, context: object) -> list[dict]:
        if payloads == [2]:
            if how == "deleted":
                path.unlink()
            elif how == "moved":
                path.rename(tmp_path / "moved.db")
            elif how == "folder deleted":
                shutil.rmtree(path.parent)
            else:
                with Store(tmp_path / "other.db"):
                    pass
                os.replace(tmp_path / "other.db", path)
        return work.square(payloads, context)

    with Store(path) as store:
        store.put({"key": "0", "status": "done", "value": 0})
        result = run(work.jobs(*range(5)), disturb, store)
    assert (result.done, result.reused, result.failed) == (4, 1, ())
    assert "was deleted, moved or replaced during the sweep" in capsys.readouterr().err
    with Store(path) as fresh:
        assert {row["key"]: row["value"] for row in fresh} == {str(i): i * i for i in range(5)}


def test_a_store_that_is_replaced_by_something_else_is_an_error_that_names_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"

    def disturb(payloads: list, context: object) -> list[dict]:
        path.unlink()
        path.mkdir()
        return work.square(payloads, context)

    with Store(path) as store, pytest.raises(InputError, match="cannot be opened again") as caught:
        run(work.jobs(1, 2), disturb, store)
    with Store(Path(caught.value.next_step.removeprefix("its rows are in "))) as rescued:
        assert [row["key"] for row in rescued] == ["1"]


def test_rows_that_vanish_are_noticed_before_success_is_reported(store: Store, capsys) -> None:
    def disturb(payloads: list, context: object) -> list[dict]:
        with Store(store.path) as other:
            other.remove(["1"])
        return work.square(payloads, context)

    with pytest.raises(InputError, match="does not hold 1 rows that were written to it"):
        run(work.jobs(1, 2), disturb, store)


def test_half_written_checkpoints_of_killed_processes_go(store: Store) -> None:
    (unit,) = work.jobs("x")
    run([unit], work.leave_a_part, store)
    (folder,) = (store.path.parent / "checkpoints").iterdir()
    assert [file.name for file in folder.iterdir()] == ["checkpoint.123.part"]
    run([unit], work.fail_with_listing, store)
    assert store.get("x")["reason"] == "RuntimeError: []"


def test_many_tiny_jobs_take_little_time_each(store: Store) -> None:
    began = time.monotonic()
    units = [[Job(str(i), "", i)] for i in range(200)]
    assert run(units, work.square, store, progress=False).done == 200
    assert (time.monotonic() - began) / 200 < 0.3  # ten times what is wanted: the machine may be busy
