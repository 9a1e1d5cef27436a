"""Both sides of the double-descent benchmark compute the same curve; how fast, no test says."""

import sys
from pathlib import Path

import numpy as np
import pytest

from gengap.data import Problem, Split

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks import double_descent, images


def test_both_sides_agree_and_are_paired(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (200, 3, 32, 32), dtype=np.uint8), np.arange(200) % 10)
    monkeypatch.setattr(images, "_all", lambda: Problem("few", split, split, tuple("abcdefghij")))
    found = double_descent.run(100, 2)
    assert found["counts"][:2] == [2, 5]
    assert 100 in found["counts"]
    assert found["largest_difference"] < double_descent.ALLOWED_DIFFERENCE
    theirs, ours = found["one_by_one_seconds"]["all"], found["shared_seconds"]["all"]
    assert found["ratio"]["all"] == [b / a for a, b in zip(ours, theirs, strict=True)]
    assert "LOSSES DIFFER" not in double_descent.lines(found)[0].ours
