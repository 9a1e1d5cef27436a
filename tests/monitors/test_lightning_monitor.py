"""The Lightning callback, in Lightning."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from gengap.measures import normalised_loss, product_norm

lightning = pytest.importorskip("lightning", reason="the extra gengap[lightning] is not installed")
from gengap.monitors.lightning import NormalisedLossCallback  # noqa: E402

X, Y = torch.randn(80, 6, generator=torch.Generator().manual_seed(0)), torch.arange(80) % 3


class Module(lightning.LightningModule):
    def __init__(self, middle: nn.Module):
        super().__init__()
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(6, 8), middle, nn.Linear(8, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x)

    def training_step(self, batch: Any) -> torch.Tensor:
        x, y = (batch["image"], batch["target"]) if isinstance(batch, dict) else batch[:2]
        return nn.functional.cross_entropy(self(x), y if y.is_floating_point() else y.long().flatten())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def _fit(module: Module, callback: NormalisedLossCallback, data: Any = None) -> "lightning.Trainer":
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, callbacks=[callback],
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader(TensorDataset(X, Y), batch_size=32) if data is None else data)
    return trainer


@pytest.mark.parametrize("sample", [None, (X, Y)])
def test_it_logs_the_normalised_loss_of_each_epoch(sample: tuple[torch.Tensor, torch.Tensor] | None) -> None:
    callback, module = NormalisedLossCallback(sample), Module(nn.ReLU())
    logged = _fit(module, callback).callback_metrics
    assert len(callback.history) == 2
    expected = normalised_loss(module.network, (X, Y))
    assert callback.history[-1].normalised_loss == pytest.approx(expected, rel=1e-6)
    assert float(logged["normalised_train_loss"]) == pytest.approx(expected, rel=1e-6)
    assert float(logged["log_product_norm"]) == pytest.approx(math.log(product_norm(module.network)), rel=1e-5)


def test_training_is_what_it_would_be_without() -> None:
    module, plain = Module(nn.ReLU()), Module(nn.ReLU())
    _fit(module, NormalisedLossCallback())
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(plain, DataLoader(TensorDataset(X, Y), batch_size=32))
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), plain.parameters(), strict=True))


def test_validation_batches_give_the_gap_and_the_reason_comes_before_training(caplog: pytest.LogCaptureFixture) -> None:
    class Validated(Module):
        def validation_step(self, batch: Any, index: int) -> None:
            assert "no normalised loss" in caplog.text or not self.trainer.sanity_checking

        def training_step(self, batch: Any) -> torch.Tensor:
            assert caplog.text.count("no normalised loss") == 1
            return super().training_step(batch)

    callback, module = NormalisedLossCallback(), Validated(nn.Tanh())
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, callbacks=[callback],
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
    )  # fmt: skip
    loaders = [DataLoader(TensorDataset(x, y), batch_size=32) for x, y in ((X[:60], Y[:60]), (X[60:], Y[60:]))]
    trainer.fit(module, *loaders)
    last = callback.history[-1]
    losses = [
        float(nn.functional.cross_entropy(module(x).detach().double(), y))
        for x, y in ((X[:60], Y[:60]), (X[60:], Y[60:]))
    ]
    assert last.gap == pytest.approx(losses[1] - losses[0], rel=1e-5)
    assert float(trainer.callback_metrics["validation_gap"]) == pytest.approx(last.gap, rel=1e-5)


def test_a_network_without_one_trains_on() -> None:
    callback = NormalisedLossCallback()
    assert "normalised_train_loss" not in _fit(Module(nn.Tanh()), callback).callback_metrics
    assert [record.normalised_loss for record in callback.history] == [None, None]
    assert "Tanh" in callback.history[0].reason


def test_a_second_training_is_of_the_second_network() -> None:
    callback, first, second = NormalisedLossCallback(), Module(nn.ReLU()), Module(nn.LeakyReLU())
    _fit(first, callback)
    before = callback.history
    _fit(second, callback)
    assert len(before) == len(callback.history) == 2
    assert callback.history[-1].normalised_loss == pytest.approx(normalised_loss(second.network, (X, Y)), rel=1e-6)
    assert before[-1].normalised_loss == pytest.approx(normalised_loss(first.network, (X, Y)), rel=1e-6)


class Stream(IterableDataset[Any]):
    def __init__(self, form: Any):
        self.form = form

    def __iter__(self) -> Iterator[Any]:
        return (self.form(x, y) for x, y in zip(X, Y, strict=True))


FORMS = {
    "pair": lambda x, y: (x, y),
    "with an index": lambda x, y: (x, y, 3),
    "mapping": lambda x, y: {"image": x, "target": y},
    "uint8": lambda x, y: (x, y.to(torch.uint8)),
    "column": lambda x, y: (x, y[None]),
    "soft": lambda x, y: (x, nn.functional.one_hot(y, 3).float()),
}


@pytest.mark.parametrize("form", FORMS)
def test_streams_of_any_batches_are_measured(form: str) -> None:
    callback, module = NormalisedLossCallback(), Module(nn.ReLU())
    _fit(module, callback, DataLoader(Stream(FORMS[form]), batch_size=32))
    expected = normalised_loss(module.network, (X, Y))
    assert callback.history[-1].normalised_loss == pytest.approx(expected, rel=1e-6)


def test_batches_that_cannot_be_used_do_not_end_the_training() -> None:
    callback, module = NormalisedLossCallback(inputs="other"), Module(nn.ReLU())
    _fit(module, callback, DataLoader(Stream(FORMS["mapping"]), batch_size=32))
    assert [record.normalised_loss for record in callback.history] == [None, None]
    assert "'other'" in callback.history[0].reason
