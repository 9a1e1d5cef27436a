"""Measures of spectral and path norms on whole networks: transcriptions of the formulas, laws, what is left out."""

import copy
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import gengap
from gengap.measures import Subject, measure
from gengap.measures.spectral import SpectralNorm, operator
from gengap.measures.spectral import layer as layer_module
from gengap.models.layers import LocalResponseNorm

BASE = ["prod_of_spec", "prod_of_spec_over_margin", "sum_of_spec", "sum_of_spec_over_margin"]
BASE += ["spec_init_main", "spec_orig_main", "fro_over_spec", "dist_spec_init"]
PATHS = ["path_norm", "path_norm_over_margin"]


def network(*, bias: float = 30.0) -> nn.Sequential:
    """On digits (1 x 8 x 8); its first output leads by ``bias``."""
    layers = [nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 3, stride=2), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(36, 10))
    with torch.no_grad():
        model[-1].weight *= 0.01  # type: ignore[operator]
        model[-1].bias[0] += bias  # type: ignore[index, operator]
    return model


def problem(label: int = 0) -> gengap.Problem:
    digits = gengap.load("digits").take(40, 10)
    return digits.derive({"step": "one label"}, train=gengap.data.Split(digits.train.x, np.full(40, label)))


@pytest.fixture(scope="module")
def nets() -> tuple[nn.Sequential, nn.Sequential]:
    torch.manual_seed(3)
    return network(), network(bias=0)


@pytest.fixture(scope="module")
def table(nets: tuple[nn.Sequential, nn.Sequential]) -> pd.DataFrame:
    names = [*BASE, *(f"{name}_operator" for name in BASE), *PATHS]
    return measure(*nets[:1], problem(), nets[1], measures=names).set_index("name")


