"""Measures on trial: changes that leave the function as it is, and the judgement from made-up values."""

import dataclasses
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gengap
from gengap.data import Problem
from gengap.errors import InputError
from gengap.ranking import kendall_tau
from gengap.ranking.trial import CHANGES, LEVELS, Tried, judged, trial, trial_networks
from gengap.ranking.trial import networks as trained
from gengap.ranking.trial.changes import changed, permuted_units, rescaled_layers, rescaled_units, rounded
from gengap.ranking.trial.trial import CONFIDENCE, PERMUTATIONS


def perceptron() -> nn.Sequential:
    torch.manual_seed(0)
    hidden = [nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)]
    return nn.Sequential(nn.Flatten(), *hidden).double()


CHANGED = {
    "layers": rescaled_layers,
    "units": lambda model: rescaled_units(model, 1),
    "permuted": lambda model: permuted_units(model, 1),
}


@pytest.mark.parametrize("name", list(CHANGED))
def test_the_function_stays_and_the_weights_do_not(name: str) -> None:
    model, x = perceptron(), torch.randn(5, 6, dtype=torch.float64)
    after = changed(model, CHANGED[name])
    torch.testing.assert_close(after(x), model(x), rtol=1e-12, atol=1e-12)
    assert not torch.equal(after[1].weight, model[1].weight)


def test_layers_are_rescaled_by_two() -> None:
    model = perceptron()
    after = changed(model, rescaled_layers)
    assert torch.equal(after[1].weight, 2 * model[1].weight)
    assert torch.equal(after[3].weight, model[3].weight / 2)
    assert torch.equal(after[5].weight, model[5].weight)


def test_permuted_units_are_the_same_units() -> None:
    model = perceptron()
    after = changed(model, lambda one: permuted_units(one, 1))
    assert sorted(after[1].bias.tolist()) == sorted(model[1].bias.tolist())
    assert torch.equal(after[5].bias, model[5].bias)


def test_rounding_is_to_eight_bits() -> None:
    after = changed(perceptron(), rounded)
    assert torch.equal(after[1].weight, perceptron()[1].weight.bfloat16().double())


def made_up(level: float, seed: int, change: str = "as it was", gap: float | None = None) -> Tried:
    data = gengap.load("digits").take(4)
    gap = level + 0.01 * seed if gap is None else gap
    return Tried(level, seed, change, perceptron(), perceptron(), data, [{"train_loss": 0.05}], 0.0, gap)


NETWORKS = [made_up(level, seed) for level in LEVELS for seed in range(2)]


@pytest.mark.parametrize(("sign", "verdict"), [(1, "follows"), (-1, "opposes")])
def test_a_measure_that_rises_follows_or_opposes_by_its_sign(sign: int, verdict: str) -> None:
    values = np.array([one.gap**2 for one in NETWORKS])
    record = judged("m", sign, values, NETWORKS)
    assert (record.verdict, record.tau, record.networks) == (verdict, pytest.approx(sign), 10)
    assert record.null is not None
    assert 0.3 < record.null < 0.7  # of ten values


@pytest.mark.parametrize("ties", [False, True])
def test_the_null_is_the_quantile_of_the_tau_of_permuted_values(ties: bool) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=len(NETWORKS)).round(0 if ties else 9)
    gaps = np.array([one.gap for one in NETWORKS])
    draws = np.random.default_rng(3)
    taus = [abs(kendall_tau(draws.permutation(values), gaps)) for _ in range(PERMUTATIONS)]
    assert judged("m", 1, values, NETWORKS, seed=3).null == pytest.approx(np.quantile(taus, CONFIDENCE), rel=1e-14)


def test_noise_is_blind_constants_are_constant_and_few_values_are_none() -> None:
    values = np.array([3.0, 1, 4, 1.5, 5, 9, 2, 6, 5.3, 3.5])
    record = judged("m", 1, values, NETWORKS)
    assert record.verdict == "blind"
    assert record.tau == pytest.approx(kendall_tau(values, np.array([one.gap for one in NETWORKS])))
    constant = judged("m", 1, np.ones(10), NETWORKS)
    assert (constant.verdict, constant.tau, constant.null) == ("constant", 0.0, None)
    assert constant.moves == {"another seed": 0.0}
    few = judged("m", 1, np.where(np.arange(10) < 4, 1.0, np.nan), NETWORKS)
    assert (few.verdict, few.tau, few.moves) == ("no value", None, {})


