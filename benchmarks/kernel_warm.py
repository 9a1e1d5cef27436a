"""Kernel machines of usual sizes in one warm process: each solver and `auto`, against scikit-learn's KernelRidge.

``python -m benchmarks kernel-warm``. Every side gets the same pixels of MNIST (made-up ones without it), divided by
255, a Gaussian kernel of bandwidth 5 and one-hot labels; ours goes to a residual of 1e-6. Time is that of ``fit``, the
fastest of the rounds, in which the sides take turns; processor time stands beside it, which other work disturbs less,
and decides what was reached.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.kernel_interpolator import BANDWIDTH, _images, _kernel_ridge
from benchmarks.table import Line
from gengap.interpolate import KernelInterpolatorClassifier
from gengap.interpolate.kernel import SOLVERS

TOL = 1e-6
WANTED = {2_000: 1.7, 5_000: 1.5, 10_000: 2.0}  # times faster than KernelRidge
SLOWER = 1.1  # at most so many times slower than the better of its solvers may `auto` be
RIDGE = "kernel-ridge"


def run(sizes: tuple[int, ...] = tuple(WANTED), rounds: int = 3) -> dict[str, Any]:
    """Seconds of every side at every size."""
    found = {str(n): _at(n, rounds) for n in sizes}
    return {"sizes": found, "features": {str(n): _features(n) for n in sizes}}


def lines(found: dict[str, Any]) -> list[Line]:
    """One line a size."""
    return [_line(int(n), sides, _limit(int(n), found)) for n, sides in found["sizes"].items()]


def _at(n: int, rounds: int) -> dict[str, Any]:
    x, y, *_ = _images(n)
    sides: dict[str, Callable[[], Any]] = {
        **{name: (lambda name=name: _ours(name, x, y)) for name in ("auto", *SOLVERS)},
        RIDGE: lambda: _kernel_ridge(x, y),
    }
    timed: dict[str, dict[str, Any]] = {name: {"wall": [], "processor": []} for name in sides}
    for name, fit in sides.items():
        fit()  # warms up
        timed[name] |= {"solver": RIDGE if name == RIDGE else fit().solver_}
    for _ in range(rounds):
        for name, fit in sides.items():
            wall, processor = time.perf_counter(), time.process_time()
            fit()
            timed[name]["wall"].append(time.perf_counter() - wall)
            timed[name]["processor"].append(time.process_time() - processor)
    return timed


def _ours(solver: str, x: np.ndarray, y: np.ndarray) -> KernelInterpolatorClassifier:
    return KernelInterpolatorClassifier("gaussian", BANDWIDTH, solver=solver, tol=TOL).fit(x, y)


def _features(n: int) -> int:
    """Pixels that are not 0 in all images: those that add to inner products."""
    return int(_images(n)[0].any(axis=0).sum())


def _limit(n: int, found: dict[str, Any]) -> str:
    """A factor in float32 and the inner products in float64; empty where no peaks are recorded."""
    work = {"float32": n**3 / 3, "float64": n**2 * found.get("features", {}).get(str(n), 0)}
    return machine.limit(found, work, "n^3 / 3 operations in float32, n^2 d in float64", of_one_thread=True)


def _line(n: int, sides: dict[str, Any], limit: str) -> Line:
    wall, processor = ({name: min(side[kind]) for name, side in sides.items()} for kind in ("wall", "processor"))
    better = min(SOLVERS, key=lambda name: processor[name])
    slower = processor["auto"] / processor[better]
    reached = [processor[RIDGE] / processor["auto"] >= WANTED.get(n, 0.0), slower <= SLOWER]
    words = ["reached" if each else "missed" for each in reached]
    return Line(
        f"Gaussian kernel machine on {n:,} images of MNIST to 1e-6, in one warm process",
        f"{processor['auto']:.3g} s of processor time by auto ({sides['auto']['solver']}), "
        + ", ".join(f"{solver} {processor[solver]:.3g} s" for solver in SOLVERS),
        "scikit-learn's KernelRidge",
        f"{processor[RIDGE]:.3g} s",
        f"{processor[RIDGE] / processor['auto']:.2f} x, by the clock {wall[RIDGE] / wall['auto']:.2f} x",
        f"{WANTED.get(n, 0):g} x: {words[0]}; auto at most 1.1 of {better}: {slower:.2f}, {words[1]}",
        limit,
    )
