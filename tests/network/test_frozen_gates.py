"""A network with frozen gates: the same as before training, linear after; and what cannot be frozen."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from gengap import models
from gengap.errors import InputError
from gengap.network.frozen_gates import GatedNetwork
from gengap.probes import path_features, path_kernel
from gengap.probes.paths import path_weights


class ByHand(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm, self.b, self.c = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), nn.Linear(12, 4)
        self.norm.running_mean.normal_()

    def forward(self, x: Tensor) -> Tensor:
        h = functional.leaky_relu(self.norm(self.a(x)), 0.1)
        h = h + self.b(h).relu_().clamp(min=0)
        return self.c(torch.abs(functional.max_pool2d(h, 2)).flatten(1))


def inputs(n: int = 6) -> Tensor:
    return torch.randn(n, 1, 6, 6, generator=torch.Generator().manual_seed(0))


def networks() -> list[nn.Module]:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1), nn.Flatten()]
    return [ByHand(), nn.Sequential(*layers, nn.Linear(27, 5), nn.LeakyReLU(0.2), nn.Linear(5, 4))]


@pytest.mark.parametrize("model", networks())
def test_before_training_it_is_the_network_in_evaluation_mode(model: nn.Module) -> None:
    gated, x = GatedNetwork(model, inputs(2)), inputs()
    assert torch.equal(gated.train()(x), copy.deepcopy(model).eval()(x))


@pytest.mark.parametrize("model", networks())
def test_after_training_outputs_are_frozen_features_times_the_new_weights(model: nn.Module) -> None:
    """Path features of the frozen copy, and path weights of the trained network, listed one by one."""
    gated, x = GatedNetwork(model.double(), inputs(2)), inputs().double()
    optimiser = torch.optim.SGD(gated.network.parameters(), lr=0.3)
    for _ in range(3):
        optimiser.zero_grad()
        functional.cross_entropy(gated.train()(x), torch.arange(6) % 4).backward()
        optimiser.step()
    outputs = gated(x).detach()
    z, w = path_features(gated.frozen, x), path_weights(gated.network, x)
    torch.testing.assert_close(z @ w.T, outputs, rtol=1e-12, atol=1e-12)
    assert float((copy.deepcopy(gated.network)(x) - outputs).abs().max()) > 1e-3  # whose gates have moved
    torch.testing.assert_close(path_kernel(gated.frozen, x), z @ z.T)


def test_batch_norms_statistics_do_not_move_and_its_scales_do() -> None:
    gated = GatedNetwork(ByHand(), inputs(2))
    statistics, scale = gated.network.norm.running_mean.clone(), gated.network.norm.weight.clone()
    optimiser = torch.optim.SGD(gated.parameters(), lr=0.3)
    gated.train()(inputs()).square().sum().backward()
    optimiser.step()
    assert torch.equal(gated.network.norm.running_mean, statistics)
    assert not torch.equal(gated.network.norm.weight, scale)
    assert torch.equal(gated.frozen.norm.weight, scale)


@pytest.mark.parametrize("name", ["mlp-3x512", "convnet-3", "inception-small"])
def test_the_papers_networks_can_be_frozen(name: str) -> None:
    model = models.build(name, (3, 28, 28), 10).eval()
    x = torch.randn(2, 3, 28, 28)
    assert torch.equal(GatedNetwork(model, x)(x), model(x))


@pytest.mark.parametrize("layer", [nn.Sigmoid(), nn.GELU(), nn.LayerNorm(4), nn.Softmax(1)])
def test_a_network_that_is_not_affine_with_its_gates_frozen_is_refused(layer: nn.Module) -> None:
    with pytest.raises(InputError, match="not affine"):
        GatedNetwork(nn.Sequential(nn.Linear(3, 4), layer, nn.Linear(4, 2)), torch.randn(2, 3))


def test_a_refusal_names_the_layer() -> None:
    with pytest.raises(InputError, match=r"not affine in its input: 1 \(GELU\)"):
        GatedNetwork(nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Linear(4, 2)), torch.randn(2, 3))
    with pytest.raises(InputError, match="computes PReLU"):
        GatedNetwork(nn.Sequential(nn.Linear(3, 4), nn.PReLU(), nn.Linear(4, 2)), torch.randn(2, 3))


@pytest.mark.parametrize("size", [2, (2, 3), (None, 2)])
def test_adaptive_maxima_are_taken_where_the_frozen_copy_has_them(size) -> None:
    torch.manual_seed(0)
    pool = nn.AdaptiveMaxPool2d(size)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), pool, nn.Flatten(), nn.LazyLinear(4)).double()
    x = inputs().double()
    model(x)
    gated = GatedNetwork(model, x[:2])
    assert torch.equal(gated(x), model(x))
    with torch.no_grad():
        gated.network[0].weight.copy_(torch.randn(3, 1, 3, 3))
        before, after = model[0](x), gated.network[0](x)
        places = functional.adaptive_max_pool2d(before, pool.output_size, return_indices=True)[1]
        moved = after.flatten(2).gather(2, places.flatten(2))
        torch.testing.assert_close(gated(x), model[3](moved.flatten(1)))


def test_a_clamp_elsewhere_is_refused() -> None:
    class Clipped(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).clamp(0, 1)

    with pytest.raises(InputError, match="clamps at"):
        GatedNetwork(Clipped(3, 2), torch.randn(2, 3))


def in_place_function(h: Tensor) -> Tensor:
    torch.relu_(h)
    return h


def in_place_method_on_a_view(h: Tensor) -> Tensor:
    h[:, :2].relu_()
    return h


def in_place_clamp(h: Tensor) -> Tensor:
    h.clamp_(min=0)
    return h


def in_place_absolute_values(h: Tensor) -> Tensor:
    h.abs_()
    return h


def in_place_leaky(h: Tensor) -> Tensor:
    functional.leaky_relu(h, 0.2, inplace=True)
    return h


def in_place_and_read_again(h: Tensor) -> Tensor:
    return functional.relu(h, inplace=True) + h


def clamp_by_keywords(h: Tensor) -> Tensor:
    return torch.clamp(input=h, min=0)


def clamp_at_a_tensor(h: Tensor) -> Tensor:
    return torch.clip(h, torch.tensor(0.0))


def relu_by_keyword(h: Tensor) -> Tensor:
    return functional.relu(input=h)


class Between(nn.Module):
    """A function between two linear layers."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.function = nn.Linear(4, 5), nn.Linear(5, 3), function

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.function(self.a(x)))


