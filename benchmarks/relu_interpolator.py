"""Theorem 1's network on n points against building its matrix A and solving A w = y.

``python -m benchmarks relu-interpolator``, or with other sizes ``python -m benchmarks.relu_interpolator``. Both sides
get CIFAR-10's pixels (else made-up ones of its size) and random real labels. Ours is the whole fit, from the pixels on.
The opponent is what a reader of the proof writes: project on one random direction, sort, build the n x n matrix,
``numpy.linalg.solve``. A does not fit in memory at 50,000 points (20 GB), so it is timed on fewer and extrapolated by
the power law through the two sizes; by the cubic law of elimination, from the larger one, beside it.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks import machine
from benchmarks.images import images
from benchmarks.table import Line, spread, table, told, verdict
from gengap.interpolate import ReLUInterpolator, lemma_matrix

SIZES, OPPONENT_SIZES, ROUNDS, WANTED_RATIO = (6_250, 12_500, 25_000, 50_000), (2_000, 4_000), 3, 1_000
ALLOWED_ERROR = 1e-6  # of max |y|


def built_and_solved(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The output weights, as the proof of the theorem finds them."""
    t = x.astype(np.float64) @ np.random.default_rng(0).standard_normal(x.shape[1])
    order = np.argsort(t)
    t = t[order]
    knots = np.concatenate([t[:1] - 1, (t[:-1] + t[1:]) / 2])
    return np.linalg.solve(lemma_matrix(t, knots).matrix, y[order])


def run(sizes: tuple[int, ...] = SIZES, opponent_sizes: tuple[int, ...] = OPPONENT_SIZES) -> dict[str, Any]:
    """Seconds of both sides in turns, the growth of ours over the sizes, and the ratio at the largest."""
    x = images(max(sizes)).train.x.reshape(max(sizes), -1)
    y = np.random.default_rng(0).standard_normal(max(sizes))
    ours: dict[int, list[float]] = {n: [] for n in sizes}
    theirs: dict[int, list[float]] = {n: [] for n in opponent_sizes}
    errors = []
    for _ in range(ROUNDS):
        for n, seconds in ours.items():
            model = ReLUInterpolator(random_state=0)
            seconds.append(_timed(lambda model=model, n=n: model.fit(x[:n], y[:n])))
            errors.append(model.residual_ / float(np.abs(y[:n]).max()))
        for n, seconds in theirs.items():
            seconds.append(_timed(lambda n=n: built_and_solved(x[:n], y[:n])))
    fitted, solved = ({n: spread(s) for n, s in side.items()} for side in (ours, theirs))
    fewer, more = (solved[n]["median"] for n in opponent_sizes)
    power = math.log(more / fewer) / math.log(opponent_sizes[1] / opponent_sizes[0])
    longer = max(sizes) / opponent_sizes[1]
    ours_at_largest = fitted[max(sizes)]["median"]
    return {
        "fit_seconds": fitted,
        "fit_power_of_n": _power(fitted),
        "largest_error_of_max_y": max(errors),
        "solve_seconds": solved,
        "solve_power_of_n": power,
        "ratio": more * longer**power / ours_at_largest,
        "ratio_if_cubic": more * longer**3 / ours_at_largest,
    }


def _timed(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _power(found: dict[int, dict[str, Any]]) -> float:
    """Exponent of the least-squares power law through the medians."""
    return float(np.polyfit(np.log(list(found)), np.log([s["median"] for s in found.values()]), 1)[0])


def lines(found: dict[str, Any]) -> list[Line]:
    """One line."""
    n, seconds = max((int(points), spread) for points, spread in found["fit_seconds"].items())
    largest, solved = max((int(points), spread) for points, spread in found["solve_seconds"].items())
    kept = "" if found["largest_error_of_max_y"] <= ALLOWED_ERROR else ", MISSES LABELS"
    return [
        Line(
            f"a ReLU network with any labels on {n:,} points",
            f"{told(seconds, 's')}, growing as n^{found['fit_power_of_n']:.2f}{kept}",
            "numpy.linalg.solve on the n x n matrix",
            f"{told(solved, 's')} at {largest:,}, growing as n^{found['solve_power_of_n']:.2f}",
            f"{found['ratio']:.3g} x extrapolated, {found['ratio_if_cubic']:.3g} x if cubic",
            verdict(found["ratio"], WANTED_RATIO),
        )
    ]


def main(arguments: list[str] | None = None) -> None:
    """Prints a table on stderr and the findings as JSON on stdout."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relu_interpolator", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="points that the network is fitted on")
    parser.add_argument("--opponent-sizes", type=int, nargs=2, default=OPPONENT_SIZES, help="points that A is built on")
    options = parser.parse_args(arguments)
    found = run(tuple(options.sizes), tuple(sorted(options.opponent_sizes)))
    Console(stderr=True).print(table(lines(found)))
    print(json.dumps({"machine": machine.facts(), **found}, indent=2))


if __name__ == "__main__":
    main()
