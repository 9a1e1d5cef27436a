"""How fast certificates are: a million in one call, and the whole command as a process.

The opponent is the loop that a user would write over ``scipy.stats.beta.ppf``. It is timed on samples drawn evenly
from the million, before and after the one call, and extrapolated.
"""

import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
from scipy.stats import beta

from benchmarks.table import Line, spread, told, verdict
from gengap.bounds import clopper_pearson

CERTIFICATES, SAMPLE, DELTA = 1_000_000, 5_000, 0.05
WANTED_RATIO, WANTED_SECONDS = 20, 0.5


def cases() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors, examples and models tried: n from 50 to 50,000 and M from 1 to 1,000, even in ratio; risks up to 1/2."""
    rng = np.random.default_rng(0)
    n = np.exp(rng.uniform(np.log(50), np.log(50_000), CERTIFICATES)).astype(int)
    tried = np.exp(rng.uniform(0, np.log(1_000), CERTIFICATES)).astype(int)
    return rng.binomial(n, rng.uniform(0.001, 0.5, CERTIFICATES)), n, tried


def plain_loop(errors: np.ndarray, n: np.ndarray, tried: np.ndarray) -> list[float]:
    """What a user writes."""
    return [
        1.0 if k == size else beta.ppf(1 - DELTA / m, k + 1, size - k)
        for k, size, m in zip(errors.tolist(), n.tolist(), tried.tolist(), strict=True)
    ]


def timed(function: Any, *arguments: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def vectorised() -> dict[str, Any]:
    """Seconds for a million certificates both ways, and how far the two agree."""
    errors, n, tried = cases()
    every = CERTIFICATES // SAMPLE
    halves = [slice(0, None, 2 * every), slice(every, None, 2 * every)]
    loops, calls, off = [], [], 0.0
    for part in halves:
        seconds, expected = timed(plain_loop, errors[part], n[part], tried[part])
        loops.append(seconds)
        seconds, upper = timed(clopper_pearson, errors, n, tried, DELTA)
        calls.append(seconds)
        off = max(off, float(np.max(np.abs(upper[part] / np.array(expected) - 1))))
    loop, call = sum(loops) * every, float(np.median(calls))
    return {
        "certificates": CERTIFICATES,
        "loop_sample": SAMPLE,
        "loop_seconds_extrapolated": loop,
        "one_call_seconds": call,
        "ratio": loop / call,
        "largest_relative_difference": off,
    }


def process(repeats: int = 9) -> dict[str, Any]:
    """Seconds of the whole command, several times after one to warm the disk, on the wall and of the processor."""
    command = [sys.executable, "-m", "gengap", "certify", "--errors", "30", "--n", "10000", "--json"]
    before = _processor_seconds()
    seconds = [timed(subprocess.check_output, command)[0] for _ in range(repeats + 1)][1:]
    used = _processor_seconds() - before
    return {
        "command": "gengap certify --errors 30 --n 10000 --json",
        "seconds": spread(seconds),
        "processor_seconds_mean": used / (repeats + 1),
    }


def _processor_seconds() -> float:
    """Of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run() -> dict[str, Any]:
    """Both comparisons."""
    return {"vectorised": vectorised(), "process": process()}


def lines(found: dict[str, Any]) -> list[Line]:
    """One line each."""
    one, command = found["vectorised"], found["process"]
    median = command["seconds"]["median"]
    reached = "reached" if median <= WANTED_SECONDS else "missed"
    return [
        Line(
            f"{one['certificates']:,} certificates in one call",
            f"{one['one_call_seconds']:.3g} s",
            "a loop over SciPy's beta quantile",
            f"{one['loop_seconds_extrapolated']:.3g} s, from {one['loop_sample']:,}",
            f"{one['ratio']:.3g} x",
            verdict(one["ratio"], WANTED_RATIO),
        ),
        Line(
            f"{command['command']}, as a process",
            f"{told(command['seconds'], 's')}, {command['processor_seconds_mean']:.2g} s of processor time",
            wanted=f"<= {WANTED_SECONDS:g} s: {reached}",
        ),
    ]
