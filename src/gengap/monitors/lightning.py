"""The normalised training loss as a Lightning callback; needs ``pip install gengap[lightning]``."""

from typing import Any

import lightning
import torch
from torch import Tensor

from gengap.monitors.normalised_loss import SAMPLE, NormalisedLossMonitor, Record

NAME = "normalised_train_loss"


class NormalisedLossCallback(lightning.Callback):  # type: ignore[misc]
    """Measures the normalised training loss at the end of each training epoch, and logs it.

    What is logged: ``normalised_train_loss`` and ``log_product_norm``, unless the network has none; ``history`` has
    a record for each epoch either way, with the reason where there is no value. The module is called as it is on
    inputs and must return logits.

    Args:
        sample: Inputs and labels; None takes the first 2,048 examples of the first epoch's batches, which must be pairs
            of inputs and labels.
        p: Norm of the layers, at least 1; 2 is the Frobenius norm.
    """

    def __init__(self, sample: tuple[Tensor, Tensor] | None = None, p: float = 2):
        self.sample, self.p = sample, p
        self.monitor: NormalisedLossMonitor | None = None
        self._seen: list[tuple[Tensor, Tensor]] = []

    @property
    def history(self) -> list[Record]:
        """A record for each epoch."""
        return [] if self.monitor is None else self.monitor.history

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: tuple[Tensor, Tensor], batch_idx: int
    ) -> None:
        """Collects the sample, in the first epoch."""
        if self.sample is None and self.monitor is None and sum(len(y) for _, y in self._seen) < SAMPLE:
            x, y = batch
            self._seen.append((x.detach().cpu(), y.detach().cpu()))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Measures and logs."""
        if self.monitor is None:
            x, y = self.sample or (torch.cat(parts)[:SAMPLE] for parts in zip(*self._seen, strict=True))
            self._seen = []
            self.monitor = NormalisedLossMonitor(pl_module, (x, y), p=self.p)
        record = self.monitor.measure()
        if record.normalised_loss is not None and record.log_product_norm is not None:
            pl_module.log(NAME, record.normalised_loss)
            pl_module.log("log_product_norm", record.log_product_norm)
