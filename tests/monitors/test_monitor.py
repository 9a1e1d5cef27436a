"""The monitor in a loop of one's own."""

import math

import pytest
import torch
from torch import nn

from gengap import models
from gengap.errors import InputError
from gengap.measures import normalised_loss, product_norm
from gengap.monitors import NormalisedLossMonitor

X, Y = torch.randn(64, 1, 12, 12, generator=torch.Generator().manual_seed(0)), torch.arange(64) % 4


def _network(name: str = "convnet-3") -> nn.Module:
    torch.manual_seed(1)
    return models.build(name, (1, 12, 12), 4)


def _step(network: nn.Module) -> torch.Tensor:
    logits = network(X)
    nn.functional.cross_entropy(logits, Y).backward()
    return logits


def test_logits_of_each_step_give_what_the_function_gives() -> None:
    network = _network()
    monitor, optimiser = NormalisedLossMonitor(network), torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        record = monitor.from_logits(_step(network), Y)
        assert record.normalised_loss == pytest.approx(normalised_loss(network, (X, Y)), rel=1e-9)
        assert record.log_product_norm == pytest.approx(math.log(product_norm(network)), rel=1e-9)
        optimiser.step()
    assert len(monitor.history) == 3
    assert len({record.normalised_loss for record in monitor.history}) == 3


def test_a_sample_suits_batch_norm_and_leaves_training_as_it_was() -> None:
    network = _network("convnet-5").train()
    monitor = NormalisedLossMonitor(network, sample=(X, Y), p=1)
    frozen = next(module for module in network.modules() if hasattr(module, "running_mean")).eval()
    for _ in range(2):
        _step(network)  # moves the running statistics
        before = {name: value.clone() for name, value in network.state_dict().items()}
        random = torch.get_rng_state()
        record = monitor.measure()
        assert record.normalised_loss == pytest.approx(normalised_loss(network, (X, Y), 1), rel=1e-6)
        assert network.training
        assert not frozen.training
        assert torch.equal(random, torch.get_rng_state())
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_logits_in_training_mode_are_refused_where_they_are_not_the_networks() -> None:
    network = _network("convnet-5").train()
    with pytest.raises(InputError, match="CentredNorm"):
        NormalisedLossMonitor(network).from_logits(network(X), Y)
    assert NormalisedLossMonitor(network.eval()).from_logits(network(X), Y).normalised_loss is not None


def test_a_network_without_a_normalised_loss_trains_on_with_the_reason() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(144, 8), nn.GELU(), nn.Linear(8, 4))
    monitor = NormalisedLossMonitor(network, sample=(X, Y))
    record = monitor.measure()
    assert record.normalised_loss is None
    assert "GELU" in record.reason
    assert record.loss == pytest.approx(float(nn.functional.cross_entropy(network(X), Y)), rel=1e-6)
    assert monitor.from_logits(network(X), Y).reason == record.reason


def test_wrapped_networks() -> None:
    network = _network()
    assert (
        NormalisedLossMonitor(nn.DataParallel(network), (X, Y)).measure()
        == NormalisedLossMonitor(network, (X, Y)).measure()
    )


def test_bad_input() -> None:
    with pytest.raises(InputError, match=r"no L0\.5 norm"):
        NormalisedLossMonitor(_network(), p=0.5)
    with pytest.raises(InputError, match="no sample"):
        NormalisedLossMonitor(_network()).measure()
