"""Faults on this machine and on Ray: after each the sweep completes on its next start, to the undisturbed table."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

from frame import Case, Outcome
from sweeps import EVIL, RUNNERS, begun, done, finished, gengap, judged, runs, table, wait_until

DISTURBED = 0.2  # seconds of a job in sweeps that are disturbed while they run


def worker_killed(number: int, folder: Path, runner: str) -> Outcome:
    """SIGKILL to the process that computes a job, as a system short of memory sends it."""
    command = begun(folder, runner, seconds=DISTURBED)
    wait_until(lambda: len(done(folder)) > 3)
    running = lambda: [run for run in runs(folder) if f"{run[0]:04d}" not in table(folder)]  # noqa: E731
    wait_until(running)
    victim, process, _ = running()[0]
    os.kill(process, signal.SIGKILL)
    first = command.wait()
    before, row = done(folder), table(folder)[f"{victim:04d}"][0]
    again = finished(folder, runner)
    fine = first.status == again.status == 0 and (row["status"] == "out-of-memory" or len(before) == 20)
    what = "costs that job's row; the next start computes it"
    return judged(folder, before, what, fine=fine, instead=f"{row['status']}: {row.get('reason')}; {first.err[-200:]}")


def driver_killed(number: int, folder: Path, runner: str) -> Outcome:
    """SIGKILL to the driver in mid-sweep."""
    command = begun(folder, runner, seconds=DISTURBED)
    wait_until(lambda: len(done(folder)) > 3 + number)
    command.process.kill()
    command.wait()
    before = done(folder)
    processes = {process for _, process, _ in runs(folder)}
    gone = wait_until(lambda: not any(Path(f"/proc/{process}").exists() for process in processes), 60)
    again = finished(folder, runner)
    what = "no process is left; the next start completes the sweep"
    return judged(folder, before, what, fine=gone and again.status == 0, instead=f"{gone}, {again.err[-200:]}")


def interrupted(number: int, folder: Path, runner: str) -> Outcome:
    """Ctrl-C in mid-sweep."""
    command = begun(folder, runner, seconds=DISTURBED)
    wait_until(lambda: len(done(folder)) > 3)
    command.process.send_signal(signal.SIGINT)
    first = command.wait()
    before = done(folder)
    processes = {process for _, process, _ in runs(folder)}
    gone = wait_until(lambda: not any(Path(f"/proc/{process}").exists() for process in processes), 60)
    again = finished(folder, runner)
    fine = first.status == 130 and "Interrupted" in first.err and gone and again.status == 0
    what = "stored rows stay, what computes is stopped; the next start completes the sweep"
    return judged(folder, before, what, fine=fine, instead=f"{first.status}, {gone}: {first.err[-200:]}")


def disk_full(number: int, folder: Path, runner: str) -> Outcome:
    """The store's file system, a tmpfs of 400 KiB, is full in mid-sweep; then it has room again."""
    count, home = 400, folder / "home"
    home.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(home)], check=False)
    if mounted.returncode:
        return Outcome("not tried: mounting a tmpfs needs root", True)
    try:
        first = finished(folder, runner, count=count, seconds=0)
        before = done(folder)
        subprocess.run(["mount", "-o", "remount,size=40m", str(home)], check=True)
        again = finished(folder, runner, count=count, seconds=0)
        fine = "no room is left" in first.err and 0 < len(before) < count and again.status == 0
        what = "one message; with room again the sweep completes"
        return judged(folder, before, what, count=count, fine=fine, instead=f"{first.status}: {first.err[-200:]}")
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=False)


def store_locked(number: int, folder: Path, runner: str) -> Outcome:
    """Another process holds the store's lock for five seconds in mid-sweep."""
    command = begun(folder, runner)
    wait_until(lambda: len(done(folder)) > 3)
    connection = sqlite3.connect(folder / "home" / "gengap.db", isolation_level=None, timeout=30)
    connection.execute("BEGIN EXCLUSIVE")
    before = len(runs(folder))
    time.sleep(5)
    during = len(runs(folder)) - before
    connection.close()
    first = command.wait()
    fine = first.status == 0 and during <= 4
    return judged(folder, {}, "waited for: the same start completes", fine=fine, instead=first.err[-200:])


def job_out_of_memory(number: int, folder: Path, runner: str) -> Outcome:
    """A job takes memory until none is given (its process may have 300 MiB more than it begins with)."""
    return _accident(folder, runner, "memory", "out-of-memory", 0)


def job_hangs(number: int, folder: Path, runner: str) -> Outcome:
    """A job computes for ever; each may take three seconds."""
    return _accident(folder, runner, "hang", "timed-out", 3)


def _accident(folder: Path, runner: str, accident: str, status: str, limit_s: float) -> Outcome:
    first = finished(folder, runner, accident=accident, limit_s=limit_s)
    before, row = done(folder), table(folder)[f"{EVIL:04d}"][0]
    (folder / "healed").touch()
    again = finished(folder, runner, accident=accident)
    counts = [json.loads(one.out) if one.status == 0 else {} for one in (first, again)]
    fine = row["status"] == status and counts == [
        {"done": 19, "reused": 0, "failed": 1},
        {"done": 1, "reused": 19, "failed": 0},
    ]
    what = f"its row says {status}, the others are done; the next start computes it"
    return judged(folder, before, what, fine=fine, instead=f"{row['status']}: {row.get('reason')}, {counts}")


def training_diverges(number: int, folder: Path, runner: str) -> Outcome:
    """``gengap randomize`` with a learning rate of 10^6: losses are no numbers after an epoch."""
    from sweeps import cluster

    if runner == "ray":
        cluster()
    command = ["randomize", "--data", "digits", "--model", "mlp-1x512", "--levels", "0,1", "--device", "cpu", "--json"]
    command += ["--set", "epochs=3", "--set", "learning_rate=1e6", "--set", "precision=float32", "--workers", "1"]
    tables = []
    for name, how in {"local": "local", runner: runner}.items():
        (folder / name).mkdir()
        first, again = (gengap([*command, "--runner", how], folder / name) for _ in range(2))
        rows = [json.loads(one.out)["rows"] for one in (first, again)]
        volatile = ("seconds", "threads")
        tables.append([{name: row[name] for name in row if name not in volatile} for row in rows[1]])
        same = rows[0] == rows[1] and first.status == again.status == 0
        if not same:
            return Outcome(f"{how}: {first.status}, {again.status}, {first.err[-200:]}", False)
    fine = {row["status"] for row in tables[0]} == {"diverged"} and tables[0] == tables[-1]
    what = "its row says diverged, which is a result: the next start reuses it; on Ray it is the row of this machine"
    return Outcome(what if fine else f"{[row['status'] for row in tables[0] + tables[-1]]}", fine)


FAULTS = [
    ("a worker is killed (SIGKILL)", worker_killed, 2),
    ("the driver is killed (SIGKILL) and started again", driver_killed, 2),
    ("Ctrl-C", interrupted, 1),
    ("the disk is full", disk_full, 1),
    ("another process locks the store for five seconds", store_locked, 1),
    ("a training diverges", training_diverges, 1),
    ("a job runs out of memory", job_out_of_memory, 1),
    ("a job hangs", job_hangs, 1),
]


def _on(runner: str, case):
    return lambda number, folder: case(number, folder, runner)


CASES = [Case(runner, what, _on(runner, case), tries) for runner in RUNNERS for what, case, tries in FAULTS]
