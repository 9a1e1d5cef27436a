"""Bits memorised: a lookup table and a linear model, whose capacities are known."""

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from gengap.errors import InputError
from gengap.verdicts import capacity, memorised_bits


def test_the_definition_against_code_lengths_symbol_by_symbol():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(5), size=40)
    y = rng.integers(0, 5, 40)
    lengths = [-math.log2(p[i, y[i]]) for i in range(40)]
    loss = float(np.mean([-math.log(p[i, y[i]]) for i in range(40)]))
    assert memorised_bits(loss, 40, 5) == pytest.approx(40 * math.log2(5) - sum(lengths), rel=1e-12)


def table(entries: int, symbols: int, alphabet: int) -> float:
    """Bits of a table that stores the first labels and guesses the others."""
    stored = min(entries, symbols)
    return memorised_bits((symbols - stored) * math.log(alphabet) / symbols, symbols, alphabet)


def test_a_lookup_table_holds_its_entries_and_no_more():
    grid = [25, 50, 100, 200, 400]
    found = capacity(grid, [table(100, n, 8) for n in grid], [3 * n for n in grid])
    assert found.bits == pytest.approx(300)  # 100 entries of three bits
    assert found.plateau
    beyond = capacity(grid[3:], [table(100, n, 8) for n in grid[3:]], [600, 1200])
    assert beyond.plateau
    short = capacity(grid[:2], [table(100, n, 8) for n in grid[:2]], [75, 150])
    assert short.bits == pytest.approx(150)
    assert not short.plateau  # all of the data were memorised: they were the limit


def linear(n: int, D: int, rng: np.random.Generator) -> float:
    """Bits of random signs that a linear model memorises."""
    x, y = rng.standard_normal((n, D)), rng.integers(0, 2, n)
    y[:2] = 0, 1
    model = LogisticRegression(C=1e6, fit_intercept=False, max_iter=1_000, tol=1e-8).fit(x, y)
    return memorised_bits(-float(np.mean(np.log(model.predict_proba(x)[np.arange(n), y]))), n, 2)


def test_a_linear_model_memorises_as_many_signs_as_it_has_weights():
    rng = np.random.default_rng(0)
    assert linear(20, 20, rng) == pytest.approx(20, abs=0.1)  # Cover 1965: N <= D points take any signs


def test_of_many_signs_a_linear_model_memorises_half_a_nat_a_weight():
    """Wilks 1938: twice the gain in log-likelihood is chi-squared with D degrees of freedom as N grows."""
    rng = np.random.default_rng(0)
    bits = [linear(500, 10, rng) for _ in range(60)]
    deviation = math.sqrt(2 * 10) / 2 / math.log(2) / math.sqrt(60)
    assert np.mean(bits) == pytest.approx(10 / (2 * math.log(2)), abs=4 * deviation)


def test_bits_that_still_grow_are_no_plateau():
    assert not capacity([10, 20, 40], [20.0, 30.0, 45.0], [40, 80, 160]).plateau
    assert not capacity([100, 120, 140, 160], [70.0, 80.0, 88.0, 95.0], [100, 120, 140, 160]).plateau
    assert capacity([10, 20, 40], [20.0, 44.0, 45.0], [40, 80, 160]).plateau


def test_data_that_hold_hardly_more_show_no_plateau():
    assert not capacity([100, 101], [94.0, 94.9], [100, 101]).plateau
    assert not capacity([100, 101], [94.0, 94.0], [100, 101]).plateau


@pytest.mark.parametrize(
    "bits",
    [
        [40.0, 79.0, 60.0, 50.0],
        [40.0, 65.0, 62.0, 35.0],  # flat for a while before it falls
    ],
)
def test_bits_that_fall_with_more_data_show_no_plateau(bits):
    assert not capacity([10, 20, 40, 60], bits, [40, 80, 160, 240]).plateau


def test_bits_that_rise_again_at_the_end_show_no_plateau():
    assert not capacity([100, 200, 300, 320], [400.0, 725, 725, 800], [400, 800, 1200, 1280]).plateau
    assert not capacity([100, 200, 300, 305], [400.0, 600, 600, 620], [400, 800, 1200, 1220]).plateau
    assert capacity([100, 200, 300, 305], [400.0, 600, 600, 603], [400, 800, 1200, 1220]).plateau  # half a percent


CURVES = {  # bits of data that hold x: those of a network that holds 1,000 at first
    "flat": (lambda x: 1_000.0, True),
    "slow": (lambda x: 1_000 + 0.05 * (x - 1_000), True),
    "growing": (lambda x: 1_000 + 0.2 * (x - 1_000), False),
    "logarithm": (lambda x: 1_000 * (1 + 0.5 * math.log(x / 1_000)), False),
    "falling": (lambda x: 1_000 * (x / 1_000) ** -0.5, False),
}


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("spacing", [1.03, 1.1, 1.26, 1.6, 2.0])
def test_finer_and_coarser_grids_of_one_curve_agree(curve, spacing):
    beyond, full = CURVES[curve]
    count = round(math.log(32) / math.log(spacing))
    storable = [round(125 * 32 ** (k / count)) for k in range(count + 1)]
    bits = [float(x) if x <= 1_000 else beyond(x) for x in storable]
    assert capacity(storable, bits, storable).plateau is full


@pytest.mark.parametrize("bits", [[150.0, 300, 300, 300], [150.0, 294, 290, 291]])
def test_a_plateau_that_begins_where_all_data_are_memorised_is_one(bits):
    assert capacity([50, 100, 200, 400], bits, [150, 300, 600, 1200]).plateau


def test_tensors_are_taken_where_they_hold_numbers():
    loss = torch.tensor(0.25, requires_grad=True)
    assert memorised_bits(loss, torch.tensor(10), 16) == memorised_bits(0.25, 10, 16)
    bits = torch.tensor([39.0, 50.0, 49.0])
    assert capacity(torch.tensor([10, 20, 40]), bits, [40.0, 80.0, 160.0]).plateau
    with pytest.raises(InputError, match=r"(?s)bits.*detach"):
        capacity([10, 20, 40], bits.requires_grad_(), [40.0, 80.0, 160.0])


@pytest.mark.parametrize(
    "call",
    [
        lambda: memorised_bits(torch.ones(2), 10, 2),
        lambda: memorised_bits(torch.tensor(1.0, device="meta"), 10, 2),
        lambda: memorised_bits(-0.1, 10, 2),
        lambda: memorised_bits(float("nan"), 10, 2),
        lambda: memorised_bits(0.1, 10, 1),
        lambda: capacity([10], [1.0], [10]),
        lambda: capacity([20, 10], [1.0, 2.0], [20, 10]),
        lambda: capacity([10, 20], [1.0], [10, 20]),
        lambda: capacity([10, 20], [-1.0, 0.0], [10, 20]),
        lambda: capacity([10, 20], [10.0, 21.0], [10, 20]),
        lambda: capacity([10, 20], [4.0, 4.0], [20, 10]),
        lambda: capacity([10, 20], [10.0, float("nan")], [10, 20]),
        lambda: capacity(None, [10.0, 20.0], [10, 20]),
    ],
)
def test_bad_numbers_are_refused(call):
    with pytest.raises(InputError):
        call()
