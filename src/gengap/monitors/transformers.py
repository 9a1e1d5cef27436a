"""The normalised training loss as a callback of the Trainer of Hugging Face.

It needs ``pip install "gengap[transformers]"``.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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
Pair = tuple[Tensor, Tensor]


class NormalisedLossCallback(TrainerCallback):  # type: ignore[misc]
    """Measures the normalised training loss at the end of each epoch, and puts it into the Trainer's log history.

    The entry has ``normalised_train_loss``, null for networks that are not positively homogeneous in their layers, as
    transformers are not, and then ``normalised_train_loss_reason``, which a warning says before the first step too; and
    of any network what ``Record.logged`` has: median margin, norm of the weights, the gap to the evaluation data set
    where the Trainer has one. Each ``train()`` begins anew, with a history of
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
        """Forgets what belongs to an earlier training, and reads the network."""
        self._begin()
        if state.is_world_process_zero:
            with suppress(Exception):  # a monitor never ends a training; the first record will say why
                self._monitor(kwargs)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measures, and adds an entry to ``state.log_history``."""
        if not state.is_world_process_zero:
            return
        record = measured_or_reason(lambda: self._monitor(kwargs).measure())
        self.history.append(record)
        entry: dict[str, Any] = {"epoch": state.epoch, "step": state.global_step, NAME: record.normalised_loss}
        if record.reason:
            entry[f"{NAME}_reason"] = record.reason
        state.log_history.append(entry | record.logged())

    def _monitor(self, known: Mapping[str, Any]) -> NormalisedLossMonitor:
        """The monitor of what the Trainer hands to a callback."""
        if self.monitor is None:
            model = known["model"]
            name = self.inputs or str(getattr(model, "main_input_name", "x"))
            with _random_states_restored():
                if self.sample is not None:
                    logits, sample, validation = _Logits(model, name, []), self.sample, None
                else:
                    batches = [self._batch(known.get("train_dataloader"))]
                    with suppress(InputError):
                        batches.append(self._batch(known.get("eval_dataloader")))
                    logits, sample, validation = self._samples(model, name, batches)
            self.monitor = NormalisedLossMonitor(logits, sample, validation=validation, p=self.p)
        return self.monitor

    def _batch(self, loader: Any) -> Any:
        """The first examples of a data set, put together as the Trainer does."""
        dataset: Any = getattr(loader, "dataset", None)
        if isinstance(dataset, IterableDataset) or not all(hasattr(dataset, f) for f in ("__len__", "__getitem__")):
            raise InputError(
                "The training data set is a stream, which a monitor must not read from.",
                next_step="give the callback a sample=(inputs, labels)",
            )
        return loader.collate_fn([dataset[i] for i in range(min(SAMPLE, len(dataset)))])

    def _samples(self, model: nn.Module, name: str, batches: Sequence[Any]) -> tuple["_Logits", Pair, Pair | None]:
        """The network, and what it is fed of each batch: its inputs, or indices where it takes several, as text has."""
        pairs: list[Pair] = []
        packed: list[Mapping[str, Tensor]] = []
        for batch in batches:
            if not isinstance(batch, Mapping):
                pairs.append(inputs_and_labels(batch))
                continue
            x, y = inputs_and_labels(batch, name, self.labels)
            packed.append({key: v for key, v in batch.items() if isinstance(v, Tensor) and v is not y})
            pairs.append((x, y))
        if all(len(tensors) == 1 for tensors in packed):
            return _Logits(model, name, []), pairs[0], pairs[1] if len(pairs) > 1 else None
        starts = [sum(len(y) for _, y in pairs[:k]) for k in range(len(pairs))]
        pairs = [(torch.arange(len(y)) + start, y) for start, (_, y) in zip(starts, pairs, strict=True)]
        return _Logits(model, name, packed), pairs[0], pairs[1] if len(pairs) > 1 else None


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
    """A network of the Trainer's, which returns a dict, as one that returns logits.

    Where it takes several tensors, these are at hand here and its input says which of their rows: those of the first
    mapping, then those of the second, whose sequences may have another length.
    """

    def __init__(self, model: nn.Module, name: str, tensors: Sequence[Mapping[str, Tensor]]):
        super().__init__()
        self.model, self.name, self._tensors = model, name, tensors

    def forward(self, x: Tensor) -> Tensor:
        returned = self.model(**(self._rows(x) if self._tensors else {self.name: x}))
        logits: Tensor = returned["logits"] if isinstance(returned, dict) else returned[0]
        return logits

    def _rows(self, index: Tensor) -> dict[str, Tensor]:
        """The rows of one mapping; a batch is never of two."""
        first = len(next(iter(self._tensors[0].values())))
        later = int(index[0]) >= first
        rows = index.cpu() - first * later
        return {name: value[rows].to(index.device) for name, value in self._tensors[later].items()}
