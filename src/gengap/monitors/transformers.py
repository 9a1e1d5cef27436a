"""The normalised training loss as a callback of Hugging Face's Trainer; needs ``pip install gengap[transformers]``."""

from typing import Any

from torch import Tensor, nn
from transformers import TrainerCallback

from gengap.monitors.normalised_loss import SAMPLE, NormalisedLossMonitor, Record

NAME = "normalised_train_loss"


class NormalisedLossCallback(TrainerCallback):  # type: ignore[misc]
    """Measures the normalised training loss at the end of each epoch, and puts it into the Trainer's log history.

    The sample is the first 2,048 examples of the training data set, put together as the Trainer does. The entry has
    ``normalised_train_loss``, null for networks that are not positively homogeneous in their layers, as transformers
    are not, and then ``normalised_train_loss_reason``.

    Args:
        p: Norm of the layers, at least 1; 2 is the Frobenius norm.
        inputs: Name of the batches' entry that the network takes; None takes the model's ``main_input_name``.
        labels: Name of the entry with the class indices.
    """

    def __init__(self, p: float = 2, *, inputs: str | None = None, labels: str = "labels"):
        self.p, self.inputs, self.labels = p, inputs, labels
        self.monitor: NormalisedLossMonitor | None = None

    @property
    def history(self) -> list[Record]:
        """A record for each epoch."""
        return [] if self.monitor is None else self.monitor.history

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measures, and notes it in ``state.log_history``."""
        if not state.is_world_process_zero:
            return
        if self.monitor is None:
            self.monitor = self._begin(kwargs["model"], kwargs["train_dataloader"])
        record = self.monitor.measure()
        entry: dict[str, Any] = {"epoch": state.epoch, "step": state.global_step, NAME: record.normalised_loss}
        if record.reason:
            entry[f"{NAME}_reason"] = record.reason
        else:
            entry["log_product_norm"] = record.log_product_norm
        state.log_history.append(entry)

    def _begin(self, model: nn.Module, loader: Any) -> NormalisedLossMonitor:
        name = self.inputs or str(getattr(model, "main_input_name", "x"))
        batch = loader.collate_fn([loader.dataset[i] for i in range(min(SAMPLE, len(loader.dataset)))])
        return NormalisedLossMonitor(_Logits(model, name), (batch[name], batch[self.labels]), p=self.p)


class _Logits(nn.Module):
    """A network of the Trainer's, which returns a dict, as one that returns logits."""

    def __init__(self, model: nn.Module, name: str):
        super().__init__()
        self.model, self.name = model, name

    def forward(self, x: Tensor) -> Tensor:
        returned = self.model(**{self.name: x})
        logits: Tensor = returned["logits"] if isinstance(returned, dict) else returned[0]
        return logits
