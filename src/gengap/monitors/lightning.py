"""The normalised training loss as a Lightning callback; needs ``pip install "gengap[lightning]"``."""

from typing import Any

import lightning
import torch
from torch import Tensor

from gengap.errors import InputError
from gengap.monitors.batches import inputs_and_labels
from gengap.monitors.normalised_loss import SAMPLE, NormalisedLossMonitor, Record, check_sample, measured_or_reason


class NormalisedLossCallback(lightning.Callback):  # type: ignore[misc]
    """Measures the normalised training loss at the end of each training epoch, and logs it.

    What is logged: ``normalised_train_loss`` and ``log_product_norm``, unless the network has none, which a warning
    says before the first step; and of any network ``Record.logged``: median margin, norm of the weights, the gap to
    the validation batches where there are any. ``history`` has a record for each epoch. The module is called as it is
    on inputs and must return logits. Each ``fit`` begins anew, with a history of its own; nothing that batches or
    labels are like ends it.

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
        self._seen: dict[str, list[tuple[Tensor, Tensor]]] = {"train": [], "validation": []}
        self._unread = ""

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Forgets what belongs to an earlier training."""
        self._begin()

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Reads the network before the first step, which says whether it has a normalised loss."""
        if self.monitor is not None or self.history or self._unread:
            return
        try:
            first = self.sample or inputs_and_labels(batch, self.inputs, self.labels)
            self.monitor = NormalisedLossMonitor(pl_module, first, p=self.p)
        except Exception as error:  # a monitor never ends a training; the first record will say why
            self._unread = str(error).strip().partition(chr(10))[0]

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Collects the sample, in the first epoch."""
        if self.sample is None and not self.history:
            self._collect("train", batch)

    def on_validation_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Collects the validation sample, from the first batches there are."""
        if dataloader_idx == 0:
            self._collect("validation", batch)

    def _collect(self, part: str, batch: Any) -> None:
        if sum(len(y) for _, y in self._seen[part]) >= SAMPLE:
            return
        try:
            x, y = inputs_and_labels(batch, self.inputs, self.labels)
            self._seen[part].append((x.detach().cpu(), y.detach().cpu()))
        except InputError as error:
            self._unread = error.what

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Measures and logs."""
        record = measured_or_reason(lambda: self._ready(pl_module).measure())
        self.history.append(record)
        for name, value in record.logged().items():
            pl_module.log(name, value)

    def _ready(self, module: Any) -> NormalisedLossMonitor:
        """The monitor with its samples."""
        if self.sample is None and not self._seen["train"]:
            raise InputError(self._unread or "No batch of the first epoch has been seen.")
        sample = self.sample or _first(self._seen["train"])
        if self.monitor is None:
            self.monitor = NormalisedLossMonitor(module, sample, p=self.p)
        self.monitor.sample = sample
        if self.monitor.validation is None and self._seen["validation"]:
            self.monitor.validation = _first(self._seen["validation"])
        return self.monitor


def _first(pairs: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    x, y = (torch.cat(parts)[:SAMPLE] for parts in zip(*pairs, strict=True))
    return x, y
