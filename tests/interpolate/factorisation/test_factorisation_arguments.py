"""Arguments that matrix factorisation refuses."""

import math

import numpy as np
import pytest

from gengap.errors import InputError
from gengap.interpolate.factorisation import (
    Measurements,
    deep_descent,
    effective_rank,
    entry_measurements,
    gaussian_measurements,
    low_rank,
    minimum_nuclear_norm,
    nuclear_norm,
    psd_descent,
    rank_constrained,
    recovery_error,
)

KNOWN = entry_measurements((4, 4), 6)

VALUES = np.ones(6)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: entry_measurements((3, 3), 10), "count = 10"),
        (lambda: gaussian_measurements((3, 4), 2, symmetric=True), "Symmetric 3 x 4"),
        (lambda: low_rank((3, 3), 4), "rank = 4"),
        (lambda: deep_descent(KNOWN, np.ones(5)), "shape"),
        (lambda: deep_descent(KNOWN, np.zeros(6)), "not all 0"),
        (lambda: deep_descent(KNOWN, VALUES, depth=0), "depth = 0"),
        (lambda: deep_descent(KNOWN, VALUES, change=1.0), "change = 1"),
        (lambda: deep_descent(KNOWN, VALUES, steps=2.5), "steps = 2.5"),
        (lambda: deep_descent(KNOWN, VALUES, depth="2"), "depth = '2'"),
        (lambda: deep_descent(KNOWN, VALUES, scale=math.nan), "scale = nan"),
        (lambda: deep_descent(KNOWN, VALUES, seed=-1), "seed = -1"),
        (lambda: deep_descent(KNOWN, 1e-200 * VALUES), "a start of at most"),
        (lambda: gaussian_measurements((3, 3), 2.7), "count = 2.7"),
        (lambda: gaussian_measurements((3, 3, 3), 2), "shape = "),
        (lambda: Measurements((2, 2), np.ones((1, 3))), r"\[m, 4\]"),
        (lambda: Measurements((2, 2), np.array([[0.0, 1, 0, 0]]), symmetric=True), "not symmetric"),
        (lambda: effective_rank(np.array([[math.nan]])), "NaN"),
        (lambda: nuclear_norm([["1"]]), "no number"),
        (lambda: recovery_error(np.eye(2), np.zeros((2, 2))), "not 0"),
        (lambda: psd_descent(KNOWN, VALUES), "symmetric=True"),
        (lambda: rank_constrained(KNOWN, VALUES, 5), "rank = 5"),
        (lambda: minimum_nuclear_norm(KNOWN, np.full(6, np.nan)), "finite"),
        (lambda: minimum_nuclear_norm(KNOWN, VALUES, psd=True), "symmetric"),
        (lambda: minimum_nuclear_norm(KNOWN, VALUES, tolerance=0), "tolerance = 0"),
        (lambda: minimum_nuclear_norm(Measurements((2, 2), np.ones((2, 4))), np.ones(2)), "linearly dependent"),
        (lambda: minimum_nuclear_norm(Measurements((1, 2), np.array([[1, 0], [1, 5e-8]])), np.ones(2)), "dependent"),
    ],
)
def test_bad_input_is_told(call, told):
    with pytest.raises(InputError, match=told):
        call()
