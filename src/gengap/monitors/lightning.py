"""The normalised training loss as a Lightning callback; needs ``pip install gengap[lightning]``."""

from typing import Any

import lightning
import torch
from torch import Tensor

from gengap.errors import InputError
from gengap.monitors.batches import inputs_and_labels
from gengap.monitors.normalised_loss import SAMPLE, NormalisedLossMonitor, Record, check_sample, measured_or_reason

NAME = "normalised_train_loss"


class NormalisedLossCallback(lightning.Callback):  # type: ignore[misc]
    """Measures the normalised training loss at the end of each training epoch, and logs it.

    What is logged: ``normalised_train_loss`` and ``log_product_norm``, unless the network has none; ``history`` has
    a record for each epoch either way, with the reason where there is no value. The module is called as it is on
    inputs and must return logits. Each ``fit`` begins anew, with a history of its own; nothing that batches or labels
    are like ends it.

    Args:
        sample: Inputs and labels; None takes the first 2,048 examples of the first epoch's batches: of tuples the first
            two parts, of mappings those of the usual names.
        p: Norm of the layers, at least 1; 2 is the Frobenius norm.
        inputs: Name of the inputs in batches that are mappings; None looks for the usual names.
        labels: Name of the labels likewise.

    Raises:
        InputError: A sample that is no pair of tensors with as many inputs as labels.

    Attributes:
        history: A record for each epoch of the last training.
    """

    def __init__(
        self,
        sample: tuple[Tensor, Tensor] | None = None,
        p: float = 2,
        *,
        inputs: str | None = None,
        labels: str | None = None,
    ):
        self.sample, self.p, self.inputs, self.labels = sample, p, inputs, labels
        if sample is not None:
            check_sample(sample)
        self._begin()

    def _begin(self) -> None:
        self.history: list[Record] = []
        self.monitor: NormalisedLossMonitor | None = None
        self._seen: list[tuple[Tensor, Tensor]] = []
        self._unread = ""

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Forgets what belongs to an earlier training."""
        self._begin()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Collects the sample, in the first epoch."""
        if self.sample is not None or self.history or sum(len(y) for _, y in self._seen) >= SAMPLE:
            return
        try:
            x, y = inputs_and_labels(batch, self.inputs, self.labels)
            self._seen.append((x.detach().cpu(), y.detach().cpu()))
        except InputError as error:
            self._unread = error.what

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Measures and logs."""
        record = measured_or_reason(lambda: self._monitor(pl_module).measure())
        self.history.append(record)
        if record.normalised_loss is not None and record.log_product_norm is not None:
            pl_module.log(NAME, record.normalised_loss)
            pl_module.log("log_product_norm", record.log_product_norm)

    def _monitor(self, module: Any) -> NormalisedLossMonitor:
        if self.monitor is None:
            if self.sample is None and not self._seen:
                raise InputError(self._unread or "No batch of the first epoch has been seen.")
            x, y = self.sample or (torch.cat(parts)[:SAMPLE] for parts in zip(*self._seen, strict=True))
            self.monitor = NormalisedLossMonitor(module, (x, y), p=self.p)
            self._seen = []
        return self.monitor
