"""Sweeps: killed drivers, workers that die, several processes at once."""

import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from frame import Case, Command, Outcome, run

WORK = """
import os, signal, sys, time
from pathlib import Path
from gengap.store import Store
from gengap.sweep import Job, run

def jobs(count):
    return [[Job(f"{i:04d}", f"job {i}", i)] for i in range(count)]

def square(payloads, context):
    time.sleep(float(os.environ.get("WORK_S", "0.01")))
    (Path(os.environ["RUNS"]) / f"{payloads[0]}-{time.time_ns()}").touch()
    return [{"status": "done", "value": p * p, "history": [{"epoch": 1, "value": p}]} for p in payloads]

def hang(payloads, context):
    context.checkpoint.write_text("begun")
    while True:
        sum(range(10**6))

def evil(payloads, context):
    how = ["os._exit", "segfault", "BaseException", "KeyboardInterrupt", "SIGKILL", "hang", "print"][payloads[0] % 7]
    if how == "os._exit":
        os._exit(0)
    if how == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "BaseException":
        raise BaseException("not even an Exception")
    if how == "KeyboardInterrupt":
        raise KeyboardInterrupt
    if how == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hang":
        time.sleep(10**6)
    os.write(1, b"written to descriptor 1")
    return [{"status": "done", "value": payloads[0]}]
"""
SWEEP = """
import sys, json, work
from gengap.store import Store
from gengap.sweep import Options, job_rows
count, workers = int(sys.argv[1]), int(sys.argv[2])
try:
    with Store() as store:
        limit = float(sys.argv[4]) if len(sys.argv) > 4 else None
        jobs = [job for (job,) in work.jobs(count)]
        _, result = job_rows(jobs, getattr(work, sys.argv[3]), store, Options(workers=workers, timeout_s=limit))
except KeyboardInterrupt:
    sys.exit(130)
print(json.dumps({"done": result.done, "reused": result.reused, "failed": len(result.failed)}))
"""


def prepare(folder: Path) -> None:
    """The work as a module, and a folder in which each run of a job leaves a file."""
    (folder / "work.py").write_text(WORK)
    (folder / "sweep.py").write_text(SWEEP)
    (folder / "runs").mkdir(exist_ok=True)
    os.environ["RUNS"] = str(folder / "runs")


def sweep(folder: Path, count: int, workers: int, work: str = "square", *more: str) -> list[str]:
    """The command that runs a sweep."""
    return ["python", str(folder / "sweep.py"), str(count), str(workers), work, *more]


def rows(folder: Path) -> dict[str, dict]:
    """What the store holds, read without gengap; a doubled key would be there twice."""
    with closing(sqlite3.connect(folder / "home" / "gengap.db")) as connection:
        found = connection.execute("SELECT key, row FROM cells").fetchall()
    if len({key for key, _ in found}) < len(found):
        raise ValueError("a key is stored twice")
    return {key: json.loads(row) for key, row in found}


def runs(folder: Path) -> int:
    """How often a job ran."""
    return len(list((folder / "runs").iterdir()))


def checked(folder: Path, count: int) -> tuple[int, int]:
    """How many rows of a finished sweep are missing, and how many are wrong."""
    found = rows(folder)
    wrong = sum(found[f"{i:04d}"].get("value") != i * i for i in range(count) if f"{i:04d}" in found)
    return count - len(found), wrong


