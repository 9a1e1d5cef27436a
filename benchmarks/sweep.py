"""What a sweep costs beside the work: many cells that do nothing, in one and in two worker processes.

Scheduling, the pipe, the lease, the row on disk and the checkpoint folder, for each cell; the start of the workers is
included.
"""

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.table import Line
from gengap.keys import job_key
from gengap.store import Row, Store
from gengap.sweep import Context, Job, run

CELLS, WORKERS = 10_000, (1, 2)
WANTED_S = 0.03


def nothing(payloads: list[int], context: Context) -> list[Row]:
    """A row without work."""
    return [{"status": "done", "value": payload, "history": []} for payload in payloads]


def _processor_seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def measured(workers: int, cells: int, folder: Path) -> dict[str, Any]:
    """Seconds a cell on the wall, and of this process's processor time."""
    units = [[Job(job_key("nothing", number), f"cell {number}", number)] for number in range(cells)]
    with Store(folder / f"{workers}.db") as store:
        began, before = time.perf_counter(), _processor_seconds(resource.RUSAGE_SELF)
        result = run(units, nothing, store, workers=workers, threads=1, progress=False)
        seconds = time.perf_counter() - began
        return {
            "workers": workers,
            "cells": cells,
            "done": result.done,
            "stored": len(store),
            "seconds_a_cell": seconds / cells,
            "driver_processor_seconds_a_cell": (_processor_seconds(resource.RUSAGE_SELF) - before) / cells,
        }


def measure_all(cells: int = CELLS) -> dict[str, Any]:
    """With each number of workers, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="gengap-benchmark-") as folder:
        return {"sweeps": [measured(workers, cells, Path(folder)) for workers in WORKERS]}


def lines(found: dict[str, Any]) -> list[Line]:
    """One line for each number of workers."""
    return [
        Line(
            f"{one['cells']:,} cells that do nothing, {one['workers']} workers",
            f"{one['seconds_a_cell'] * 1e3:.3g} ms a cell, of which the driver's processor time is "
            f"{one['driver_processor_seconds_a_cell'] * 1e3:.3g} ms",
            wanted=f"<= {WANTED_S * 1e3:g} ms: {'reached' if one['seconds_a_cell'] <= WANTED_S else 'missed'}",
        )
        for one in found["sweeps"]
    ]
