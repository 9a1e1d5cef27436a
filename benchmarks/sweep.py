"""What a sweep costs beside the work, in worker processes of this machine and on a Ray cluster that it starts.

Overhead: many cells that do nothing. Scheduling, the pipe or Ray, the lease, the row on disk and the checkpoint folder,
for each cell; the start of the workers is included. Throughput: cells that wait half a second, in more and more workers
at once; waiting takes no processor, so that there may be more workers than cores, and what is lost is the sweep's.
"""

import argparse
import importlib.util
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.table import Line
from gengap.keys import job_key
from gengap.store import Row, Store
from gengap.sweep import Context, Job, Share, Work, run

CELLS = 10_000
WAIT_S, CELLS_A_WORKER = 0.5, 10
AT_ONCE = {"local": (1, 2, 4, 8, 16), "ray": (1, 2, 4, 8)}
WANTED_S = {"local": 0.03, "ray": 0.1}


def nothing(payloads: list[int], context: Context) -> list[Row]:
    """A row without work."""
    return [{"status": "done", "value": payload, "history": []} for payload in payloads]


def wait(payloads: list[int], context: Context) -> list[Row]:
    """A row after ``WAIT_S`` seconds."""
    time.sleep(WAIT_S)
    return nothing(payloads, context)


def _processor_seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _sweep(work: Work, cells: int, store: Store, **how: Any) -> float:
    """Seconds that a sweep of new cells takes."""
    before = len(store)
    units = [[Job(job_key("nothing", before + i), f"cell {before + i}", before + i)] for i in range(cells)]
    began = time.perf_counter()
    result = run(units, work, store, progress=False, **how)
    if result.done != cells or len(store) != before + cells:
        raise RuntimeError(f"{result.done} of {cells} cells are done, {len(store) - before} rows are stored.")
    return time.perf_counter() - began


def measured(workers: int, cells: int, folder: Path, runner: str = "local") -> dict[str, Any]:
    """Seconds a cell that does nothing, on the wall and of this process's processor time."""
    with Store(folder / f"{runner}-{workers}.db") as store:
        before = _processor_seconds(resource.RUSAGE_SELF)
        how = {"ray": Share()} if runner == "ray" else {"workers": workers, "threads": 1}
        seconds = _sweep(nothing, cells, store, **how)
        return {
            "runner": runner,
            "workers": workers,
            "cells": cells,
            "done": cells,
            "stored": len(store),
            "seconds_a_cell": seconds / cells,
            "driver_processor_seconds_a_cell": (_processor_seconds(resource.RUSAGE_SELF) - before) / cells,
            "load_average": os.getloadavg()[0],
            "driver_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def throughput(workers: int, folder: Path, runner: str = "local") -> dict[str, Any]:
    """What part of their time some workers spend in the cells, which wait; they are started beforehand."""
    cells = CELLS_A_WORKER * workers
    how = {"ray": Share(at_once=workers)} if runner == "ray" else {"workers": workers, "threads": 1}
    with Store(folder / f"{runner}-wait-{workers}.db") as store:
        _sweep(wait, 2 * workers, store, **how)
        seconds = _sweep(wait, cells, store, **how)
    return {
        "runner": runner,
        "workers": workers,
        "cells": cells,
        "cell_seconds": WAIT_S,
        "seconds": seconds,
        "cells_a_second": cells / seconds,
        "load_average": os.getloadavg()[0],
        "used": cells * WAIT_S / (workers * seconds),
    }


def run_local(options: argparse.Namespace) -> dict[str, Any]:
    """Overhead in one worker (a tenth of the cells) and in two, throughput in up to sixteen."""
    cells = options.images or CELLS
    with tempfile.TemporaryDirectory(prefix="gengap-benchmark-") as folder:
        return {
            "sweeps": [measured(1, max(1, cells // 10), Path(folder)), measured(2, cells, Path(folder))],
            "throughput": [throughput(workers, Path(folder)) for workers in AT_ONCE["local"]],
        }


def run_ray(options: argparse.Namespace) -> dict[str, Any]:
    """The same on a cluster of one node: overhead on two CPUs, throughput on up to eight."""
    cells = options.images or CELLS
    with tempfile.TemporaryDirectory(prefix="gengap-benchmark-") as folder:
        with _cluster(2) as version:
            sweeps = [measured(2, cells, Path(folder), "ray")]
        with _cluster(max(AT_ONCE["ray"])):
            waiting = [throughput(workers, Path(folder), "ray") for workers in AT_ONCE["ray"]]
    return {"ray": version, "sweeps": sweeps, "throughput": waiting}


@contextmanager
def _cluster(cpus: int) -> Iterator[str]:
    import ray

    # Ray's workers give way to all others by default; those of this machine do not.
    ray.init(
        address="local",
        num_cpus=cpus,
        object_store_memory=100 << 20,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _system_config={"worker_niceness": 0},
    )
    try:
        yield ray.__version__
    finally:
        ray.shutdown()


def no_ray() -> str | None:
    """Why there is no benchmark of Ray; None where there can be one."""
    return None if importlib.util.find_spec("ray") is not None else 'Ray is not installed (pip install "gengap[ray]")'


def lines(found: dict[str, Any]) -> list[Line]:
    """One line for each number of workers."""
    overhead = [
        Line(
            f"{one['cells']:,} cells that do nothing, {one['workers']} workers ({one['runner']})",
            f"{one['seconds_a_cell'] * 1e3:.3g} ms a cell, of which the driver's processor time is "
            f"{one['driver_processor_seconds_a_cell'] * 1e3:.3g} ms",
            wanted=f"<= {WANTED_S[one['runner']] * 1e3:g} ms: "
            f"{'reached' if one['seconds_a_cell'] <= WANTED_S[one['runner']] else 'missed'}",
        )
        for one in found["sweeps"]
    ]
    return overhead + [
        Line(
            f"{one['cells']} cells of {one['cell_seconds']:g} s, {one['workers']} workers ({one['runner']})",
            f"{one['cells_a_second']:.3g} cells a second; workers spend {one['used']:.0%} of their time in cells",
        )
        for one in found["throughput"]
    ]
