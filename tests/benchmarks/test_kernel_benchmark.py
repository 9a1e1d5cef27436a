"""The benchmarks of kernel machines compare what they say; how fast anything is, no test says."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks import kernel_interpolator as benchmark
from benchmarks import kernel_warm


@pytest.fixture
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(200) % 10
    x = rng.random((10, 784))[y] + rng.random((200, 784)) / 10
    monkeypatch.setattr(benchmark, "_images", lambda n: (x[:100], y[:100], x[100:], y[100:]))


@pytest.mark.usefixtures("few_images")
@pytest.mark.parametrize("side", ["cholesky", "pcg", "kernel-ridge"])
def test_every_side_is_fitted_and_tested(side: str) -> None:
    fit = benchmark._one(side, 100, 1e-4)
    assert fit["test_error"] == 0
    assert fit["seconds"] > 0
    assert fit["peak_bytes"] >= fit["bytes_before"] > 0
    assert (fit["residual"] is None) == (side == "kernel-ridge")


def _made_up(side: str, n: int, tol: float) -> dict:
    seconds = {"cholesky": 2.0, "pcg": 0.5, "kernel-ridge": 6.0}[side]
    error = 0.05 if side == "pcg" and tol > 0.02 else 0.04
    peak = 2**30 * (8 if side == "kernel-ridge" else 2)
    return {"side": side, "seconds": seconds, "peak_bytes": peak, "test_error": error, "residual": tol}


def test_ratios_are_of_seconds_and_of_peaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "_fit", _made_up)
    found = benchmark.against_kernel_ridge(100, 2)
    assert found["ratios"] == {"cholesky": 3, "pcg": 12}
    assert found["memory_ratios"] == {"cholesky": 0.25, "pcg": 0.25}
    assert [line.ratio for line in benchmark.kernel_ridge_lines(found)] == [
        "3.00 x, 0.25 of the memory",
        "12.00 x, 0.25 of the memory",
    ]


def test_pcg_goes_on_until_its_test_error_is_as_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "_fit", _made_up)
    monkeypatch.setattr(benchmark.machine, "peak", lambda precision: 1e9)
    found = benchmark.against_each_other(3000)
    assert [fit["residual"] for fit in found["loose"]] == [3e-2, 1e-2]
    factor, iterated, loose = benchmark.solver_lines(found)
    assert (factor.theirs, factor.ratio, factor.wanted) == ("9 s", "4.50 x", "")
    assert iterated.ratio == "18.00 x"
    assert loose.ratio == "4.00 x"
    assert "reached" in benchmark.solver_lines(found | {"n": benchmark.LARGEST})[0].wanted


def test_a_warm_process_is_timed_by_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    found = kernel_warm.run((60,), rounds=1)
    sides = found["sizes"]["60"]
    assert set(sides) == {"auto", "cholesky", "pcg", "kernel-ridge"}
    assert all(len(side["wall"]) == len(side["processor"]) == 1 for side in sides.values())
    times = {"auto": 1.0, "cholesky": 1.0, "pcg": 4.0, "kernel-ridge": 3.0}
    made = {n: {"wall": [t], "processor": [t], "solver": "cholesky"} for n, t in times.items()}
    of_two_threads = {"threads": 2, "peaks": {"float32": 2e11, "float64": 1e11}}
    (line,) = kernel_warm.lines({"sizes": {"5000": made}, "features": {"5000": 600}, "machine": of_two_threads})
    assert line.ratio == "3.00 x, by the clock 3.00 x"
    assert line.limit == "0.717 s of processor time: n^3 / 3 operations in float32, n^2 d in float64"  # 0.417 + 0.3
    assert line.wanted == "1.5 x: reached; auto at most 1.1 of cholesky: 1.00, reached"
