"""Checkpoints: training goes on after a kill as if nothing had happened."""

import io
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gengap.train.execution import Execution
from gengap.train.replicas import Tensors
from gengap.train.sealed_file import read_sealed, write_sealed
from gengap.train.training import Training, Trio

# Seconds between two checkpoints: short against what a kill may cost, long against the time of writing one.
INTERVAL_S = 20.0

# Goes up when the content of a checkpoint means something else.
FORMAT = 3

_RUN_FIELDS = {"weights": dict, "snapshots": dict, "history": list, "status": str, "reason": str, "seconds": float}
_TENSORS = ("parameters", "optimizer_state", "buffers")


def identity(trios: Sequence[Trio], execution: Execution, initial: Sequence[Tensors] = ()) -> str:
    """What a checkpoint belongs to: Problems, Recipes, seeds, the resolved setting, and the weights begun with."""
    parts = [(problem.hash, recipe.hash, seed) for problem, recipe, seed in trios]
    digest = blake2b(repr((parts, asdict(execution))).encode(), digest_size=16)
    for weights in initial:
        for name, value in weights.items():
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def begun_execution(path: Path | None) -> Execution | None:
    """The setting in which a checkpoint's training has begun; None where there is no whole checkpoint."""
    if path is None or not path.exists():
        return None
    try:
        state = torch.load(io.BytesIO(read_sealed(path, FORMAT)), map_location="cpu", weights_only=True)
        return Execution(**state["execution"])
    except Exception:  # whatever a file that is not ours makes of itself; ``Saver.restore`` says what is wrong
        return None


class Saver:
    """Writes a training's state to one file now and then, and reads it back.

    The file has a format version and a checksum, is flushed to disk and renamed into place. One that does not check
    out, or belongs to another training, is set aside under the name ``….damaged``, and training starts afresh.

    Args:
        path: The file; None saves nothing.
        training: What is saved; it has just begun.
    """

    def __init__(self, path: Path | None, training: Training):
        self.path, self.training = path, training
        self._last = time.monotonic()
        self._identity = ""
        if path is not None:
            initial = [run.weights for run in training.runs]
            self._identity = identity(training.trios, training.replicas.execution, initial)

    def save(self) -> None:
        """Writes the state, unless the last write is too recent or nothing is left to train."""
        if self.path is None or not self.training.active or time.monotonic() - self._last < INTERVAL_S:
            return
        content = io.BytesIO()
        torch.save({"identity": self._identity, **_state(self.training)}, content)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_sealed(self.path, content.getbuffer(), FORMAT)
        except OSError as error:  # a full disk costs the checkpoint, not the training
            warnings.warn(f"Checkpoint {self.path} cannot be written: {error.strerror or error}.", stacklevel=2)
        self._last = time.monotonic()

    def restore(self) -> None:
        """Puts the training where the checkpoint left off, if there is one that belongs to it and is whole."""
        if self.path is None or not self.path.exists():
            return
        try:
            content = io.BytesIO(read_sealed(self.path, FORMAT))
            state = torch.load(content, map_location="cpu", weights_only=True)
            _check(state, self._identity, self.training)
        except Exception as error:  # whatever a file that is not ours makes of itself
            _set_aside(self.path, " ".join(str(error).split())[:200] or type(error).__name__)
            return
        _put_back(state, self.training)


def _set_aside(path: Path, reason: str) -> None:
    aside = path.with_name(f"{path.name}.damaged")
    where = f"it is now {aside.name}"
    try:
        os.replace(path, aside)
    except OSError as error:
        where = f"it cannot be renamed: {error.strerror}"
    warnings.warn(f"Checkpoint {path} cannot be used: {reason} ({where}); training starts afresh.", stacklevel=4)


def _state(training: Training) -> dict[str, Any]:
    replicas = training.replicas
    return {
        "epoch": training.epoch,
        "active": training.active,
        "execution": asdict(replicas.execution),
        **{name: {key: t.detach() for key, t in getattr(replicas, name).items()} for name in _TENSORS},
        "runs": [{name: getattr(run, name) for name in _RUN_FIELDS} for run in training.runs],
    }


def _put_back(state: dict[str, Any], training: Training) -> None:
    training.epoch = state["epoch"]
    training.keep(state["active"])
    for name in _TENSORS:
        own = getattr(training.replicas, name)
        with torch.no_grad():
            for key, value in state[name].items():
                own[key].copy_(value)
    for run, saved in zip(training.runs, state["runs"], strict=True):
        for name, value in saved.items():
            setattr(run, name, value)


def _check(state: Any, identity: str, training: Training) -> None:
    """Raises ValueError unless everything is there, in the form in which ``_state`` gives it for this training."""
    if not isinstance(state, dict) or state.keys() != {"identity", "epoch", "active", "execution", "runs", *_TENSORS}:
        raise ValueError("it holds something else than the state of a training")
    if state["identity"] != identity:
        raise ValueError("it belongs to another run")
    epoch, active, runs = state["epoch"], state["active"], state["runs"]
    if not isinstance(epoch, int) or not 0 <= epoch <= training.recipe.epochs:
        raise ValueError(f"epoch {epoch!r} of {training.recipe.epochs}")
    if not isinstance(active, list) or not set(active) <= set(training.active) or active != sorted(set(active)):
        raise ValueError(f"runs {active!r} of {len(training.active)} in training")
    for name in _TENSORS:
        _check_tensors(state[name], getattr(training.replicas, name), name, len(active))
    if not isinstance(runs, list) or len(runs) != len(training.runs):
        raise ValueError(f"it has not one record for each of {len(training.runs)} runs")
    for index, run in enumerate(runs):
        if {name: type(value) for name, value in run.items()} != _RUN_FIELDS:
            raise ValueError("the record of a run lacks columns, or has others")
        if index in active and len(run["history"]) != epoch:
            raise ValueError(f"a history of {len(run['history'])} epochs after {epoch}")


def _check_tensors(saved: Any, own: Tensors, name: str, count: int) -> None:
    """Shapes must be equal: a tensor of shape [R, 1] would be broadcast in silently."""
    if not isinstance(saved, dict) or saved.keys() != own.keys():
        raise ValueError(f"its {name} are those of another network")
    for key, value in saved.items():
        shape = (count, *own[key].shape[1:])
        if not isinstance(value, Tensor) or value.shape != shape or value.dtype != own[key].dtype:
            raise ValueError(f"{name} {key} has not the shape {shape} and the type {own[key].dtype}")
