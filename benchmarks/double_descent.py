"""A whole double-descent curve against one least-squares problem for each number of features.

``python -m benchmarks double-descent [--images N]``. Both sides get N pictures (2,000 by default; the paper has
10,000), random Fourier features of the Gaussian kernel, and the numbers of features of Belkin et al. 2019, Figure 2, in
proportion to N. Ours is ``ridgeless_path``. The opponent is what one writes without it: for each number the features
anew and ``numpy.linalg.lstsq``, with the same errors on a test set as large. The pictures are CIFAR-10's, shrunk to
14 x 14 grey pixels, else made up: what they show does not change the time.
"""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.images import images
from benchmarks.table import Line, spread, told, verdict
from gengap.interpolate import RandomFourierFeatures, ridgeless_path
from gengap.interpolate.kernel import median_bandwidth
from gengap.studies.belkin2019.random_features import COUNTS, N_EXAMPLES

SIZE, WANTED_RATIO, CLASSES = 2_000, 4, 10
# Of the losses of both sides, away from N = n, where no two algorithms agree.
ALLOWED_DIFFERENCE = 1e-6

Data = tuple[NDArray[np.float64], ...]


def run(n: int | None, rounds: int) -> dict[str, Any]:
    """Seconds of both sides in turns, their ratio in each turn, and the largest relative difference of their losses."""
    n = n or SIZE
    data, counts = _data(n), sorted({max(1, count * n // N_EXAMPLES) for count in COUNTS})
    features = RandomFourierFeatures("gaussian", median_bandwidth(data[0], "gaussian", 0), random_state=0)
    ours, theirs, differences = [], [], []
    for _ in range(rounds):
        seconds, losses = shared(features, data, counts)
        ours.append(seconds)
        seconds, others = one_by_one(features, data, counts)
        theirs.append(seconds)
        differences += [abs(a / b - 1) for N, a, b in zip(counts, losses, others, strict=True) if abs(N - n) > 0.05 * n]
    return {
        "n": n,
        "counts": counts,
        "shared_seconds": spread(ours),
        "one_by_one_seconds": spread(theirs),
        "ratio": spread([b / a for a, b in zip(ours, theirs, strict=True)]),
        "largest_difference": max(differences),
    }


def shared(features: RandomFourierFeatures, data: Data, counts: list[int]) -> tuple[float, list[float]]:
    """Seconds and test losses of the whole curve at once."""
    start = time.perf_counter()
    path = ridgeless_path(features, *data, counts=counts)
    return time.perf_counter() - start, [point.test_loss for point in path]


def one_by_one(features: RandomFourierFeatures, data: Data, counts: list[int]) -> tuple[float, list[float]]:
    """Seconds and test losses of one least-squares problem after the other."""
    x, y, x_test, y_test = data
    start, losses = time.perf_counter(), []
    for count in counts:
        made = RandomFourierFeatures(features.kernel, features.bandwidth, count, features.random_state).fit(x)
        coefficients = np.linalg.lstsq(made.transform(x), y, rcond=None)[0]
        losses.append(float(((made.transform(x_test) @ coefficients - y_test) ** 2).sum(axis=1).mean()))
    return time.perf_counter() - start, losses


def _data(n: int) -> Data:
    """Points and indicator vectors of n training and n test pictures."""
    train = images(2 * n).train
    small = (
        train.x[: 2 * n, :, 2:30, 2:30].reshape(2 * n, 3, 14, 2, 14, 2).mean(axis=(1, 3, 5)).reshape(2 * n, -1) / 255
    )
    y = np.eye(CLASSES)[train.y[: 2 * n]]
    return small[:n], y[:n], small[n:], y[n:]


def lines(found: dict[str, Any]) -> list[Line]:
    """One line."""
    apart = "" if found["largest_difference"] <= ALLOWED_DIFFERENCE else ", LOSSES DIFFER"
    return [
        Line(
            f"a double-descent curve of {len(found['counts'])} numbers of features, n = {found['n']:,}",
            told(found["shared_seconds"], "s") + apart,
            "numpy.linalg.lstsq for each number",
            told(found["one_by_one_seconds"], "s"),
            told(found["ratio"], "x"),
            verdict(found["ratio"]["median"], WANTED_RATIO),
        )
    ]
