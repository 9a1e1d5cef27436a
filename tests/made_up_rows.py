"""Rows that look as a randomization test's do, without training."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

STEPS_PER_EPOCH = 391
SPEED = {"none": 1.0, "shuffled-pixels": 1.6, "random-pixels": 2.4, "gaussian": 2.1}
TEST_ERROR = {"none": 0.49, "shuffled-pixels": 0.52, "random-pixels": 0.62, "gaussian": 0.895}


def cell(corruption: str, level: float, seed: int, *, status: str = "done", epochs: int = 40) -> dict[str, object]:
    """One row, with a history in which the loss falls exponentially or, where it diverged, explodes to NaN."""
    rng = np.random.default_rng([seed, round(100 * level), len(corruption)])
    noisy = level if corruption in ("labels", "random-labels") else 0.0
    slowness = (SPEED.get(corruption, 1.0) + 1.2 * noisy) * rng.uniform(0.92, 1.08)
    test_error = TEST_ERROR.get(corruption, 0.49 + 0.41 * noisy) + rng.normal(0, 0.006)
    history = []
    if status == "diverged":
        losses = [2.4, 9.0, 4e8, math.nan]
    else:
        losses = [2.3 * math.exp(-0.18 * epoch / slowness) for epoch in range(1, epochs + 1)]
    for epoch, loss in enumerate(losses if status in ("done", "diverged") else [], start=1):
        accuracy = 0.1 if math.isnan(loss) or loss > 3 else 1 - 0.9 * (loss / 2.31) ** 1.5
        history.append(
            {"epoch": epoch, "steps": epoch * STEPS_PER_EPOCH, "train_loss": loss, "train_accuracy": accuracy}
        )
    result = status == "done"
    fit = [record["epoch"] for record in history if record["train_accuracy"] >= 0.99]
    return {
        "key": f"{corruption}-{level}-{seed}", "problem": "cifar10", "problem_hash": "0a" * 16,
        "corruption": corruption, "level": level, "seed": seed,
        "model": "mlp-1x512", "parameters": 1_209_866, "recipe": '{"lr": 0.01}',
        "recipe_hash": "0b" * 16, "n_train": 50_000, "n_test": 10_000, "status": status,
        "reason": {"diverged": "training loss is NaN in epoch 4", "failed": "worker <killed> & gone"}.get(status),
        "epochs": len(history), "epochs_to_fit": fit[0] if fit else None,
        "train_loss": history[-1]["train_loss"] if history else math.nan, "test_loss": 2.0 if result else math.nan,
        "train_accuracy": history[-1]["train_accuracy"] if history else math.nan,
        "test_accuracy": 1 - test_error if result else math.nan,
        "best_test_accuracy": 1 - test_error + 0.01 if result else math.nan, "best_epoch": 9, "seconds": 41.7,
        "precision": "bfloat16", "memory_format": "contiguous", "device": "cpu", "threads": 2,
        "gengap": "0.1.0", "torch": "2.13.0", "python": "3.11.9", "commit": "0123456", "history": history,
    }  # fmt: skip


def label_rows(levels: Iterable[float], seeds: Iterable[int] = (0,), epochs: int = 40) -> pd.DataFrame:
    """Rows of a sweep over levels of label corruption."""
    pairs = [("labels" if level else "none", level, seed) for level in levels for seed in seeds]
    return pd.DataFrame([cell(*pair, epochs=epochs) for pair in pairs])


def grid_rows(seeds: Iterable[int] = (0, 1, 2)) -> pd.DataFrame:
    """Rows of a sweep over every corruption, with one cell that diverged and one that failed."""
    conditions = [
        ("none", 0.0),
        ("random-labels", 1.0),
        ("shuffled-pixels", 1.0),
        ("random-pixels", 1.0),
        ("gaussian", 1.0),
    ]
    rows = [cell(*condition, seed) for condition in conditions for seed in seeds]
    rows += [cell("labels", 0.5, 0), cell("labels", 0.5, 1, status="diverged"), cell("labels", 0.5, 2, status="failed")]
    return pd.DataFrame(rows)


def rows_by_hand() -> pd.DataFrame:
    """Two seeds: true labels fitted in 10 and 20 epochs, random ones in 30 and 60, 1,000 examples, 8 classes."""
    rows = label_rows([0.0, 1.0], (0, 1))
    rows["n_train"], rows["parameters"] = 1000, 3000
    rows["epochs_to_fit"] = [10, 20, 30, 60]
    rows["train_accuracy"] = [1.0, 1.0, 1.0, 1.0]
    rows["test_accuracy"] = [0.75, 0.25, 0.125, 0.125]
    return rows
