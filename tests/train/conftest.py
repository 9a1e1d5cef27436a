"""A small Problem that trains in a blink."""

import numpy as np
import pytest

from gengap.data import Preprocessing, Problem, Split


@pytest.fixture
def tiny() -> Problem:
    """60 + 20 images of 3 x 6 x 6 bytes in 3 classes that a linear model can tell apart."""
    rng = np.random.default_rng(0)
    y = np.arange(80) % 3
    x = rng.integers(0, 100, (80, 3, 6, 6)) + 120 * np.eye(3, dtype=np.int64)[y][:, :, None, None]
    x = x.astype(np.uint8)
    splits = Split(x[:60], y[:60]), Split(x[60:], y[60:])
    return Problem("tiny", *splits, ("a", "b", "c"), preprocessing=Preprocessing(scale="whiten"))
