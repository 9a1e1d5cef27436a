"""How fast certificates are: a million in one call, and the whole command as a process.

    python -m benchmarks.certify

The opponent is the loop that a user would write over ``scipy.stats.beta.ppf``. It is timed on samples drawn evenly
from the million, before and after the one call, and extrapolated. Results go to ``benchmarks/results/certify.json``.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from scipy.stats import beta

import gengap
from gengap.bounds import clopper_pearson

CERTIFICATES, SAMPLE, DELTA = 1_000_000, 5_000, 0.05
RESULTS = Path(__file__).parent / "results" / "certify.json"


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
    seconds = [timed(subprocess.check_output, command)[0] for _ in range(repeats + 1)][1:]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "command": "gengap certify --errors 30 --n 10000 --json",
        "seconds": sorted(seconds),
        "processor_seconds_mean": (used.ru_utime + used.ru_stime) / (repeats + 1),
    }


def machine() -> dict[str, str]:
    cpu = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "cpu": cpu[0] if cpu else platform.processor(),
        "cores": str(os.cpu_count()),
        "load_average": ", ".join(f"{load:.1f}" for load in os.getloadavg()),
        "niceness": str(os.nice(0)),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "gengap": gengap.__version__,
        "date": datetime.now(UTC).date().isoformat(),
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def main() -> None:
    found = {"vectorised": vectorised(), "process": process(), "machine": machine()}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    one, command = found["vectorised"], found["process"]
    print(
        f"{CERTIFICATES:,} certificates: one call {one['one_call_seconds']:.2f} s, "
        f"plain loop {one['loop_seconds_extrapolated']:.0f} s (from {SAMPLE:,}): {one['ratio']:.0f} x"
    )
    seconds = command["seconds"]
    print(
        f"{command['command']}: median {np.median(seconds):.2f} s, fastest {seconds[0]:.2f} s of {len(seconds)}, "
        f"processor {command['processor_seconds_mean']:.2f} s; load average {found['machine']['load_average']}"
    )


if __name__ == "__main__":
    main()
