"""Training: recipes, the step over R replicas, the loop, checkpoints."""

from gengap.train.execution import Execution, resolve_device, visible_gpus
from gengap.train.loop import check_trainable, shared_part, train, train_replicas, train_steps
from gengap.train.own_error import own_place
from gengap.train.own_outcome import Answers, answers, outcome
from gengap.train.own_training import OwnTraining
from gengap.train.presets import PRESETS, choose_recipe, default_preset, preset
from gengap.train.pretraining import Pretraining, initial_weights, train_pretrained
from gengap.train.recipe import Recipe
from gengap.train.run import FITTED, OUTCOME, Run
from gengap.train.training import Training, Trio
from gengap.train.trials import chosen_execution, faster_together, fastest_setting, stepper, trial_key
from gengap.train.two_phase import TwoPhase, TwoPhaseRun
from gengap.train.winsorized import M3, RM3, WinsorizedSGD, winsorized_mean

__all__ = [
    # Recipes
    "Recipe",
    "PRESETS",
    "preset",
    "default_preset",
    "choose_recipe",
    # Training
    "train",
    "train_replicas",
    "train_steps",
    "Run",
    "Training",
    "Trio",
    "FITTED",
    "OUTCOME",
    "check_trainable",
    "shared_part",
    # One's own training
    "OwnTraining",
    "Answers",
    "answers",
    "outcome",
    "own_place",
    # Training after pretraining
    "Pretraining",
    "train_pretrained",
    "initial_weights",
    # Gates from a part of the examples, weights from all
    "TwoPhase",
    "TwoPhaseRun",
    # Gradients that few examples cannot sway
    "WinsorizedSGD",
    "winsorized_mean",
    "M3",
    "RM3",
    # How it is computed
    "Execution",
    "resolve_device",
    "visible_gpus",
    "chosen_execution",
    "fastest_setting",
    "faster_together",
    "trial_key",
    "stepper",
]