def operator_matrix(module: nn.Module, weight: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    eye = torch.eye(math.prod(shape), dtype=torch.float64).reshape(-1, *shape)
    with torch.no_grad():
        images: torch.Tensor = torch.func.functional_call(copy.deepcopy(module).double(), {"weight": weight}, (eye,))
        zero = torch.func.functional_call(copy.deepcopy(module).double(), {"weight": weight}, (0 * eye,))
    return (images - zero).flatten(1)


def twin(nets: tuple[nn.Sequential, nn.Sequential], kind: str) -> dict[str, float]:
    """The formulas; s, f, moved are spectral, Frobenius and distance norms, gamma the fourth smallest of 40 margins."""
    s, f, moved, moved_s = [], [], [], []
    for index, shape in [(0, (1, 8, 8)), (2, (6, 8, 8)), (5, (36,))]:
        w, w0 = (net[index].weight.detach().double() for net in nets)  # type: ignore[union-attr, operator]

        def top(weight: torch.Tensor, module: nn.Module = nets[0][index], shape: tuple[int, ...] = shape) -> float:
            written = operator_matrix(module, weight, shape) if kind == "operator" else weight.flatten(1)
            return float(torch.linalg.svdvals(written)[0])

        s.append(top(w))
        moved_s.append(top(w - w0))
        f.append(float(w.norm()))
        moved.append(float((w - w0).norm()))
    with torch.no_grad():
        logits = nets[0](Subject(nets[0], problem()).inputs(slice(40))).double()
    margins = sorted((logits[:, 0] - logits[:, 1:].max(1).values).tolist())
    gamma, d, product = margins[3], 3, math.prod(x**2 for x in s)
    assert gamma > 0
    return {
        "prod_of_spec": product,
        "prod_of_spec_over_margin": product / gamma**2,
        "sum_of_spec": d * product ** (1 / d),
        "sum_of_spec_over_margin": d * (product / gamma**2) ** (1 / d),
        "spec_init_main": product * sum(a**2 / b**2 for a, b in zip(moved, s, strict=True)) / gamma**2,
        "spec_orig_main": product * sum(a**2 / b**2 for a, b in zip(f, s, strict=True)) / gamma**2,
        "fro_over_spec": sum(a**2 / b**2 for a, b in zip(f, s, strict=True)),
        "dist_spec_init": sum(x**2 for x in moved_s),
    }


@pytest.mark.parametrize("kind", ["matrix", "operator"])
def test_measures_are_their_formulas(kind: str, nets: Any, table: pd.DataFrame) -> None:
    suffix = "_operator" if kind == "operator" else ""
    for name, expected in twin(nets, kind).items():
        row = table.loc[name + suffix]
        assert row.status == "ok"
        assert row.value == pytest.approx(expected, rel=1e-5), name
    assert table.loc["prod_of_spec_operator"].value > table.loc["prod_of_spec"].value


def test_path_norm_is_that_of_the_network_with_squared_parameters(nets: Any, table: pd.DataFrame) -> None:
    squared = copy.deepcopy(nets[0]).double()
    with torch.no_grad():
        for parameter in squared.parameters():
            parameter.pow_(2)
        expected = float(squared(torch.ones(1, 1, 8, 8, dtype=torch.float64)).sum())
    assert table.loc["path_norm"].value == pytest.approx(expected, rel=1e-12)
    ratio = table.loc["path_norm"].value / table.loc["path_norm_over_margin"].value
    assert ratio == pytest.approx(
        table.loc["prod_of_spec"].value / table.loc["prod_of_spec_over_margin"].value, rel=1e-9
    )


def test_rescaling_changes_those_that_say_so(nets: Any, table: pd.DataFrame) -> None:
    rescaled = copy.deepcopy(nets[0])
    with torch.no_grad():
        rescaled[0].weight *= 4  # exact in floating point
        rescaled[0].bias *= 4
        rescaled[2].weight /= 4
    after = measure(rescaled, problem(), nets[1], measures=list(table.index)).set_index("name")
    for name, row in table.iterrows():
        unchanged = after.loc[name].value == pytest.approx(row.value, rel=1e-6)
        assert unchanged == row.rescaling_invariant, name


def test_a_margin_that_is_not_positive_gives_no_number(nets: Any) -> None:
    over_margin = [name for name in [*BASE, *PATHS] if "margin" in name or "main" in name]
    rows = measure(nets[0], problem(label=1), nets[1], measures=over_margin)
    assert set(rows.status) == {"skipped"}
    assert rows.value.isna().all()
    assert rows.reason.str.contains("not positive").all()


def test_at_initialisation_distances_are_zero(nets: Any) -> None:
    names = ["spec_init_main", "dist_spec_init", "dist_spec_init_operator"]
    assert measure(nets[0], problem(), nets[0], measures=names).value.tolist() == [0.0, 0.0, 0.0]


def test_dead_layers_and_deep_products(nets: Any) -> None:
    dead = copy.deepcopy(nets[0])
    nn.init.zeros_(dead[2].weight)  # type: ignore[arg-type]
    rows = measure(dead, problem(), measures=["prod_of_spec", "fro_over_spec"]).set_index("name")
    assert rows.loc["prod_of_spec"].value == 0
    assert rows.loc["fro_over_spec"].status == "skipped"
    assert rows.loc["fro_over_spec"].not_covered == ["2"]
    deep = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), *[nn.Linear(10, 10, bias=False) for _ in range(40)])
    for layer in deep[2:]:
        layer.weight.data = 1e5 * torch.eye(10)
    row = measure(deep, problem(), measures=["prod_of_spec"]).iloc[0]
    first = float(torch.linalg.matrix_norm(deep[1].weight.detach(), 2))  # type: ignore[arg-type]
    assert row.value is None or np.isnan(row.value)
    assert row.log_value == pytest.approx(400 * math.log(10) + 2 * math.log(first), rel=1e-6)


