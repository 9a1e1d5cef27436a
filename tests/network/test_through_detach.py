"""Derivatives are those of the function that a network computes, whatever of it is detached."""

from typing import Any

import numpy as np
import pytest
import torch
from measured_networks import CLASSES, NETWORKS, fitted, network, problem
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from gengap import measure
from gengap.measures.subject import Subject
from gengap.network import plain_copy
from gengap.network.copies import without_hooks
from gengap.network.gradient_check import gradient_fault

X, Y = (torch.from_numpy(a.copy()) for a in (problem().train.x, problem().train.y))


class Sign(torch.autograd.Function):
    """The identity, whose backward pass turns gradients round."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return -gradient


class Frozen(nn.Module):
    """A backbone that stands apart from its derivatives in one of several ways, and a head."""

    def __init__(self, how: str):
        super().__init__()
        self.how, self.body, self.head = how, nn.Linear(64, 6), nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        if self.how == "no_grad":
            with torch.no_grad():
                h = self.body(x)
        elif self.how == "weight.detach":
            h = nn.functional.linear(x, self.body.weight.detach(), self.body.bias.data)
        else:
            h = self.body(x)
        if self.how == "detach":
            h = h.detach()
        elif self.how == "data":
            h = h.data
        elif self.how == "half":
            h = 0.5 * h + 0.5 * h.detach()
        elif self.how == "wrong backward":
            h = Sign.apply(h)
        return self.head(torch.tanh(h))


THROUGH = ["plain", "detach", "no_grad", "data", "half", "weight.detach"]


def made(how: str) -> Frozen:
    torch.manual_seed(0)
    return Frozen(how).eval()


def slopes(model: nn.Module, step: float = 1e-5) -> Tensor:
    """Central differences of each example's loss as all parameters grow at one rate, float64 [N]."""
    exact = without_hooks(plain_copy(model)).double()
    theta = {name: value.detach() for name, value in exact.named_parameters()}

    def losses(factor: float) -> Tensor:
        weights = {name: factor * value for name, value in theta.items()}
        with torch.no_grad():
            return cross_entropy(functional_call(exact, weights, (X.double(),)), Y, reduction="none")

    return (losses(1 + step) - losses(1 - step)) / (2 * step)


@pytest.mark.parametrize("how", THROUGH)
def test_the_fisher_rao_norm_is_that_of_central_differences(how: str) -> None:
    row = measure(made(how), problem(), measures=["fisher_rao"]).iloc[0]
    assert row.status == "ok"
    assert row.value == pytest.approx(float(slopes(made(how)).square().mean()), rel=1e-4)  # the network is in float32


@pytest.mark.parametrize("how", THROUGH[1:-1])  # of the last, no module is called whose input could be watched
def test_gradients_and_margins_are_those_of_the_same_function_without_detach(how: str) -> None:
    names = ["gradient_noise_final", "normalised_margins_by_layer"]
    data = problem(192)
    rows, plain = (measure(made(kind), data, measures=names) for kind in (how, "plain"))
    assert list(rows.status) == ["ok", "ok"]
    np.testing.assert_allclose(rows.value, plain.value, rtol=1e-5)  # float32


def test_a_backward_pass_that_is_not_the_derivative_is_said() -> None:
    rows = measure(
        made("wrong backward"), problem(192), measures=["fisher_rao", "gradient_noise_final", "cross_entropy"]
    ).set_index("name")
    assert rows.status["gradient_noise_final"] == "partial"
    assert "central differences" in rows.reason["gradient_noise_final"]
    assert rows.status["fisher_rao"] != "ok"
    assert rows.status["cross_entropy"] == "ok"


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_usual_gradients_are_slopes(name: str, trained: bool) -> None:
    model = fitted(network(name), 5) if trained else network(name)
    assert gradient_fault(plain_copy(model), X, Y) == ""


def test_without_hooks_a_detached_part_has_no_gradient_and_the_check_sees_it() -> None:
    assert "central differences" in gradient_fault(without_hooks(plain_copy(made("detach"))), X, Y)


class Clipping(nn.Module):
    """Overwrites its detached weights, as Lipschitz networks do: that cannot be differentiated through."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.head.weight.clamp_(-0.05, 0.05)
        return self.head(x.flatten(1))


def test_a_network_that_overwrites_its_weights_is_differentiated_as_it_is() -> None:
    torch.manual_seed(0)
    subject = Subject(Clipping(), problem())
    assert subject.gradient_pass.gradients is not None


def test_a_value_that_leaves_pytorch_may_do_so() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(64, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            scale = float(self.head.weight.detach().abs().max()) + self.head.bias.detach().numpy().max()
            return self.head(x.flatten(1)) / scale

    torch.manual_seed(0)
    assert Subject(Scaled(), problem()).gradient_pass.gradients is not None
