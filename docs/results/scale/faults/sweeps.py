"""Sweeps that are disturbed: their jobs, the command that runs them, the Ray cluster that they share, their tables."""

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from frame import Command, Outcome, run

COUNT = 20
RUNNERS = ("local", "ray")
EVIL = 3  # the job that meets with an accident, as long as there is no file "healed"

WORK = """
import os, resource, sys, time
from pathlib import Path

def compute(payloads, context):
    folder, number, seconds, accident = payloads[0]
    folder = Path(folder)
    (folder / "runs" / f"{number}-{os.getpid()}-{os.getppid()}-{time.time_ns()}").touch()
    if number == 3 and accident != "none" and not (folder / "healed").exists():
        if accident == "memory":
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + (300 << 20), resource.RLIM_INFINITY))
            taken = []
            while True:
                taken.append(bytearray(16 << 20))
        while True:
            sum(range(10**6))
    time.sleep(seconds)
    history = [{"epoch": epoch, "loss": 1 / (epoch + number)} for epoch in range(1, 4)]
    return [{"status": "done", "value": number**2, "history": history}]
"""
SWEEP = """
import json, sys, work
from gengap.store import Store
from gengap.sweep import Job, Options, Share, job_rows
folder, count, runner, seconds, accident, limit = sys.argv[1:]
jobs = [Job(f"{i:04d}", f"job {i}", (folder, i, float(seconds), accident)) for i in range(int(count))]
share = Share() if runner == "ray" else None
options = Options(workers=2, timeout_s=float(limit) or None, ray=share)
try:
    with Store() as store:
        _, result = job_rows(jobs, work.compute, store, options)
except KeyboardInterrupt:
    sys.exit(130)
print(json.dumps({"done": result.done, "reused": result.reused, "failed": len(result.failed)}))
"""


def begun(
    folder: Path, runner: str, *, count: int = COUNT, seconds: float = 0.05, accident: str = "none", limit_s: float = 0
) -> Command:
    """A sweep that runs in its folder; ``finished`` runs one to its end."""
    (folder / "work.py").write_text(WORK)
    (folder / "sweep.py").write_text(SWEEP)
    (folder / "runs").mkdir(exist_ok=True)
    if runner == "ray":
        cluster()
    arguments = [str(folder), str(count), runner, str(seconds), accident, str(limit_s)]
    return Command(["python", str(folder / "sweep.py"), *arguments], folder)


def finished(folder: Path, runner: str, **how: Any) -> Any:
    """What came of a sweep."""
    return begun(folder, runner, **how).wait()


_CLUSTER: list[Any] = []


def cluster() -> Any:
    """A cluster of one node with two CPUs, started for the first case that needs one."""
    if not _CLUSTER:
        from ray.cluster_utils import Cluster

        os.environ |= {"RAY_worker_niceness": "0", "RAY_AUTH_MODE": "disabled"}
        os.environ["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)
        node = {"num_cpus": 2, "object_store_memory": 80 << 20, "include_dashboard": False}
        _CLUSTER.append(Cluster(initialize_head=True, head_node_args=node))
        os.environ["RAY_ADDRESS"] = _CLUSTER[0].address
    return _CLUSTER[0]


def cluster_stopped() -> None:
    """The next case that needs a cluster starts another."""
    if _CLUSTER:
        with suppress(Exception):
            _CLUSTER[0].shutdown()
        _CLUSTER.clear()
        os.environ.pop("RAY_ADDRESS", None)


def table(folder: Path) -> dict[str, tuple[dict[str, Any], Any]]:
    """Key -> row and history, read without gengap; a key that is stored twice is an error."""
    path = folder / "home" / "gengap.db"
    if not path.exists():
        return {}
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT key, row, history FROM cells ORDER BY key").fetchall()
    except sqlite3.Error:
        return {}
    if len({key for key, _, _ in found}) < len(found):
        raise ValueError("a key is stored twice")
    return {key: (json.loads(row), json.loads(history)) for key, row, history in found}


def done(folder: Path) -> dict[str, Any]:
    """The rows that are results."""
    return {key: row for key, row in table(folder).items() if row[0]["status"] == "done"}


@cache
def undisturbed(count: int) -> dict[str, Any]:
    """The table of a sweep on this machine that nothing disturbs."""
    with TemporaryDirectory(prefix="gengap-faults-") as folder:
        finished(Path(folder), "local", count=count, seconds=0)
        return table(Path(folder))


def judged(
    folder: Path, before: dict[str, Any], wanted: str, *, count: int = COUNT, fine: bool = True, instead: str = ""
) -> Outcome:
    """Whether the rows that were stored before are there still, and the final table is that of an undisturbed sweep."""
    now, whole = table(folder), undisturbed(count)
    lost = sum(now.get(key) != row for key, row in before.items())
    wrong = sum(now[key] != whole.get(key) for key in now)
    fine = fine and lost == wrong == 0 and now == whole
    return Outcome(
        wanted if fine else f"{instead or 'not as wanted'}; {len(now)} rows, {wrong} wrong", fine, lost, 0, wrong
    )


def runs(folder: Path) -> list[list[int]]:
    """For each run of a job: its number, the process that computed it, and that process's parent."""
    return [[int(part) for part in file.name.split("-")[:3]] for file in (folder / "runs").iterdir()]


def wait_until(condition: Callable[[], object], seconds: float = 240.0) -> bool:
    """Whether it holds before time is up."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if condition():
            return True
        time.sleep(0.02)
    return False


def gengap(arguments: list[str], folder: Path) -> Any:
    """What came of a command."""
    return run(["gengap", *arguments], folder)