@pytest.mark.parametrize(
    "function",
    [
        *(in_place_function, in_place_method_on_a_view, in_place_clamp, in_place_absolute_values, in_place_leaky),
        *(in_place_and_read_again, clamp_by_keywords, clamp_at_a_tensor, relu_by_keyword),
    ],
)
def test_gates_count_however_they_are_called(function: Callable[[Tensor], Tensor]) -> None:
    """Before a step the network itself; after it, frozen features times the new weights, listed one by one."""
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    model = Between(function).double()
    gated = GatedNetwork(model, x)
    torch.testing.assert_close(gated(x), copy.deepcopy(model)(x))
    functional.cross_entropy(gated(x), torch.arange(6) % 3).backward()
    with torch.no_grad():
        for parameter in gated.network.parameters():
            parameter -= parameter.grad
    a, b = gated.network.a, gated.network.b
    with torch.no_grad():
        before = gated.frozen.a(x)
        gate = function(before.clone()) / before
        torch.testing.assert_close(gated(x), b(a(x) * gate))


@pytest.mark.parametrize(
    "function",
    [
        *(lambda h: h.clamp(max=0), lambda h: torch.clamp(h, None, 0), lambda h: torch.clamp(h, max=1e6)),
        *(nn.Hardtanh(-1e3, 1e3), nn.ReLU6(), nn.Hardtanh(0, 6, inplace=True), lambda h: torch.clip(h, 0, 1e9)),
    ],
)
def test_a_clamp_that_is_no_gate_is_refused(function: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(InputError, match="clamps at"):
        GatedNetwork(Between(function), torch.randn(2, 4))


@pytest.mark.parametrize("limit", [1e2, 1e5, 1e8])
def test_a_limit_that_the_examples_stay_clear_of_is_found(limit: float) -> None:
    with pytest.raises(InputError, match="not affine"):
        GatedNetwork(Between(lambda h: torch.minimum(h, torch.full_like(h, limit))), torch.randn(2, 4))


def test_a_network_that_gating_changes_is_refused() -> None:
    def noisy(h: Tensor) -> Tensor:
        return torch.relu(functional.dropout(h, 0.5))

    with pytest.raises(InputError, match="gates of relu taken out"):
        GatedNetwork(Between(noisy), torch.randn(2, 4))
    with pytest.raises(InputError, match="'abs' with out="):
        GatedNetwork(Between(lambda h: torch.abs(h, out=torch.empty_like(h))), torch.randn(2, 4))


def test_a_pass_that_takes_another_way_is_refused() -> None:
    some, none = (Between(lambda h, s=s: torch.relu(h) if s * float(h.sum().detach()) > 0 else h) for s in (1, -1))
    for model in (some, none):
        with pytest.raises(InputError, match="calls other operations"):
            GatedNetwork(model, torch.randn(2, 4))
