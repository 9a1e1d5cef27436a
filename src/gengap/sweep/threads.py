"""How many cores there are, and how many threads a process computes with."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Read once by OpenMP, MKL and OpenBLAS when they are loaded.
_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def environment(threads: int) -> Iterator[None]:
    """What is loaded meanwhile, or by a process started meanwhile, computes with ``threads`` threads."""
    before = {name: os.environ.get(name) for name in _VARIABLES}
    os.environ.update(dict.fromkeys(_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """As ``environment``, and torch, if it is loaded already, computes with ``threads`` threads too."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch is not None else None
    with environment(threads):
        if torch is not None:
            torch.set_num_threads(threads)
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before)
