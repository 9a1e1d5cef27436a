"""Multiplying a ReLU layer by c and dividing the next by c leaves the function as it is.

What each measure claims of itself in ``rescaling_invariant`` is held against that, in both directions. With c a power
of two every product is exact in binary arithmetic, so that what does not change is equal to the last digits.
"""

import copy
from functools import cache

import pandas as pd
import pytest
import torch
from measured_networks import CLASSES, fitted, problem
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from gengap.measures import Measure, all_measures, measure

FACTOR = 64.0  # large, since magnitude-aware noise changes only where weights become as small as its epsilon
ALIKE, APART = 1e-12, 1e-4  # relative: some roundings of float64 where a value stays, and a change far above them


def _networks() -> dict[str, nn.Sequential]:
    torch.manual_seed(1)
    wide = [nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, CLASSES)]
    images = [nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 3, 3, stride=2), nn.ReLU()]
    return {
        "one hidden layer": nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, CLASSES)),
        "two hidden layers": nn.Sequential(nn.Flatten(), *wide),
        "convolutions": nn.Sequential(nn.Identity(), *images, nn.Flatten(), nn.Linear(12, CLASSES)),
    }


def _more_networks() -> dict[str, nn.Sequential]:
    """Other kinds of layers, each with what is multiplied at index 1 and what is divided at index 4."""
    torch.manual_seed(2)

    def network(*layers: nn.Module, features: int) -> nn.Sequential:
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, CLASSES))

    return {
        "batch norm": network(
            *(nn.Conv2d(1, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.Identity(), nn.Conv2d(3, 3, 3)),
            *(nn.BatchNorm2d(3), nn.ReLU()),
            features=48,
        ),
        "padded maximum, dropout": network(
            *(nn.Identity(), nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1), nn.Conv2d(3, 3, 2)),
            *(nn.ReLU(), nn.Dropout(0.1)),
            features=12,
        ),
        "padded mean, grouped, dilated": network(
            *(nn.Identity(), nn.Conv2d(1, 4, 3, dilation=2), nn.ReLU(), nn.AvgPool2d(3, 1, padding=1)),
            *(nn.Conv2d(4, 4, 3, groups=2), nn.ReLU()),
            features=16,
        ),
        "transposed": network(
            *(nn.Identity(), nn.ConvTranspose2d(1, 3, 3, stride=2), nn.ReLU(), nn.MaxPool2d(4)),
            *(nn.ConvTranspose2d(3, 2, 2), nn.ReLU()),
            features=50,
        ),
        "one axis": network(
            nn.Flatten(1, 2), nn.Conv1d(8, 5, 3), nn.ReLU(), nn.Identity(), nn.Conv1d(5, 4, 3), nn.ReLU(), features=16
        ),
        "three axes": network(
            *(nn.Unflatten(1, (1, 1)), nn.Conv3d(1, 3, (1, 3, 3)), nn.ReLU(), nn.Identity()),
            *(nn.Conv3d(3, 2, (1, 3, 3)), nn.ReLU()),
            features=32,
        ),
        "weight norm": network(
            *(nn.Flatten(), parametrizations.weight_norm(nn.Linear(64, 8)), nn.ReLU(), nn.Identity()),
            *(parametrizations.weight_norm(nn.Linear(8, 8)), nn.ReLU()),
            features=8,
        ),
    }


def _scaled(module: nn.Module, factor: float, *, bias: bool) -> None:
    """Multiplies what a layer computes, by its parameters."""
    values = module.parametrizations["weight"].original0 if parametrize.is_parametrized(module) else module.weight
    values.mul_(factor)
    if bias:
        module.bias.mul_(factor)


def _rescaled(model: nn.Sequential, second: int = 3) -> nn.Sequential:
    """The module before and the module after the first ReLU, which is at index 2."""
    result = copy.deepcopy(model)
    with torch.no_grad():
        _scaled(result[1], FACTOR, bias=True)
        _scaled(result[second], 1 / FACTOR, bias=False)
    return result


CHEAP = [one.name for one in all_measures() if one.needs.isdisjoint({"history", "search"})]


@cache
def _values() -> pd.DataFrame:
    """Measure by network: the value, or its logarithm, before and after."""
    columns = {}
    for name, initial in (_networks() | _more_networks()).items():
        model = fitted(copy.deepcopy(initial), 25)
        more = name in _more_networks()
        for state, network in (("before", model), ("after", _rescaled(model, 4 if more else 3))):
            names = CHEAP if more else None
            rows = measure(network, problem(144), initial, subset=16, measures=names).set_index("name")
            columns[name, state] = rows["value"].fillna(rows["log_value"]).astype(float)
    return pd.DataFrame(columns)


def test_the_function_stays() -> None:
    x = torch.from_numpy(problem().train.x.copy())
    for model in _networks().values():
        torch.testing.assert_close(_rescaled(model)(x), model(x), rtol=0, atol=0)
    for model in _more_networks().values():
        torch.testing.assert_close(_rescaled(model.eval(), 4)(x), model(x), rtol=0, atol=0)


VALUED = [one for one in all_measures() if "history" not in one.needs]


@pytest.mark.parametrize("one", VALUED, ids=lambda one: one.name)
def test_rescaling_changes_exactly_what_says_that_it_does(one: Measure) -> None:
    values = _values().loc[one.name].unstack().dropna()
    assert len(values), "no network here gives it a value"
    differences, largest = (values["after"] - values["before"]).abs(), values.abs().max(axis=1)
    if one.rescaling_invariant:
        assert (differences <= ALIKE * largest).all(), values
    else:
        assert (differences > APART * largest).any(), values


def test_theory_names_some_of_each_kind() -> None:
    claims = {one.name: one.rescaling_invariant for one in all_measures()}
    stay = ["prod_of_fro", "prod_of_spec", "sum_of_spec", "fro_over_spec", "path_norm", "fisher_rao", "inverse_margin"]
    change = ["param_norm", "fro_dist", "dist_spec_init", "pacbayes_flatness", "sharpness_flatness"]
    assert [claims[name] for name in stay] == [True] * len(stay)
    assert [claims[name] for name in change] == [False] * len(change)
