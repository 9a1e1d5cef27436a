"""The Fisher-Rao norm: gradients one example at a time, the closed form of homogeneous networks, laws."""

import copy
import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, softmax

import gengap
from gengap.measures import Subject, measure
from gengap.measures.catalogue import fisher_rao


def radial_slopes(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    slopes, log_sizes = fisher_rao.radial_slopes(model, x, y)
    return slopes * log_sizes.exp()


X = torch.randn(7, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 3, 4, 5, 9])


class Last(nn.Module):
    def forward(self, outputs: tuple[torch.Tensor, object]) -> torch.Tensor:
        return outputs[0][:, -1]


def networks() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    conv = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten()]
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    recurrent = nn.Sequential(nn.Flatten(1, 2), nn.LSTM(8, 6, batch_first=True), Last(), nn.Linear(6, 10))
    return {
        "recurrent": recurrent,
        "convolutions, batch norm, biases": nn.Sequential(*conv, nn.Linear(36, 10)),
        "attention, layer norm": nn.Sequential(nn.Flatten(1, 2), encoder, nn.Flatten(), nn.Linear(64, 10)),
        "one layer": nn.Sequential(nn.Flatten(), nn.Linear(64, 10, bias=False)),
    }


@pytest.mark.parametrize("kind", networks())
def test_slopes_are_products_of_weights_and_gradients(kind: str) -> None:
    model = networks()[kind].double().eval()
    expected = []
    for x, y in zip(X, Y, strict=True):
        loss = cross_entropy(model(x[None]), y[None])
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        expected.append(sum((p * g).sum().item() for p, g in zip(model.parameters(), gradients, strict=True)))
    assert radial_slopes(model, X, Y).tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_without_biases_it_has_the_closed_form() -> None:
    """Three weight layers: (L + 1)^2 mean <softmax(f) - e_y, f>^2 with L = 2."""
    torch.manual_seed(1)
    problem = gengap.load("digits").take(30, 10)
    widths = (64, 20, 15, 10)
    layers = [nn.Linear(a, b, bias=False) for a, b in pairwise(widths)]
    model = nn.Sequential(nn.Flatten(), layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    row = measure(model, problem, measures=["fisher_rao"]).iloc[0]
    x, y = Subject(model, problem).sample
    f = model.double()(x.double()).detach()
    residual = softmax(f, 1) - nn.functional.one_hot(y, 10)
    assert row.value == pytest.approx(9 * float((residual * f).sum(1).square().mean()), rel=1e-5)
    assert row.details == {"examples": 30}


def test_rescaling_relu_layers_changes_nothing() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 10)).double()
    rescaled = copy.deepcopy(model)
    with torch.no_grad():
        rescaled[1].weight *= 50  # type: ignore[operator]
        rescaled[1].bias *= 50  # type: ignore[operator]
        rescaled[3].weight /= 50  # type: ignore[operator]
    assert radial_slopes(rescaled, X, Y).tolist() == pytest.approx(radial_slopes(model, X, Y).tolist(), rel=1e-9)


def test_one_weight_by_hand() -> None:
    """f = (w x, 0) with w = 2, x = 1, label 0: the loss is ln(1 + exp(-2)), its slope in w is -1 / (1 + e^2)."""
    model = nn.Linear(1, 2, bias=False).double()
    model.weight.data = torch.tensor([[2.0], [0.0]], dtype=torch.float64)
    slope = radial_slopes(model, torch.ones(1, 1, dtype=torch.float64), torch.tensor([0]))
    assert float(slope) == pytest.approx(-2 / (1 + math.exp(2)), rel=1e-12)
