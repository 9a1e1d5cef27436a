"""The Lightning callback, in Lightning."""

import math

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

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

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def _fit(module: Module, callback: NormalisedLossCallback) -> "lightning.Trainer":
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, callbacks=[callback],
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader(TensorDataset(X, Y), batch_size=32))
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


def test_a_network_without_one_trains_on() -> None:
    callback = NormalisedLossCallback()
    assert "normalised_train_loss" not in _fit(Module(nn.Tanh()), callback).callback_metrics
    assert [record.normalised_loss for record in callback.history] == [None, None]
    assert "Tanh" in callback.history[0].reason
