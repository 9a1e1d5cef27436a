"""Products with Hessians against differences of gradients, for operations of which PyTorch lacks second derivatives."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.func import functional_call
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from torch.nn.utils import parametrizations, weight_norm

from gengap import probes
from gengap.errors import InputError
from gengap.probes.sensitivity import _orders

pytest.importorskip("curvlinops", reason="the extra 'curvature' is not installed")


class Attention(nn.Module):
    def __init__(self, layer: nn.Module | None = None) -> None:
        super().__init__()
        self.project, self.layer, self.out = nn.Linear(3, 12), layer, nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.project(x).chunk(3, -1)
        h = scaled_dot_product_attention(q, k, v) if self.layer is None else self.layer(q)
        return self.out(h.mean(1))


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.layer, self.out = kind(3, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.layer(x)[0][:, -1])


class Of(nn.Module):
    """A function as a module."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


class Square(torch.autograd.Function):
    """x^2 / 2, whose derivative's derivative PyTorch can have."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square() / 2

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


class Kept(Square):
    """The same with what the forward pass has computed, which is a constant to the second backward pass."""

    @staticmethod
    def forward(ctx, x):
        ctx.slope = x.clone()
        return x.square() / 2

    @staticmethod
    def backward(ctx, g):
        return g * ctx.slope


class Once(Square):
    """The same, marked."""

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


def dense(*middle: nn.Module, first: nn.Module | None = None) -> nn.Module:
    return nn.Sequential(nn.Flatten(), first or nn.Linear(6, 4), *middle, nn.Linear(4, 3))


NETWORKS = {
    "SiLU": lambda: dense(nn.SiLU()),
    "Mish": lambda: dense(nn.Mish()),
    "GELU": lambda: dense(nn.GELU()),
    "group norm": lambda: dense(nn.GroupNorm(2, 4)),
    "layer norm": lambda: dense(nn.LayerNorm(4), nn.ReLU()),
    "attention": Attention,
    "multi-head attention": lambda: Attention(nn.TransformerEncoderLayer(4, 2, 5, 0.0, batch_first=True)).eval(),
    "LSTM": lambda: Recurrent(nn.LSTM),
    "GRU": lambda: Recurrent(nn.GRU),
    "weight norm": lambda: dense(nn.Tanh(), first=parametrizations.weight_norm(nn.Linear(6, 4))),
    "old weight norm": lambda: dense(nn.Tanh(), first=weight_norm(nn.Linear(6, 4))),
    "determinant": lambda: dense(Of(lambda h: h * torch.linalg.det(h.reshape(-1, 2, 2))[:, None])),
    "own function": lambda: dense(Of(Square.apply)),
    "checkpoint": lambda: dense(Of(lambda h: torch.utils.checkpoint.checkpoint(torch.tanh, h, use_reentrant=False))),
}


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    return NETWORKS[name]().double()


def data(n: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(n, 2, 3, dtype=torch.float64), torch.arange(n) % 3


def hessian_by_differences(model: nn.Module, x: torch.Tensor, y: torch.Tensor, h: float = 1e-6) -> np.ndarray:
    """Each row by one central difference of the gradient: no second derivative of PyTorch's enters."""
    sizes = [p.numel() for p in model.parameters()]
    start = nn.utils.parameters_to_vector(model.parameters()).detach()

    def gradient(w: torch.Tensor) -> torch.Tensor:
        names = [name for name, _ in model.named_parameters()]
        parts = [p.view_as(q).requires_grad_() for p, q in zip(w.split(sizes), model.parameters(), strict=True)]
        loss = cross_entropy(functional_call(model, dict(zip(names, parts, strict=True)), (x,)), y)
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, parts)])

    rows = [(gradient(start + h * e) - gradient(start - h * e)) / (2 * h) for e in torch.eye(len(start)).double()]
    return torch.stack(rows).numpy()


