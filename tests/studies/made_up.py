"""Rows as a study's measuring gives them, without training."""

import math
from dataclasses import asdict
from typing import Any


def trained_row(config: Any, *, status: str = "done", epochs: int = 12) -> dict[str, Any]:
    """A row in which the loss halves each epoch; one that failed has no history."""
    history = [
        {
            "epoch": epoch,
            "steps": 10 * epoch,
            "train_loss": 2.3 * 0.5**epoch,
            "train_accuracy": 1 - 0.5**epoch,
            "test_accuracy": 0.5 + 0.01 * (epoch % 5),
            "train_top_5_accuracy": 1 - 0.1**epoch,
            "test_top_5_accuracy": 0.7 + 0.01 * (epoch % 5),
        }
        for epoch in range(1, epochs + 1)
    ]
    if status == "diverged":
        history[-1] |= {"train_loss": math.nan}
    if status == "failed":
        history = []
    done = status == "done"
    return {
        "status": status,
        "reason": None if done else f"made up to be {status}",
        "problem": "cifar10",
        "n_classes": 10,
        "epochs_to_fit": 7 if done else None,
        "train_accuracy": 1.0 if done else None,
        "test_accuracy": 0.5 if done else None,
        "best_test_accuracy": 0.54 if done else None,
        "history": history,
    } | asdict(config)
