"""The normalised training loss as a callback of Hugging Face's Trainer; needs ``pip install gengap[transformers]``."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import IterableDataset
from transformers import TrainerCallback

from gengap.errors import InputError
from gengap.monitors.batches import inputs_and_labels
from gengap.monitors.normalised_loss import SAMPLE, NormalisedLossMonitor, Record, check_sample, measured_or_reason

NAME = "normalised_train_loss"


class NormalisedLossCallback(TrainerCallback):  # type: ignore[misc]
    """Measures the normalised training loss at the end of each epoch, and puts it into the Trainer's log history.

    The entry has ``normalised_train_loss``, null for networks that are not positively homogeneous in their layers, as
    transformers are not, and then ``normalised_train_loss_reason``. Each ``train()`` begins anew, with a history of
    its own, whatever model the Trainer then has; nothing that data or labels are like ends it.

    Args:
        p: Norm of the layers, at least 1; 2 is the Frobenius norm.
        inputs: Name of the batches' entry that the network takes; None takes the model's ``main_input_name``.
        labels: Name of the entry with the labels; None looks for the usual names.
        sample: Inputs and labels; None takes the first 2,048 examples of the training data set, put together as the
            Trainer does. A data set that is a stream is not read from, since that would take examples from training.

    Raises:
        InputError: A sample that is no pair of tensors with as many inputs as labels.

    Attributes:
        history: A record for each epoch of the last training.
    """

    def __init__(
        self,
        p: float = 2,
        *,
        inputs: str | None = None,
        labels: str | None = None,
        sample: tuple[Tensor, Tensor] | None = None,
    ):
        self.p, self.inputs, self.labels, self.sample = p, inputs, labels, sample
        if sample is not None:
            check_sample(sample)
        self._begin()

    def _begin(self) -> None:
        self.history: list[Record] = []
        self.monitor: NormalisedLossMonitor | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Forgets what belongs to an earlier training."""
        self._begin()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measures, and adds an entry to ``state.log_history``."""
        if not state.is_world_process_zero:
            return
        record = measured_or_reason(lambda: self._monitor(kwargs["model"], kwargs.get("train_dataloader")).measure())
        self.history.append(record)
        entry: dict[str, Any] = {"epoch": state.epoch, "step": state.global_step, NAME: record.normalised_loss}
        if record.reason:
            entry[f"{NAME}_reason"] = record.reason
        else:
            entry["log_product_norm"] = record.log_product_norm
        state.log_history.append(entry)

    def _monitor(self, model: nn.Module, loader: Any) -> NormalisedLossMonitor:
        if self.monitor is None:
            name = self.inputs or str(getattr(model, "main_input_name", "x"))
            with _random_states_restored():
                sample = self.sample or self._sample(loader, name)
            self.monitor = NormalisedLossMonitor(_Logits(model, name), sample, p=self.p)
        return self.monitor

    def _sample(self, loader: Any, name: str) -> tuple[Tensor, Tensor]:
        dataset: Any = getattr(loader, "dataset", None)
        if isinstance(dataset, IterableDataset) or not all(hasattr(dataset, f) for f in ("__len__", "__getitem__")):
            raise InputError(
                "The training data set is a stream, which a monitor must not read from.",
                next_step="give the callback a sample=(inputs, labels)",
            )
        batch = loader.collate_fn([dataset[i] for i in range(min(SAMPLE, len(dataset)))])
        if not isinstance(batch, Mapping):
            return inputs_and_labels(batch)
        x, y = inputs_and_labels(batch, name, self.labels)
        others = [key for key, value in batch.items() if isinstance(value, Tensor) and not (value is x or value is y)]
        if others:
            raise InputError(
                f"The network takes {', '.join(others)} beside {name}, and is no function of {name} alone."
            )
        return x, y


@contextmanager
def _random_states_restored() -> Iterator[None]:
    """Data sets may draw at random when they are read, which must not change the training."""
    states = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


class _Logits(nn.Module):
    """A network of the Trainer's, which returns a dict, as one that returns logits."""

    def __init__(self, model: nn.Module, name: str):
        super().__init__()
        self.model, self.name = model, name

    def forward(self, x: Tensor) -> Tensor:
        returned = self.model(**{self.name: x})
        logits: Tensor = returned["logits"] if isinstance(returned, dict) else returned[0]
        return logits
