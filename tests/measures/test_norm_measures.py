"""Norms of weights and capacity against naive transcriptions in float64, and by hand."""

import math

import pytest
import torch
from measured_networks import fitted, network, problem
from torch import nn

from gengap.data import Problem, Split
from gengap.measures import from_log, measure
from gengap.measures.products import product, scaled_geometric_mean

NAMES = ["l2", "l2_dist", "param_norm", "fro_dist"]
NAMES += [f"{form}_of_fro{over}" for form in ("prod", "sum") for over in ("", "_over_margin")]


def _naive(model: nn.Module, initial: nn.Module, margin: float) -> dict[str, float]:
    """Straight from the definitions, with products as products; for networks without batch norm."""
    pairs = [
        (a.detach().double(), b.detach().double())
        for (name, a), (_, b) in zip(model.named_parameters(), initial.named_parameters(), strict=True)
        if name.endswith("weight")
    ]
    d, product, total, distance = len(pairs), 1.0, 0.0, 0.0
    for now, then in pairs:
        product *= float((now**2).sum())
        total += float((now**2).sum())
        distance += float(((now - then) ** 2).sum())
    return {
        "l2": math.sqrt(total),
        "l2_dist": math.sqrt(distance),
        "param_norm": total,
        "fro_dist": distance,
        "prod_of_fro": product,
        "sum_of_fro": d * product ** (1 / d),
        "prod_of_fro_over_margin": product / margin**2,
        "sum_of_fro_over_margin": d * (product / margin**2) ** (1 / d),
    }


@pytest.mark.parametrize("name", ["mlp", "alexnet"])
def test_norms_are_those_of_the_definitions(name: str) -> None:
    initial = network(name)
    model = fitted(network(name), 25)
    split = problem().train
    scores = model(torch.from_numpy(split.x.copy())).detach().double()
    margins = []
    for row, label in zip(scores.tolist(), split.y.tolist(), strict=True):
        margins.append(row[label] - max(score for other, score in enumerate(row) if other != label))
    margin = sorted(margins)[len(margins) // 10 - 1]
    assert margin > 0, "the network must be fitted for the margin's measures"
    found = measure(model, problem(), initial, measures=NAMES).set_index("name")["value"]
    for key, value in _naive(model, initial, margin).items():
        assert found[key] == pytest.approx(value, rel=1e-5), key


def test_without_a_positive_margin_there_is_nothing_to_divide_by() -> None:
    rows = measure(network("mlp"), problem(), measures=["prod_of_fro_over_margin"])
    assert (rows["status"][0], rows["value"][0]) == ("skipped", None)
    assert "margins is not positive: -" in rows["reason"][0]


def test_products_by_hand() -> None:
    squares = {"a": 2.0, "b": 8.0}
    assert product(squares).value == pytest.approx(16)
    assert product(squares, margin=2.0).value == pytest.approx(4)
    assert scaled_geometric_mean(squares).value == pytest.approx(8)
    assert scaled_geometric_mean(squares, margin=2.0).value == pytest.approx(4)


def test_a_product_beyond_float64_is_null_with_its_logarithm() -> None:
    found = product(dict.fromkeys("abcd", 1e100))
    assert found.value is None
    assert found.log_value == pytest.approx(400 * math.log(10))
    assert "beyond float64" in found.reason
    assert from_log(709.0).value == pytest.approx(math.exp(709.0))
    assert from_log(-math.inf).value == 0
    assert from_log(-709.0).value is None
    assert from_log(-709.0).log_value == -709
    assert (from_log(math.inf).status, from_log(math.inf).log_value) == ("skipped", None)


def test_counts_by_hand() -> None:
    rows = measure(network("tied"), problem(), measures=["params", "all_params", "vc"]).set_index("name")
    assert rows.loc["params", "value"] == 64 * 64 + 64 * 4
    assert rows.loc["all_params", "value"] == 64 * 64 + 64 * 4 + 64 + 64 + 4
    assert rows.loc["params", "details"] == {"weights_and_biases": 64 * 64 + 64 * 4 + 64 + 4}


def test_vc_by_hand() -> None:
    """One layer of 8 weights on inputs of one pixel: d = n = 1, so that mu = (4000 sqrt(8 log2(6)^3) + …)^2."""
    x = torch.randn(6, 4).numpy()
    split = Split(x, torch.tensor([0, 1] * 3).numpy())
    found = measure(nn.Linear(4, 2), Problem("table", split, split, ("a", "b")), measures=["vc"])["value"][0]
    assert found == pytest.approx((4000 * math.sqrt(8 * math.log2(6) ** 3) + math.sqrt(math.log(100))) ** 2)
