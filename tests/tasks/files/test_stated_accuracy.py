"""What checkpoints of common trainers state of their network's accuracy."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from gengap.tasks.files import stated_accuracy

STATE = {"first.weight": torch.ones(2, 3), "accuracy.total": torch.tensor(7.0)}
MONITOR = {"monitor": "val_acc", "best_model_score": torch.tensor(0.9), "current_score": torch.tensor(0.875)}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"net": STATE, "acc": 93.02, "epoch": 4}, (0.9302, "acc")),
        ({"state_dict": STATE, "best_acc1": torch.tensor(76.13)}, (0.7613, "best_acc1")),
        ({"model": STATE, "metrics": {"loss": 0.4, "val/accuracy": 0.5}}, (0.5, "metrics.val/accuracy")),
        ({"model": STATE, "train_acc": 1.0, "best_acc": 0.75, "valid_acc": 0.5}, (0.5, "valid_acc")),
        ({"model": STATE, "val_acc": 0.75, "test_acc": 0.5}, (0.5, "test_acc")),
        ({"state_dict": STATE, "callbacks": {"ModelCheckpoint{'monitor': 'val_acc'}": MONITOR}}, (0.875, "val_acc")),
        ({"model": STATE, "results": {"acc": torch.tensor(0.5), "loss": torch.tensor(2.0)}}, (0.5, "results.acc")),
        ({"model": STATE, "acc": 0, "accumulate": 4, "train_accuracy": 0.9}, None),
        ({"model": STATE, "args": {"acc": 1}, "acc": [0.1, 0.2], "acc1": 940.0, "acc@1": float("nan")}, None),
        ({"model": STATE, "acc": True, "optimizer": {"acc": 0.5}}, None),
        (STATE, None),
    ],
)
def test_of_a_checkpoint(document: dict[str, Any], expected: tuple[float, str] | None, tmp_path: Path) -> None:
    torch.save(document, tmp_path / "last.ckpt")
    stated = stated_accuracy(tmp_path / "last.ckpt")
    assert (stated and (pytest.approx(stated.value), stated.place)) == expected


def test_of_a_folder_of_hugging_faces_trainer(tmp_path: Path) -> None:
    assert stated_accuracy(tmp_path) is None
    history = [{"eval_accuracy": 0.5, "step": 1}, {"eval_accuracy": 0.75, "step": 2}, {"loss": 0.1, "step": 3}]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": history}))
    assert stated_accuracy(tmp_path) == (0.75, "eval_accuracy")


@pytest.mark.parametrize("source", [None, "mlp-1x512", "mynet:make"])
def test_a_network_without_a_checkpoint_states_none(source: str | None) -> None:
    assert stated_accuracy(source) is None
