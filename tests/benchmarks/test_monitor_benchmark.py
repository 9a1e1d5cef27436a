"""The monitor's overhead is counted rightly."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks import monitor


def test_overheads_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds: Iterator[float] = iter([9, 9, 9, 2.0, 0.04, 1.0])  # warm-up; 20 steps, 20 records, one sample
    monkeypatch.setattr(monitor, "NETWORKS", ("convnet-3",))
    monkeypatch.setattr(monitor, "_seconds", lambda work: next(seconds))
    found = monitor.run(argparse.Namespace(rounds=1))
    (one,) = found["monitors"]
    assert one["each step's logits"]["median"] == pytest.approx(0.02)
    assert one["a sample an epoch"]["median"] == pytest.approx(1.0 / (0.1 * 50_000 / 128))
    told = [line.wanted for line in monitor.lines(found)]
    assert told == ["<= 3%: reached", "<= 3%: reached"]
