"""Norms of weights and capacity against naive transcriptions in float64, and by hand."""

import math

import pytest
import torch
from measured_networks import fitted, network, problem
from torch import nn

from gengap.data import Problem, Split
from gengap.measures import all_measures, from_log, measure
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


@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_weights_whose_squares_are_beyond_float64_give_no_number_and_are_named(factor: float) -> None:
    model, initial = fitted(network("mlp")).double(), network("mlp").double()
    names = [one.name for one in all_measures() if "weights" in one.needs and "search" not in one.needs]
    with torch.no_grad():
        model[3].weight.mul_(factor)  # type: ignore[index, union-attr, operator]
    for now, then in ((model, initial), (initial, model)):
        rows = measure(now, problem(), then, measures=names)
        assert set(rows["status"]) == {"skipped"}
        assert rows["value"].isna().all()
        assert rows["reason"].str.contains("too large or too small").all()
        assert rows["not_covered"].tolist() == [["3"]] * len(rows)


def test_weights_at_the_ends_of_float32_have_their_norms() -> None:
    for size in (1e-38, 1e38):
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 4, bias=False))
        nn.init.constant_(model[1].weight, size)
        found = measure(model, problem(), measures=["l2", "prod_of_fro", "prod_of_spec"]).set_index("name")
        exact = float(torch.tensor(size)) * 16
        assert found["value"].tolist() == pytest.approx([exact, exact**2, exact**2], rel=1e-12)


@pytest.mark.parametrize("logits", [1e-160, 1e160])
def test_an_inverse_margin_beyond_float64_is_null_with_its_logarithm(logits: float) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 4)).double()
    nn.init.zeros_(model[1].weight)
    with torch.no_grad():
        model[1].bias.copy_(torch.tensor([logits, 0, 0, 0], dtype=torch.float64))
    split = problem().train
    first = Split(split.x, 0 * split.y)
    row = measure(model, Problem("one class", first, first, tuple("abcd")), measures=["inverse_margin"]).iloc[0]
    assert row["value"] is None
    assert row["log_value"] == pytest.approx(-2 * math.log(logits), rel=1e-12)
    assert "beyond float64" in row["reason"]
