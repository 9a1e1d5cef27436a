"""The benchmark of the path kernel counts the work that it divides by time, and says what it found."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks import path_kernel


def test_work_of_a_pair_by_hand() -> None:
    model = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    gates, kernels = path_kernel._work(model, torch.randn(3, 7))
    assert gates == 7 + 5 + 4
    assert kernels == 2  # one place each, of both layers whose inputs have a kernel


def test_lines_of_a_small_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_kernel, "SIDE", 32)
    monkeypatch.setattr(path_kernel, "SMALL", 5)
    monkeypatch.setattr(path_kernel, "_memory", lambda name: {"VmRSS": 10, "VmHWM": 35}[name])
    monkeypatch.setattr(path_kernel, "REFERENCES", Path("/nowhere"))
    model, x = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.randn(6, 3)
    one = path_kernel._timed(model, x)
    assert (one["images"], one["tiles"], one["memory_bytes"]) == (6, 1, 25)
    small = path_kernel._beside_enumeration()
    assert small["largest_difference"] < 1e-13
    peaks = {"peak_flops_per_second": 1e9, "peak_multiplications_per_second": 1e9}
    more = {"images": 30_000, "stated_memory_bytes": 7_200_000_000}
    found = {"convolutional": one, "mlp-3x512": one, "convolutional_of_more": more, "small": small} | peaks
    drawn = path_kernel.lines(found)
    assert len(drawn) == 4
    assert "7.20 GB" in str(drawn[2])
