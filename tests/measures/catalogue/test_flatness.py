"""Rows of flatness: Jiang et al.'s equations in plain floats, and what the searches perturb."""

import copy
import math

import pandas as pd
import pytest
import torch
from measured_networks import fitted, network, problem

from gengap.measures import Subject, measure
from gengap.measures.searches import Perturbable, sigma_search

EPS, DELTA = 1e-3, 0.1
NAMES = [
    f"{kind}{size}_{what}"
    for kind in ("pacbayes", "sharpness")
    for size in ("", "_mag")
    for what in ("init", "orig", "flatness")
]


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, Subject]:
    """A ResNet's rows, and the network that they are of."""
    initial = network("resnet")
    model = fitted(copy.deepcopy(initial))
    found = measure(model, problem(), initial, measures=NAMES, subset=40)
    return found.set_index("name"), Subject(model, problem(), initial)


def test_rows_are_the_equations_of_what_was_found(rows: tuple[pd.DataFrame, Subject]) -> None:
    found, subject = rows
    assert set(found.status) == {"ok"}
    now = [v for layer in subject.layers for v in layer.weight.flatten().tolist()]
    then = [v for layer in subject.initial_layers for v in layer.weight.flatten().tolist()]
    m, omega = 48, len(now)
    details = {name: found.details[name] for name in NAMES}
    sigma, alpha = details["sharpness_init"]["sigma"], details["sharpness_init"]["alpha"]
    norms = {
        "orig": sum(a * a for a in now),
        "init": sum((a - b) ** 2 for a, b in zip(now, then, strict=True)),
    }

    def magnitude(norm: float, scale: float, extra: float) -> float:
        terms = (
            math.log((EPS**2 + (scale**2 + extra) * norm / omega) / (EPS**2 + scale**2 * (a - b) ** 2))
            for a, b in zip(now, then, strict=True)
        )
        return sum(terms) / 4 + math.log(m / scale) + 10

    for what, norm in norms.items():
        sigma_mag = details[f"pacbayes_mag_{what}"]["sigma"]
        alpha_mag = details[f"sharpness_mag_{what}"]["alpha"]
        expected = {
            f"pacbayes_{what}": norm / (4 * sigma**2) + math.log(m / sigma) + 10,
            f"sharpness_{what}": norm * math.log(2 * omega) / (4 * alpha**2) + math.log(m / sigma) + 10,
            f"pacbayes_mag_{what}": magnitude(norm, sigma_mag, 1),
            f"sharpness_mag_{what}": magnitude(norm, alpha_mag, 4 * math.log(2 * omega / DELTA)),
        }
        assert {name: found.value[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    for name, scale in (("pacbayes", sigma), ("sharpness", alpha)):
        assert found.value[f"{name}_flatness"] == pytest.approx(1 / scale**2)


def test_rows_tell_subset_draws_and_bracket(rows: tuple[pd.DataFrame, Subject]) -> None:
    details = rows[0].details["pacbayes_flatness"]
    assert (details["examples"], details["draws"], details["target_drop"], details["tolerance"]) == (40, 10, 0.1, 0.01)
    low, high = details["sigma_bracket"]
    assert low <= details["sigma"] <= high
    assert details["sigma_passes"] > 10


def test_the_worst_perturbation_is_smaller_than_noise(rows: tuple[pd.DataFrame, Subject]) -> None:
    details = rows[0].details["sharpness_init"]
    assert details["alpha"] < details["sigma"]


def test_noise_goes_to_the_weights_of_the_folded_network(rows: tuple[pd.DataFrame, Subject]) -> None:
    _, subject = rows
    names = [layer.parameter for layer in subject.layers]
    assert not any("norm" in name or "bias" in name for name in names)
    by_hand = sigma_search(Perturbable(subject.folded_model, names, *subject.sample), seed=0, population=48)
    unfolded = sigma_search(Perturbable(subject.model, names, *subject.sample), seed=0)
    assert subject.flatness.sigma == by_hand
    assert subject.flatness.sigma != unfolded


def test_attention_s_weights_are_all_perturbed_once() -> None:
    subject = Subject(fitted(network("transformer")), problem())
    perturbed = sum(weight.numel() for weight in subject.flatness._network.weights.values())
    assert perturbed == sum(layer.weight.numel() for layer in subject.layers) == subject.flatness.weights


def test_a_network_without_skill_has_no_sigma_and_says_so() -> None:
    model = network("mlp")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    data = problem()
    found = measure(model, data, measures=["pacbayes_flatness", "sharpness_flatness"])
    assert set(found.status) == {"not converged"}
    assert found.value.isna().all()
    for symbol, row in zip(("sigma", "alpha"), found.itertuples(), strict=True):
        assert f"{symbol} between 2.05e+03 and inf: accuracy falls by only" in row.reason
        assert row.details[symbol] is None
        assert row.details[f"{symbol}_bracket"] == [2048, None]


def test_orig_needs_no_initial_weights_but_where_the_formula_has_them() -> None:
    found = measure(fitted(network("mlp")), problem(), measures=NAMES).set_index("name")
    without = {name for name in NAMES if found.status[name] == "skipped"}
    assert without == {n for n in NAMES if n.endswith("_init") or n.endswith("mag_orig")}
    assert all("initialisation" in found.reason[name] for name in without)
