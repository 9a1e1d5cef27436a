"""The one road from jobs to ordered rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sweep_work as work

from gengap.store import Store
from gengap.sweep import Job, Options, Plan, job_rows

QUIET = Options(progress=False)


def made(*payloads) -> list[Job]:
    return [Job(str(p), f"job {p}", p, {"model": "mlp", "x": p}) for p in payloads]


def test_rows_come_in_the_order_of_the_jobs_with_what_is_known(store: Store) -> None:
    rows, result = job_rows(made(3, 1, 2), work.square, store, QUIET)
    assert [(row["key"], row["model"], row["x"], row["value"]) for row in rows] == [
        ("3", "mlp", 3, 9),
        ("1", "mlp", 1, 1),
        ("2", "mlp", 2, 4),
    ]
    assert rows[0]["history"] == [{"epoch": 1, "value": 3}]
    again, second = job_rows(made(2, 4, 3), work.square, store, QUIET)
    assert [row["value"] for row in again] == [4, 16, 9]
    assert (result.done, result.reused, second.done, second.reused) == (3, 0, 1, 2)


def test_jobs_of_one_key_are_run_once_and_each_has_its_row(store: Store) -> None:
    rows, result = job_rows(made(2, 2), work.square, store, QUIET)
    assert [row["value"] for row in rows] == [4, 4]
    assert result.done == 1


def test_a_job_without_a_row_is_missing(store: Store) -> None:
    (row,) = job_rows(made(2), work.square, store, replace(QUIET, stored=True), absent="nobody ran it")[0]
    assert row == {
        "key": "2", "model": "mlp", "x": 2, "status": "missing", "reason": "nobody ran it", "history": [],
    }  # fmt: skip
    assert len(store) == 0


def test_a_failure_keeps_its_place(store: Store) -> None:
    rows, result = job_rows(made(1, "raise", 2), work.square, store, QUIET)
    assert [row["status"] for row in rows] == ["done", "failed", "done"]
    assert [failure.key for failure in result.failed] == ["raise"]


def test_only_what_is_missing_is_prepared_once_a_group(store: Store) -> None:
    prepared: list[tuple[list[str], int]] = []
    ended: list[str] = []

    @contextmanager
    def prepare(missing: Sequence[Job], total: int) -> Iterator[Plan]:
        prepared.append(([job.key for job in missing], total))
        yield Plan([[replace(job, payload=job.payload * 10) for job in missing]])
        ended.append(missing[0].key)

    job_rows(made(1), work.square, store, QUIET)
    rows, result = job_rows(
        made(1, 2, 3, 4), work.square, store, QUIET, prepare=prepare, group=lambda job: job.payload % 2
    )
    assert prepared == [(["3"], 2), (["2", "4"], 2)]
    assert ended == ["3", "2"]
    assert [row["value"] for row in rows] == [1, 400, 900, 1600]
    assert (result.done, result.reused) == (3, 1)


def test_a_damaged_row_is_named_and_run_again(store: Store) -> None:
    job_rows(made(1, 2), work.square, store, QUIET)
    store._connection.execute("UPDATE cells SET row = replace(row, '4', '5') WHERE key = '2'")
    with pytest.warns(UserWarning, match="row of key 2 is damaged"):
        rows, result = job_rows(made(1, 2), work.square, store, QUIET)
    assert [row["value"] for row in rows] == [1, 4]
    assert (result.done, result.reused) == (1, 1)


def test_a_damaged_history_is_run_again_too(store: Store) -> None:
    job_rows(made(1, 2), work.square, store, QUIET)
    store._connection.execute("UPDATE cells SET history = replace(history, '2', '3') WHERE key = '2'")
    with pytest.warns(UserWarning, match="row of key 2 is damaged"):
        rows, _ = job_rows(made(1, 2), work.square, store, QUIET)
    assert rows[1]["history"] == [{"epoch": 1, "value": 2}]