def test_what_does_not_converge_says_so(nets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator, "TOLERANCE", 1e-20)
    row = measure(nets[0], problem(), measures=["prod_of_spec_operator"]).iloc[0]
    assert row.status == "not converged"
    assert "2 " in row.reason
    assert row.value > 0
    assert row.details["residuals"]["2"] > 0


class WeightsUsedByHand(nn.Module):
    """No hook sees what its convolution is applied to, as with some wrappers of users'."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv2d(1, 4, 3), nn.Linear(144, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h: torch.Tensor = self.last(nn.functional.conv2d(x, self.conv.weight, self.conv.bias).relu().flatten(1))
        return h


def test_a_convolution_whose_input_size_is_not_seen_makes_every_norm_of_operators_partial(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    model, initial = WeightsUsedByHand(), WeightsUsedByHand()
    with torch.no_grad():
        model.last.bias[0] += 30  # so that the margin is positive
    rows = measure(model, problem(), initial, measures=[*BASE, *(f"{name}_operator" for name in BASE)])
    for row in rows.to_dict("records"):
        operators = row["name"].endswith("_operator")
        assert (row["status"], row["not_covered"]) == (("partial", ["conv"]) if operators else ("ok", [])), row["name"]
        assert ("input size of conv not seen" in row["reason"]) == operators
        assert row["value"] > 0
    monkeypatch.setattr(layer_module, "matrix_norm", lambda matrix: SpectralNorm(1.0, 0.5, converged=False))
    row = measure(model, problem(), measures=["prod_of_spec_operator"]).iloc[0]
    assert (row["status"], row["not_covered"]) == ("not converged", ["conv"])
    assert "conv 5.0e-01" in row["reason"]
    assert "input size of conv not seen" in row["reason"]


def test_paths_through_response_normalisation_are_partial_and_through_attention_none() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), LocalResponseNorm(), nn.Flatten(), nn.Linear(144, 10))
    row = measure(model, problem(), measures=["path_norm"]).iloc[0]
    assert (row.status, row.not_covered) == ("partial", ["2"])
    assert row.value > 0
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.Sequential(
        nn.Flatten(2), nn.Flatten(0, 1), nn.Unflatten(1, (8, 8)), encoder, nn.Flatten(), nn.Linear(64, 10)
    )
    row = measure(model, problem(), measures=["path_norm"]).iloc[0]
    assert row.status == "skipped"
    assert row.not_covered == ["3.self_attn", "3.norm1", "3.norm2"]


class Pyramid(nn.Module):
    """One convolution at two sizes, small before large, and its weight once more with a stride and twice dilated."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)
        self.tied = nn.Conv2d(1, 1, 3, stride=2, padding=2, dilation=2)
        self.tied.weight = self.conv.weight
        self.last = nn.Linear(64 + 16 + 16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        small = self.conv(nn.functional.avg_pool2d(x, 2))
        h: torch.Tensor = self.last(torch.cat([part.flatten(1) for part in (small, self.conv(x), self.tied(x))], 1))
        return h


def test_a_convolution_at_several_sizes_has_the_largest_of_its_norms() -> None:
    torch.manual_seed(0)
    model = Pyramid()
    conv, tied, shapes = model.conv, model.tied, ((1, 4, 4), (1, 8, 8))
    weight = conv.weight.detach().double()
    expected = [float(torch.linalg.svdvals(operator_matrix(conv, weight, shape))[0]) for shape in shapes]
    expected.append(float(torch.linalg.svdvals(operator_matrix(tied, weight, shapes[1]))[0]))
    assert expected[0] < 0.99 * max(expected)
    row = measure(model, problem(), measures=["prod_of_spec_operator"]).iloc[0]
    assert row.status == "ok"
    assert row.details["norms"]["conv"] == pytest.approx(max(expected), rel=1e-6)
    last = float(torch.linalg.svdvals(model.last.weight.detach().double())[0])
    assert row.value == pytest.approx((max(expected) * last) ** 2, rel=1e-6)
