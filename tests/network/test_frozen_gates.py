"""A network with frozen gates: the same as before training, linear after; and what cannot be frozen."""

import copy

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


def test_a_clamp_elsewhere_is_refused() -> None:
    class Clipped(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).clamp(0, 1)

    with pytest.raises(InputError, match="clamps at"):
        GatedNetwork(Clipped(3, 2), torch.randn(2, 3))
