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
    assert record.loss == pytest.approx(float(nn.functional.cross_entropy(network(X), Y).detach()), rel=1e-6)
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
    record = NormalisedLossMonitor(_network()).measure()  # which ends no training
    assert (record.normalised_loss, record.loss) == (None, None)
    assert "no sample" in record.reason


class _Dropping(nn.Module):
    """Dropout by a function, in a forward pass that torch.fx can trace or not."""

    def __init__(self, traceable: bool) -> None:
        super().__init__()
        self.inner, self.traceable = _network(), traceable

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.traceable and bool(x.sum() > 1e9):
            raise ValueError
        return nn.functional.dropout(self.inner(x), 0.5, self.training)


@pytest.mark.parametrize("network", [_Dropping(True), _Dropping(False), nn.Sequential(_network(), nn.RReLU())])
def test_logits_that_a_draw_has_changed_are_refused(network: nn.Module) -> None:
    monitor = NormalisedLossMonitor(network, sample=(X, Y))
    with pytest.raises(InputError, match="Logits in training mode depend on"):
        monitor.from_logits(network(X), Y)
    assert monitor.measure().normalised_loss == pytest.approx(normalised_loss(network, (X, Y)), rel=1e-6)


def test_training_goes_on_where_a_step_has_no_value() -> None:
    network = _network()
    last = network[-1]
    with torch.no_grad():
        last.weight.zero_()
    monitor = NormalisedLossMonitor(network, sample=(X, Y))
    record = monitor.measure()
    assert (record.normalised_loss, record.log_product_norm) == (None, None)
    assert record.loss == pytest.approx(math.log(4))
    assert "is zero" in record.reason
    for value, told in ((1.0, ""), (math.nan, "weights are NaN"), (math.inf, "weights are NaN"), (1.0, "")):
        with torch.no_grad():
            last.weight.fill_(value)
        record = monitor.measure()
        assert (record.normalised_loss is None) == bool(told)
        assert record.reason.startswith(told)
    assert monitor.from_logits(torch.full((64, 4), math.nan), Y).reason == "logits are NaN or infinite"
    assert len(monitor.history) == 6


class _Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = _network()

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.inner(x), "inputs": x}


def test_logits_are_chosen_from_what_a_network_returns() -> None:
    record = NormalisedLossMonitor(_Named(), sample=(X, Y), output="logits").measure()
    assert record.normalised_loss == pytest.approx(normalised_loss(_network(), (X, Y)), rel=1e-9)
    with pytest.raises(InputError, match="returns dict of 'logits'"):
        NormalisedLossMonitor(_Named(), sample=(X, Y))


@pytest.mark.parametrize("finite", [True, False])
def test_what_any_network_has_is_followed(finite: bool) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(144, 8), nn.GELU(), nn.Linear(8, 4))
    start = [p.detach().clone() for p in network.parameters()]
    monitor = NormalisedLossMonitor(network, (X[:40], Y[:40]), validation=(X[40:], Y[40:]))
    with torch.no_grad():
        network[1].weight += 0.01 if finite else float("nan")
    record = monitor.measure()
    if not finite:
        assert (record.margins, record.accuracy, record.validation_accuracy, record.gap) == (None, None, None, None)
        return
    logits = network(X[:40]).detach().double()
    margins = sorted(
        (row[y] - max(row[j] for j in range(4) if j != y)).item() for row, y in zip(logits, Y[:40], strict=True)
    )
    low, high = margins[19], margins[20]
    assert record.margins["50 %"] == pytest.approx((low + high) / 2, rel=1e-6)
    spread = sum(((logits[:, k] - logits[:, k].mean()) ** 2).mean() for k in range(4)) ** 0.5
    assert record.scaled_margins["50 %"] == pytest.approx((low + high) / 2 / spread.item(), rel=1e-6)
    assert record.accuracy == sum(margin > 0 for margin in margins) / 40
    moved = sum(((p.detach() - s).double() ** 2).sum() for p, s in zip(network.parameters(), start, strict=True))
    assert record.distance == pytest.approx(moved.item() ** 0.5, rel=1e-6)
    assert record.weight_norm == pytest.approx(
        sum((p.detach().double() ** 2).sum() for p in network.parameters()).item() ** 0.5, rel=1e-6
    )
    other = float(nn.functional.cross_entropy(network(X[40:]).detach().double(), Y[40:]))
    assert record.gap == pytest.approx(other - record.loss, rel=1e-6)
    assert record.logged().keys() == {
        "train_accuracy_of_sample", "median_margin", "median_scaled_margin", "weight_norm", "distance_from_start",
        "validation_gap",
    }  # fmt: skip


def test_larger_logits_have_the_same_scaled_margins() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(144, 4))
    monitor = NormalisedLossMonitor(network, (X, Y))
    before = monitor.measure()
    with torch.no_grad():
        network[1].weight *= 3
        network[1].bias *= 3
    after = monitor.measure()
    assert after.margins["25 %"] == pytest.approx(3 * before.margins["25 %"], rel=1e-5)
    assert after.scaled_margins["25 %"] == pytest.approx(before.scaled_margins["25 %"], rel=1e-5)


def test_a_network_without_a_normalised_loss_says_so_once_before_training(caplog: pytest.LogCaptureFixture) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(144, 8), nn.GELU(), nn.Linear(8, 4))
    monitor = NormalisedLossMonitor(network, (X, Y))
    assert len(caplog.records) == 1
    assert "GELU" in caplog.text
    monitor.measure(), monitor.measure()
    assert len(caplog.records) == 1
    NormalisedLossMonitor(_network(), (X, Y)).measure()
    assert len(caplog.records) == 1
