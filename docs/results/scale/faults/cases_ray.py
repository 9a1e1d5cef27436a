"""Faults that only a cluster has, and clusters that cannot be used."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from frame import Case, Outcome, run
from sweeps import begun, cluster, cluster_stopped, done, finished, gengap, judged, runs, table, wait_until

DISTURBED = 0.2


def node_removed(number: int, folder: Path) -> Outcome:
    """One of two nodes is removed in mid-sweep, while its jobs compute."""
    second = cluster().add_node(num_cpus=2, object_store_memory=80 << 20)
    command = begun(folder, "ray", count=40, seconds=1.0)
    wait_until(lambda: len(done(folder)) > 4)
    before, ran = done(folder), len(runs(folder))
    cluster().remove_node(second)
    first = command.wait()
    repeated = len(runs(folder)) - 40
    what = "its jobs run again on the other; the same start completes"
    instead = f"{first.status}, {ran} had begun, {repeated} ran again: {first.err[-200:]}"
    return judged(folder, before, what, count=40, fine=first.status == 0 and repeated > 0, instead=instead)


def ray_worker_killed(number: int, folder: Path) -> Outcome:
    """SIGKILL to the process that Ray watches, the parent of the one that computes."""
    command = begun(folder, "ray", seconds=DISTURBED)
    running = lambda: [run for run in runs(folder) if f"{run[0]:04d}" not in table(folder)]  # noqa: E731
    wait_until(lambda: len(done(folder)) > 3 and running())
    before = done(folder)
    os.kill(running()[0][2], signal.SIGKILL)
    first = command.wait()
    what = "its job runs again; the same start completes"
    return judged(folder, before, what, fine=first.status == 0 and len(runs(folder)) == 21, instead=first.err[-200:])


def head_killed(number: int, folder: Path) -> Outcome:
    """The head's processes are killed in mid-sweep; another cluster is there for the next start."""
    command = begun(folder, "ray", seconds=DISTURBED)
    wait_until(lambda: len(done(folder)) > 3)
    for process in cluster().head_node.all_processes.values():
        for each in process:
            each.process.kill()
    first = command.wait()
    before = done(folder)
    cluster_stopped()
    again = finished(folder, "ray")
    what = f"the driver ends with status {first.status}; the next start completes the sweep"
    fine = first.status not in (0, None) and again.status == 0
    return judged(folder, before, what, fine=fine, instead=f"{first.status}, {again.status}: {again.err[-200:]}")


RANDOMIZE = ["randomize", "--runner", "ray", "--data", "digits", "--levels", "0", "--device", "cpu"]


def _refused(folder: Path, arguments: list[str], *words: str) -> Outcome:
    ended = gengap([*RANDOMIZE, *arguments], folder)
    message = " / ".join(line for line in ended.err.splitlines() if line.strip())
    return Outcome(f"status {ended.status}: {message[:400]}", ended.ended_as(2, *words))


@contextmanager
def _environment(**variables: str):
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def no_cluster(number: int, folder: Path) -> Outcome:
    """RAY_ADDRESS names a port where nothing listens, for the two kinds of address."""
    outcomes = []
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1"):
        with _environment(RAY_ADDRESS=address):
            outcomes.append(_refused(folder, [], "No Ray cluster answers", address))
    return outcomes[0] if outcomes[0].as_wanted != outcomes[1].as_wanted else outcomes[number % 2]


def other_version(number: int, folder: Path) -> Outcome:
    """A process that has Ray 2.1.0, by its own account, meets a real cluster of another version."""
    cluster()
    script = "import ray, sys; ray.__version__ = '2.1.0'; from gengap.cli import main; main(sys.argv[1:])"
    ended = run(["python", "-c", script, *RANDOMIZE], folder)
    message = " / ".join(line for line in ended.err.splitlines() if line.strip())
    return Outcome(f"status {ended.status}: {message[:400]}", ended.ended_as(2, "another version", "2.1.0"))


def no_package(number: int, folder: Path) -> Outcome:
    """A head whose Python cannot import gengap."""
    cluster_stopped()
    (folder / "empty" / "gengap").mkdir(parents=True)
    (folder / "empty" / "gengap" / "__init__.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'gengap'\")\n"
    )
    port = "6391"
    ray = [sys.executable, "-m", "ray.scripts.scripts"]
    start = [*ray, "start", "--head", "--port", port, "--num-cpus=2", "--object-store-memory=80000000"]
    start += ["--include-dashboard=false", "--temp-dir", str(folder / "ray")]
    with _environment(RAY_worker_niceness="0", RAY_AUTH_MODE="disabled", PYTHONPATH=str(folder / "empty")):
        subprocess.run(start, check=True, capture_output=True)
        try:
            with _environment(RAY_ADDRESS=f"127.0.0.1:{port}"):
                return _refused(folder, [], "cannot import gengap", "pip install")
        finally:
            subprocess.run([*ray, "stop"], check=False, capture_output=True)


def too_many_cpus(number: int, folder: Path) -> Outcome:
    """More CPUs for a cell than a node has."""
    cluster()
    return _refused(folder, ["--cpus-per-cell", "64"], "64 CPUs", "no node")


def small_store(number: int, folder: Path) -> Outcome:
    """92 MB of images, and an object store of 80 MiB."""
    import numpy as np

    cluster()
    image = {"x_train": np.zeros((30_000, 3, 32, 32), np.uint8), "y_train": np.arange(30_000) % 10}
    np.savez(folder / "data.npz", **image, x_test=image["x_train"][:10], y_test=image["y_train"][:10])
    return _refused(folder, ["--data", str(folder / "data.npz")], "bytes", "object store")


CASES = [
    Case("ray alone", "one of two nodes is removed in mid-sweep", node_removed),
    Case("ray alone", "Ray's own worker is killed (SIGKILL)", ray_worker_killed),
    Case("ray alone", "the head is killed in mid-sweep", head_killed),
    Case("ray refused", "no cluster at RAY_ADDRESS", no_cluster, 2),
    Case("ray refused", "a cluster of another version", other_version),
    Case("ray refused", "a head without the package", no_package),
    Case("ray refused", "more CPUs than a node has", too_many_cpus),
    Case("ray refused", "an object store too small for the data", small_store),
]
