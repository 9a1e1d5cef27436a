"""Training: recipes, the step over R replicas, the loop, checkpoints."""

from gengap.train.execution import Execution, measure, resolve_device, stepper, trial_key
from gengap.train.loop import check_trainable, shared_part, train, train_replicas
from gengap.train.presets import PRESETS, default_preset, preset
from gengap.train.pretraining import Pretraining, initial_weights, train_pretrained
from gengap.train.recipe import Recipe
from gengap.train.run import FITTED, OUTCOME, Run
from gengap.train.training import Trio

__all__ = [
    "FITTED",
    "OUTCOME",
    "PRESETS",
    "Execution",
    "Pretraining",
    "Recipe",
    "Run",
    "Trio",
    "check_trainable",
    "default_preset",
    "initial_weights",
    "measure",
    "preset",
    "resolve_device",
    "shared_part",
    "stepper",
    "train",
    "train_pretrained",
    "train_replicas",
    "trial_key",
]
