"""Work functions for sweeps on a Ray cluster; light to import, as the nodes import them."""

import os
import signal
import time
from pathlib import Path

from gengap.sweep import Context


def kill_the_ray_worker(payloads: list, context: Context) -> list[dict]:
    """Ends the process that Ray watches, as often as the payload says; a file counts."""
    folder, times = payloads[0]
    before = len(list(Path(folder).iterdir()))
    if before < times:
        (Path(folder) / str(before)).touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
    return [{"status": "done", "value": before}]


def read(payloads: list, context: Context) -> list[dict]:
    """What stands in the files that the payloads name, and where it was read."""
    return [
        {"status": "done", "text": file.read_text(), "where": str(file), "checkpoint": str(context.checkpoint)}
        for file in payloads
    ]


def begin_and_wait(payloads: list, context: Context) -> list[dict]:
    """The first jobs end at once; the others show that they have begun, and wait for a file."""
    folder, number, at_once = payloads[0]
    if number >= at_once:
        (Path(folder) / f"begun-{number}-{os.getpid()}").touch()
        while not (Path(folder) / "go on").exists():
            time.sleep(0.02)
    return [{"status": "done", "value": number}]


def visible(payloads: list, context: Context) -> list[dict]:
    """Which GPUs it may use, and with how many threads it computes."""
    return [{"status": "done", "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"), "threads": context.threads}]
