"""Training: recipes, the step over R replicas, the loop, checkpoints."""

from gengap.train.execution import Execution, resolve_device
from gengap.train.loop import train, train_replicas
from gengap.train.presets import PRESETS, default_preset, preset
from gengap.train.recipe import Recipe
from gengap.train.run import FITTED, Run

__all__ = [
    "FITTED",
    "PRESETS",
    "Execution",
    "Recipe",
    "Run",
    "default_preset",
    "preset",
    "resolve_device",
    "train",
    "train_replicas",
]