@pytest.mark.parametrize("name", NETWORKS)
def test_curvature_is_that_of_differences_of_gradients(name: str) -> None:
    model, (x, y) = made(name), data()
    exact = np.linalg.eigvalsh(hessian_by_differences(model, x, y))
    found = probes.curvature(model, (x, y), probes=2, layers=False).whole
    # a difference's error is about 1e-10; Lanczos' is the square of its residual, at most 1 %, of the largest
    assert found.largest[0] == pytest.approx(exact[-1], abs=2e-4 * np.abs(exact).max())
    assert found.smallest == pytest.approx(exact[0], abs=2e-4 * np.abs(exact).max())


@pytest.mark.parametrize("name", ["SiLU", "attention", "GRU", "weight norm", "own function"])
def test_loss_sensitivity_is_what_a_small_change_of_an_input_does(name: str) -> None:
    x, y = data()
    given = {"lr": 0.3, "steps": (3,), "batch_size": 2}
    found = probes.loss_sensitivity(made(name), x, y, **given).values[0]

    def loss_after(inputs: torch.Tensor) -> float:
        model = made(name)
        optimiser = torch.optim.SGD(model.parameters(), 0.3)
        for index in _orders(len(y), 2, 0, 3):
            optimiser.zero_grad()
            cross_entropy(model(inputs[index]), y[index]).backward()
            optimiser.step()
        return float(cross_entropy(model(x), y).detach())

    total, h = 0.0, 1e-5
    for place in np.ndindex(2, 3):
        change = torch.zeros_like(x)
        change[(2, *place)] = h
        total += abs(loss_after(x + change) - loss_after(x - change)) / (2 * h)
    assert found[2] == pytest.approx(total, rel=1e-6)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_recurrent_layers_in_float32_have_the_curvature_of_float64(kind: type[nn.RNNBase]) -> None:
    torch.manual_seed(0)
    model, (x, y) = Recurrent(kind), data()
    found = probes.curvature(model, (x.float(), y), probes=2, layers=False).whole.largest[0]
    assert found == pytest.approx(
        probes.curvature(model.double(), (x, y), probes=2, layers=False).whole.largest[0], rel=1e-4
    )


class StraightThrough(nn.Module):
    """Tanh with the derivative 1."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.out = nn.Linear(3, 4), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(x.mean(1))
        return self.out(h + (h.tanh() - h).detach())


class HalfDetached(nn.Module):
    """A square of which one factor counts as a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.out = nn.Linear(3, 4), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(x.mean(1))
        return self.out(h * h.detach())


REFUSED = [
    (lambda: dense(nn.Hardsigmoid()), "no second derivative of hardsigmoid"),
    (lambda: dense(Of(lambda h: torch.cdist(h[:, None], h.new_ones(1, 4, 4))[:, 0])), "no second derivative of cdist"),
    (lambda: dense(Of(Kept.apply)), "backward pass of Kept are not those"),
    (lambda: dense(Of(Once.apply)), "backward pass of Once are not those"),
    (
        lambda: dense(Of(lambda h: torch.utils.checkpoint.checkpoint(torch.tanh, h, use_reentrant=True))),
        "use_reentrant",
    ),
    (StraightThrough, "around detach"),
    (HalfDetached, "around detach"),
]


def test_a_frozen_part_under_no_grad_leaves_the_rest_its_curvature() -> None:
    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Linear(6, 4), nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.no_grad():
                h = torch.relu(self.body(x.flatten(1)))
            return self.head(h)

    torch.manual_seed(0)
    model, (x, y) = Frozen().double(), data()
    exact = np.linalg.eigvalsh(hessian_by_differences(model.head, torch.relu(model.body(x.flatten(1))).detach(), y))
    assert probes.curvature(model, (x, y), probes=2).whole.largest[0] == pytest.approx(exact[-1], rel=1e-6)


@pytest.mark.parametrize(("factory", "words"), REFUSED)
def test_what_has_no_second_derivatives_is_named(factory, words: str) -> None:
    torch.manual_seed(0)
    model, (x, y) = factory().double(), data()
    with pytest.raises(InputError, match=words) as error:
        probes.curvature(model, (x, y), probes=2)
    assert error.value.next_step
    with pytest.raises(InputError, match=words):
        probes.loss_sensitivity(model, x, y, lr=0.1, steps=(1,), batch_size=2)