def alive(folder: Path) -> int:
    """Processes that were started from the folder and still run."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        count += f"GENGAP_HOME={folder / 'home'}".encode() in environment.split(b"\0") and state != "Z"
    return count


def _wait_until(condition, seconds: float = 60.0) -> bool:
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if condition():
            return True
        time.sleep(0.02)
    return False


def _stored(folder: Path) -> int:
    try:
        return len(rows(folder))
    except sqlite3.Error:
        return 0


def driver_killed(number: int, folder: Path) -> Outcome:
    """SIGKILL of the driver after some rows; the next start completes the sweep."""
    prepare(folder)
    command = Command(sweep(folder, 20, 1 + number % 2), folder)
    _wait_until(lambda: _stored(folder) > 2 + number)
    command.process.kill()
    command.wait()
    before = rows(folder)
    again = run(sweep(folder, 20, 2), folder)
    missing, wrong = checked(folder, 20)
    lost = sum(rows(folder).get(key) != row for key, row in before.items())
    repeated = runs(folder) - 20
    fine = again.status == 0 and missing == lost == wrong == 0 and repeated <= 2
    return Outcome(f"the next start completes the sweep; at most {2} jobs run twice", fine, lost, 0, wrong)


def _ended_by(name: str):
    def case(number: int, folder: Path) -> Outcome:
        prepare(folder)
        command = Command(sweep(folder, 4, 2, "hang"), folder)
        begun = _wait_until(lambda: len(list(folder.glob("home/checkpoints/*/checkpoint"))) == 2)
        workers = alive(folder)
        os.kill(command.process.pid, getattr(signal, name))
        finished = command.wait()
        gone = _wait_until(lambda: alive(folder) == 0, 10)
        status = {"SIGKILL": -9}.get(name, 130)
        fine = begun and workers >= 3 and gone and finished.status == status
        left = f"{alive(folder)} processes left, status {finished.status}"
        return Outcome("no process is left, rows stay" if fine else left, fine)

    return case


def several_processes(number: int, folder: Path) -> Outcome:
    """Four processes run the same sweep of tiny jobs at once."""
    prepare(folder)
    folders = []
    for index in range(4):
        own = folder / f"process-{index}"
        own.mkdir()
        (own / "home").symlink_to(folder / "home")
        folders.append(own)
    (folder / "home").mkdir()
    commands = [Command(sweep(folder, 40, 1), own) for own in folders]
    finished = [command.wait() for command in commands]
    missing, wrong = checked(folder, 40)
    doubled = runs(folder) - 40
    fine = all(f.status == 0 for f in finished) and missing == wrong == doubled == 0
    statuses = [f.status for f in finished]
    what = "every job runs once, all end with status 0" if fine else f"statuses {statuses}, {doubled} jobs ran again"
    return Outcome(what, fine, missing, 0, wrong)


def one_of_several_killed(number: int, folder: Path) -> Outcome:
    """One of two processes that share a sweep is killed; the other takes its jobs over."""
    prepare(folder)
    os.environ["WORK_S"] = "0.05"
    try:
        second = folder / "second"
        second.mkdir()
        (folder / "home").mkdir()
        (second / "home").symlink_to(folder / "home")
        first, other = Command(sweep(folder, 40, 1), folder), Command(sweep(folder, 40, 1), second)
        _wait_until(lambda: _stored(folder) > 5)
        first.process.kill()
        first.wait()
        finished = other.wait()
    finally:
        del os.environ["WORK_S"]
    missing, wrong = checked(folder, 40)
    fine = finished.status == 0 and missing == wrong == 0
    return Outcome(
        "the other one takes over, status 0" if fine else f"status {finished.status}", fine, missing, 0, wrong
    )


def evil_work(number: int, folder: Path) -> Outcome:
    """A job that ends its process, segfaults, raises BaseException or hangs costs its own row only."""
    prepare(folder)
    finished = run(sweep(folder, 14, 1 + number % 2, "evil", "3"), folder)
    found = rows(folder)
    statuses = [found[f"{i:04d}"]["status"] for i in range(14)]
    wanted = ["failed", "failed", "failed", "failed", "out-of-memory", "timed-out", "done"] * 2
    try:
        clean = json.loads(finished.out) == {"done": 2, "reused": 0, "failed": 12}
    except ValueError:
        clean = False
    fine = finished.status == 0 and statuses == wanted and clean
    return Outcome("each costs its own row, standard output stays clean" if fine else f"{statuses}", fine)


def folders_of_the_dead(number: int, folder: Path) -> Outcome:
    """The copy of the data that a killed driver leaves is cleared at the next start."""
    (folder / "mine.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self, shape, classes):\n"
        "        super().__init__()\n"
        "        self.layer = torch.nn.Linear(64, classes)\n"
        "    def forward(self, x):\n"
        "        import time\n"
        "        time.sleep(600 if self.training else 0)\n"
        "        return self.layer(x.flatten(1))\n"
    )
    sleepy = ["gengap", "randomize", "--data", "digits", "--model", "mine:Net", "--levels", "0", "--workers", "1"]
    sleepy += ["--set", "precision=float32", "--set", "memory_format=contiguous", "--device", "cpu"]
    command = Command(sleepy, folder)
    begun = _wait_until(lambda: list((folder / "tmp").glob("gengap-scratch-*/*")), 60)
    command.process.kill()
    command.wait()
    left = len(list((folder / "tmp").glob("gengap-scratch-*")))
    quick = ["gengap", "randomize", "--data", "digits", "--levels", "0", "--workers", "1", "--device", "cpu"]
    again = run([*quick, "--set", "epochs=1"], folder)
    now = len(list((folder / "tmp").glob("gengap-scratch-*")))
    fine = bool(begun) and left == 1 and again.status == 0 and now == 0
    return Outcome("cleared at the next start" if fine else f"{left} left, then {now}; status {again.status}", fine)


CASES = [
    Case("sweep", "the driver is killed (SIGKILL) in the middle", driver_killed, 6),
    *(Case("sweep", f"{name} to the driver while two jobs compute", _ended_by(name), 2) for name in
      ("SIGTERM", "SIGHUP", "SIGINT", "SIGKILL")),
    Case("sweep", "four processes run one sweep of tiny jobs", several_processes, 6),
    Case("sweep", "one of two processes that share a sweep is killed", one_of_several_killed, 3),
    Case("sweep", "work calls os._exit, segfaults, raises BaseException, is killed, hangs, prints", evil_work, 2),
    Case("sweep", "a killed driver leaves its copy of the data", folders_of_the_dead),
]  # fmt: skip
