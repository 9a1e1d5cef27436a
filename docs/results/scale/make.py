"""Memory of the driver against the size of a sweep on Ray: ``python docs/results/scale/make.py``; writes memory.csv.

A sweep of so many cells is begun and interrupted once 300 are done, each size in a process of its own.
"""

import csv
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SIZES = (1_000, 10_000, 100_000)
ENOUGH = 300  # cells, after which the sweep is interrupted


def nothing(payloads: list[Any], context: Any) -> list[dict[str, Any]]:
    """A row without work."""
    return [{"status": "done", "value": payload} for payload in payloads]


def measured(cells: int) -> dict[str, Any]:
    """Peak memory of this process before and after, and how many tasks Ray had at most."""
    from make import nothing as work  # by its module's name, so that other processes can import it

    from gengap.store import Store
    from gengap.sweep import Interrupted, Job, Share, run
    from gengap.sweep.runners import ray as runner

    most = 0
    ended = runner._ended

    def counted(ray: Any, sent: Any) -> list[Any]:
        nonlocal most
        most = max(most, len(sent))
        return ended(ray, sent)

    runner._ended = counted  # type: ignore[assignment]
    with tempfile.TemporaryDirectory(prefix="gengap-scale-") as folder, Store(Path(folder) / "rows.db") as store:
        run([[Job("first", "", -1)]], work, store, ray=Share(), progress=False)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        columns = {f"column {i}": i for i in range(30)}  # as many as a cell's row has
        units = [[Job(f"{i:032d}", f"a cell's title, {i}", i, dict(columns))] for i in range(cells)]
        threading.Thread(target=_interrupt, args=(Path(folder) / "rows.db",), daemon=True).start()
        with suppress(Interrupted):
            run(units, work, store, ray=Share(), progress=False)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {
            "cells": cells,
            "done when interrupted": len(store) - 1,
            "tasks that Ray had at most": most,
            "driver MiB before": round(before),
            "driver MiB at most": round(after),
        }


def _interrupt(path: Path) -> None:
    from gengap.store import Store

    with Store(path) as store:
        while len(store) <= ENOUGH:
            time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGTERM)  # as Ctrl-C, but not ignored by what a shell starts behind &


def main() -> None:
    """Each size in a process of its own, on one cluster of one node."""
    from ray.cluster_utils import Cluster

    os.environ |= {"RAY_worker_niceness": "0", "RAY_AUTH_MODE": "disabled"}
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), *(entry for entry in sys.path if entry)])
    node = {"num_cpus": 2, "object_store_memory": 80 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    os.environ["RAY_ADDRESS"] = cluster.address
    rows = []
    try:
        for cells in SIZES:
            ended = subprocess.run(
                [sys.executable, __file__, str(cells)], check=True, stdout=subprocess.PIPE, text=True
            )
            rows.append(json.loads(ended.stdout))
            print(rows[-1], flush=True)
    finally:
        cluster.shutdown()
    with (HERE / "memory.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measured(int(sys.argv[1]))))
    else:
        main()
