"""How fast a store of 100,000 and of 1,000,000 rows answers: which of 1,000 keys are finished, and filtered reads.

There is no opponent: what is wanted is a time. Each answer is given by a new connection, once with the file in the
system's cache and once after its pages were dropped from there (where the system allows that).
"""

import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.table import Line
from gengap.keys import job_key
from gengap.store import Store
from gengap.store.columns import checksum, encoded, filter_values
from gengap.store.schema import INSERT

SIZES = (100_000, 1_000_000)
KEYS, REPEATS = 1_000, 5
WANTED_S = {"finished": 0.05, "filtered": 0.2, "study": 2.0}
WHAT = {
    "finished": f"finished of {KEYS:,} keys",
    "filtered": "rows of one problem, model, corruption and level",
    "study": "rows of one study",
}
PROBLEMS = [f"problem-{number}" for number in range(5)]
MODELS = [f"model-{number}" for number in range(5)]
CORRUPTIONS = ["labels", "none"]
FILTERED, STUDY_ROWS = 1_000, 10_000


def _row(number: int, total: int) -> dict[str, Any]:
    """A row with what a cell's has; filters find rows that lie far apart in the file."""
    levels = max(1, total // (len(PROBLEMS) * len(MODELS) * len(CORRUPTIONS) * FILTERED))
    rest, problem = divmod(number, len(PROBLEMS))
    rest, model = divmod(rest, len(MODELS))
    rest, corruption = divmod(rest, len(CORRUPTIONS))
    return {
        "status": "failed" if number % 10 == 9 else "done",
        "reason": "",
        "kind": f"paper/figure{number % max(1, total // STUDY_ROWS)}",
        "problem": PROBLEMS[problem],
        "problem_hash": "0" * 32,
        "corruption": CORRUPTIONS[corruption],
        "level": (rest % levels) / levels,
        "seed": rest // levels,
        "model": MODELS[model],
        "recipe": '{"model": "mlp-1x512", "optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9, "epochs": 40}',
        "recipe_hash": "0" * 32,
        "train_loss": number / total,
        "test_loss": float("nan") if number % 7 == 0 else number / total,
        "train_accuracy": 1.0,
        "test_accuracy": 0.5,
        "n_train": 50_000,
        "n_test": 10_000,
        "n_classes": 10,
        "parameters": 1_209_866,
        "seconds": 12.25,
        "device": "cpu",
        "precision": "float32",
        "commit": "0" * 12,
        "key": job_key("benchmark", number),
    }


def fill(path: Path, total: int) -> float:
    """Writes the file in one transaction and returns the seconds that took."""
    history = encoded([{"epoch": e, "train_loss": 1 / e, "train_accuracy": 0.5, "seconds": 0.3} for e in range(1, 6)])
    crc = checksum(history)

    def values() -> Iterator[list[Any]]:
        for number in range(total):
            row = _row(number, total)
            body = encoded(row)
            columns = [row["status"], None, checksum(body), crc, *filter_values(row), body, history]
            yield [number + 1, row["key"], *columns]

    Store(path).close()
    began = time.perf_counter()
    with sqlite3.connect(path) as connection:
        connection.executemany(INSERT, values())
    connection.close()
    return time.perf_counter() - began


def _question(name: str, total: int, seed: int) -> Callable[[Store], Any]:
    """What is asked of a store, chosen by the seed."""
    chance = random.Random(seed)
    if name == "finished":
        keys = [job_key("benchmark", number) for number in chance.sample(range(total), min(KEYS, total))]
        return lambda store: store.finished(keys)
    row = _row(chance.randrange(total), total)
    columns = {"study": row["kind"]}
    if name == "filtered":
        columns = {column: row[column] for column in ("problem", "model", "corruption", "level")}
    return lambda store: list(store.records(history=False, **columns))


def _timed(path: Path, question: Callable[[Store], Any]) -> tuple[float, int]:
    with Store(path) as store:
        began = time.perf_counter()
        answers = question(store)
        return time.perf_counter() - began, len(answers)


def _drop_from_cache(path: Path) -> None:
    if hasattr(os, "posix_fadvise"):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def measured(total: int, folder: Path) -> dict[str, Any]:
    """Seconds of each answer from a store of that many rows."""
    path = folder / f"{total}.db"
    found: dict[str, Any] = {"rows": total, "seconds_to_write": fill(path, total), "bytes": path.stat().st_size}
    for name in WHAT:
        cold, warm = [], []
        for seed in range(REPEATS):
            question = _question(name, total, seed)
            _drop_from_cache(path)
            cold.append(_timed(path, question)[0])
            warm.append(_timed(path, question))
        found[name] = {
            "answers": warm[0][1],
            "seconds": statistics.median(seconds for seconds, _ in warm),
            "seconds_not_cached": statistics.median(cold),
        }
    path.unlink()
    return found


def run(sizes: tuple[int, ...] = SIZES) -> dict[str, Any]:
    """All sizes, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="gengap-benchmark-") as folder:
        return {"stores": [measured(total, Path(folder)) for total in sizes]}


def lines(found: dict[str, Any]) -> list[Line]:
    """One line for each answer."""
    drawn = []
    for one in found["stores"]:
        for name, wanted in WANTED_S.items():
            seconds, cold = one[name]["seconds"], one[name]["seconds_not_cached"]
            drawn.append(
                Line(
                    f"{WHAT[name]}, of {one['rows']:,} rows: {one[name]['answers']:,} answers",
                    f"{seconds:.3g} s; {cold:.3g} s where the file is not cached",
                    wanted=f"<= {wanted:g} s: {'reached' if seconds <= wanted else 'missed'}",
                )
            )
    return drawn
