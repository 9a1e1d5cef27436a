"""Checkpoints: training goes on after a kill as if nothing had happened."""

import hashlib
import os
import pickle
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from gengap.train.execution import Execution
from gengap.train.training import Training, Trio

# Seconds between two checkpoints: short against what a kill may cost, long against the time of writing one.
INTERVAL_S = 20.0


def identity(trios: Sequence[Trio], execution: Execution) -> str:
    """What a checkpoint belongs to: Problems, Recipes, seeds and the resolved setting."""
    parts = [(problem.hash, recipe.hash, seed) for problem, recipe, seed in trios]
    return hashlib.blake2b(repr((parts, asdict(execution))).encode(), digest_size=16).hexdigest()


class Saver:
    """Writes a training's state to one file now and then, by atomic rename, and reads it back.

    Args:
        path: The file; None saves nothing.
        identity: A checkpoint with another identity is not continued from.
    """

    def __init__(self, path: Path | None, identity: str):
        self.path, self.identity = path, identity
        self._last = time.monotonic()

    def save(self, training: Training) -> None:
        """Writes the state, unless the last write is too recent or nothing is left to train."""
        if self.path is None or not training.active or time.monotonic() - self._last < INTERVAL_S:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(f".{os.getpid()}.part")  # two processes may train the same
        torch.save({"identity": self.identity, **_state(training)}, partial)
        os.replace(partial, self.path)
        self._last = time.monotonic()

    def restore(self, training: Training) -> None:
        """Puts a training that has just begun where the checkpoint left off, if there is one that belongs to it."""
        if self.path is None or not self.path.exists():
            return
        try:
            state = torch.load(self.path, map_location=training.train.y.device, weights_only=True)
        except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
            warnings.warn(f"{self.path} cannot be read ({error}); training starts afresh.", stacklevel=2)
            return
        if state["identity"] != self.identity:
            warnings.warn(f"{self.path} belongs to another run; training starts afresh.", stacklevel=2)
            return
        training.epoch = state["epoch"]
        training.keep(state["active"])
        for name in ("parameters", "momenta", "buffers"):
            own = getattr(training.replicas, name)
            with torch.no_grad():
                for key, value in state[name].items():
                    own[key].copy_(value)
        for run, saved in zip(training.runs, state["runs"], strict=True):
            for name, value in saved.items():
                setattr(run, name, value)


def _state(training: Training) -> dict[str, Any]:
    replicas = training.replicas
    saved = ("weights", "snapshots", "history", "status", "reason", "seconds")
    return {
        "epoch": training.epoch,
        "active": training.active,
        "parameters": {name: value.detach() for name, value in replicas.parameters.items()},
        "momenta": replicas.momenta,
        "buffers": replicas.buffers,
        "runs": [{name: getattr(run, name) for name in saved} for run in training.runs],
    }