@pytest.mark.parametrize("shift", [0.0, -3.0])
def test_a_move_is_the_change_over_the_difference_between_levels(shift: float) -> None:
    """In logarithms where all values are above 0, otherwise as they are."""
    after = [made_up(0.0, seed, "another order", gap=0.0) for seed in range(2)]
    networks = [*NETWORKS, *after]
    values = np.array([1.0, 1.2, 2, 2.2, 3, 3.2, 4, 4.2, 5, 5.2, 1.5, 1.1]) + shift
    shown = np.log(values) if shift == 0 else values
    between = [abs(shown[a] - shown[b]) for a, b in combinations(range(10), 2) if a // 2 != b // 2]
    moved = np.median([abs(shown[10] - shown[0]), abs(shown[11] - shown[1])])
    record = judged("m", 1, values, networks)
    assert record.moves["another order"] == pytest.approx(moved / np.median(between))
    assert record.moves["another seed"] == pytest.approx(abs(shown[1] - shown[0]) / np.median(between))


def test_what_moves_though_gaps_do_not_move_it_has_no_ratio() -> None:
    after = [made_up(0.0, seed, "another order") for seed in range(2)]
    record = judged("m", 1, np.array([1.0] * 10 + [2.0] * 2), [*NETWORKS, *after])
    assert record.moves["another order"] is None
    assert record.fragile == ("another order",)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Problem:
    fields: dict[str, Any] = {"model": "mlp-2x32", "epochs": 300, "target_loss": 0.3, "batch_size": 30}
    monkeypatch.setattr(trained, "RECIPE", trained.RECIPE.model_copy(update=fields))
    monkeypatch.setattr(trained, "EXAMPLES", 60)
    monkeypatch.setattr(trained, "LEVELS", (0.0, 0.5, 1.0))
    return gengap.load("digits", scale="unit").take(60, 100)


def test_a_trial_of_small_networks(small: Problem) -> None:
    told: list[int] = []
    result = trial(small, ["param_norm", "path_norm", "params"], seeds=2, progress=lambda done, *_: told.append(done))
    assert told == sorted(told)
    assert set(result.networks["change"]) == {"as it was", *CHANGES} - {"another seed"}
    assert (result.networks["train_loss"] <= 0.3).all()
    by_name = {record.name: record for record in result.records}
    assert by_name["path_norm"].moves["layers rescaled"] == pytest.approx(0, abs=1e-6)  # of float32 weights
    assert by_name["param_norm"].moves["layers rescaled"] > 0.1
    assert by_name["params"].verdict == "constant"
    gaps = result.networks.groupby(["level", "change"])["gap"].mean()
    assert gaps[1.0, "as it was"] > gaps[0.0, "as it was"] + 0.3
    assert result.gap.tau == pytest.approx(1.0)


def test_the_same_initialisation_and_another_order(small: Problem) -> None:
    found = {(one.change, one.seed): one for one in trial_networks(small, seeds=2) if one.level == 0}
    base, reordered = found["as it was", 1], found["another order", 1]
    assert torch.equal(base.initial[1].weight, reordered.initial[1].weight)
    assert not torch.equal(base.model[1].weight, reordered.model[1].weight)
    faster = found["another batch size", 1]
    assert torch.equal(base.initial[1].weight, faster.initial[1].weight)


def test_data_that_cannot_be_fitted_and_one_seed_are_refused(small: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="seeds = 1"):
        trial_networks(small, seeds=1)
    monkeypatch.setattr(trained, "RECIPE", trained.RECIPE.model_copy(update={"epochs": 1, "target_loss": 0.0}))
    with pytest.raises(InputError, match="No network reached"):
        trial_networks(small, seeds=2)


def test_a_record_is_made_of_plain_fields() -> None:
    record = judged("m", 1, np.arange(10.0), NETWORKS)
    assert set(dataclasses.asdict(record)) == {"name", "verdict", "tau", "null", "networks", "moves"}
