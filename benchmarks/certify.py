"""How fast certificates are: a million in one call.

The opponent is the loop that a user would write over ``scipy.stats.beta.ppf``. It is timed on samples drawn evenly
from the million, before and after the one call, and extrapolated.
"""

import time
from typing import Any

import numpy as np
from scipy.stats import beta

from benchmarks.table import Line, verdict
from gengap.bounds import clopper_pearson

CERTIFICATES, SAMPLE, DELTA = 1_000_000, 5_000, 0.05
WANTED_RATIO = 20


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


def run() -> dict[str, Any]:
    """The comparison."""
    return {"vectorised": vectorised()}


def lines(found: dict[str, Any]) -> list[Line]:
    """One line."""
    one = found["vectorised"]
    return [
        Line(
            f"{one['certificates']:,} certificates in one call",
            f"{one['one_call_seconds']:.3g} s",
            "a loop over SciPy's beta quantile",
            f"{one['loop_seconds_extrapolated']:.3g} s, from {one['loop_sample']:,}",
            f"{one['ratio']:.3g} x",
            verdict(one["ratio"], WANTED_RATIO),
        ),
    ]
