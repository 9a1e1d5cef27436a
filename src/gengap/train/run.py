"""Run: what a Recipe made of a Problem."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from gengap import models
from gengap.train.execution import Execution
from gengap.train.recipe import Recipe

# The columns of a row that come from the run itself, beside its history.
OUTCOME = (
    *("status", "reason", "epochs", "epochs_to_fit", "train_loss", "test_loss", "train_accuracy", "test_accuracy"),
    *("best_test_accuracy", "best_epoch", "seconds", "precision", "memory_format", "device", "replicas"),
)

# Zhang et al. call a training set fitted when its accuracy reaches this (their Table 1 counts 99.34 % as fitted).
FITTED = 0.99


@dataclass
class Run:
    """A trained network with its history.

    Attributes:
        recipe, seed: With the Problem, what the run is a function of.
        execution: How it was computed.
        input_shape, n_classes: Of the Problem.
        weights: Final state dict, on the CPU.
        snapshots: State dicts by epoch, for the epochs the recipe asks for and the one whose training loss is nearest
            to its ``snapshot_loss``; 0 is the initialisation.
        history: One record an epoch; see ``docs/design.md``.
        status: ``"done"`` or ``"diverged"``.
        reason: Why it diverged; or that scores, and so losses and accuracies, depend on the batches of evaluation.
        seconds: Training time, interruptions left out.
        replicas: That each step passed through the replicas one after the other, and why; empty elsewhere.
        vocabulary: Of the Problem.
    """

    recipe: Recipe
    seed: int
    execution: Execution
    input_shape: tuple[int, ...]
    n_classes: int
    weights: dict[str, Tensor]
    snapshots: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    status: str = "done"
    reason: str = ""
    seconds: float = 0.0
    replicas: str = ""
    vocabulary: int | None = None

    def model(self, epoch: int | None = None) -> nn.Module:
        """The network with its final weights, or those of a snapshot, in evaluation mode."""
        recipe = self.recipe
        module = models.build(
            recipe.model, self.input_shape, self.n_classes, dropout=recipe.dropout, vocabulary=self.vocabulary
        )
        module.load_state_dict(self.weights if epoch is None else self.snapshots[epoch])
        return module.eval()

    @property
    def nearest_epoch(self) -> int | None:
        """The first epoch whose measured training loss is nearest to the recipe's ``snapshot_loss``."""
        target = self.recipe.snapshot_loss
        measured = [r for r in self.history if r["train_loss"] is not None]
        if target is None or not measured:
            return None
        return int(min(measured, key=lambda r: abs(r["train_loss"] - target))["epoch"])

    @property
    def wanted_epochs(self) -> set[int | None]:
        """Epochs whose snapshots are wanted, as far as is known by now."""
        return {*self.recipe.snapshots, self.nearest_epoch}

    def keep_snapshot(self, epoch: int) -> None:
        """Keeps ``weights`` as those of an epoch, and lets go a snapshot that is no longer the nearest."""
        wanted = self.wanted_epochs
        self.snapshots = {e: kept for e, kept in self.snapshots.items() if e in wanted} | {epoch: self.weights}

    @property
    def epochs_to_fit(self) -> int | None:
        """The first epoch at whose end training accuracy is at least 0.99, else None."""
        fitted = (r["epoch"] for r in self.history if (r["train_accuracy"] or 0.0) >= FITTED)
        return next(fitted, None)

    def outcome(self) -> dict[str, Any]:
        """The columns of a row that come from the run itself."""
        measured = [r for r in self.history if r["test_accuracy"] is not None]
        best = max(measured, key=lambda r: r["test_accuracy"], default=None)
        final = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
        return {
            "status": self.status,
            "reason": self.reason,
            "epochs": len(self.history),
            "epochs_to_fit": self.epochs_to_fit,
            **{name: self.history[-1][name] if self.history else None for name in final},
            "best_test_accuracy": best and best["test_accuracy"],
            "best_epoch": best and best["epoch"],
            "seconds": self.seconds,
            "precision": self.execution.precision,
            "memory_format": self.execution.memory_format,
            "device": self.execution.device,
            "replicas": self.replicas,
            "history": self.history,
        }
