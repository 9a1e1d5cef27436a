"""Pieces of work whose best layout is known beforehand."""

import os
import signal
import time
from pathlib import Path


def prepare_sleep(threads: int):
    """Threads do not help; more processes do."""
    return lambda: time.sleep(0.02)


def prepare_threaded(threads: int):
    """Threads help more than processes do."""
    return lambda: time.sleep(0.1 / threads**2)


def prepare_error(threads: int):
    raise ValueError("no such model")


def prepare_hungry(threads: int):
    """Four such processes lack memory."""
    if threads == 1:
        raise MemoryError
    return lambda: time.sleep(0.02)


def prepare_killed(threads: int):
    """As the system ends a process when memory is short."""
    if threads == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return lambda: time.sleep(0.02)


def prepare_meet(threads: int):
    """With two processes, the measured piece ends only when the other process is in it too."""
    calls = 0

    def piece() -> None:
        nonlocal calls
        calls += 1
        if threads == 1 and calls == 2:
            folder = Path(os.environ["MEET_IN"])
            (folder / f"{os.getpid()}.met").touch()
            while len(list(folder.glob("*.met"))) < 2:
                time.sleep(0.01)

    return piece
