"""The paper's trainings at every scale, so that all its tables and figures share their cells.

A cell is trained once and shared by every study that needs it, because this file alone says what a
configuration stands for: true labels are always ``labels`` at level 0, random labels ``labels`` at level 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from gengap.studies.rows import trained
from gengap.studies.study import Row, Scale

if TYPE_CHECKING:
    from gengap.cells import Cell, Options
    from gengap.data import Problem
    from gengap.train import Recipe

PAPER = (
    "Zhang, Bengio, Hardt, Recht and Vinyals 2017, Understanding deep learning requires rethinking generalization, "
    "arXiv:1611.03530v2"
)

INCEPTION, NO_BN, ALEXNET, MLP_3, MLP_1 = (
    "inception-small", "inception-small-no-bn", "alexnet-small", "mlp-3x512", "mlp-1x512",
)  # fmt: skip
NAMES = {
    INCEPTION: "Inception",
    NO_BN: "Inception w/o BatchNorm",
    ALEXNET: "AlexNet",
    MLP_3: "MLP 3x512",
    MLP_1: "MLP 1x512",
}

LEVELS = tuple(tenth / 10 for tenth in range(11))
PAPER_SEEDS = (0, 1, 2)  # the paper ran each setting once; three separate a run's luck from a difference
WEIGHT_DECAY = 5e-4  # the paper never gives its coefficients

# Desk scale: what two cores can do.
DESK_EPOCHS = 70
DESK_IMAGES: dict[str, tuple[int, int | None]] = {  # training and test images; None: all
    INCEPTION: (5_000, 2_000),
    NO_BN: (5_000, 2_000),
}

# Smoke scale: the embedded digits; Inception, which is slow, on a part of them.
SMOKE_EPOCHS = 3
SMOKE_IMAGES: dict[str, tuple[int, int | None]] = {INCEPTION: (128, 64), NO_BN: (128, 64)}

COST: dict[Scale, str] = {
    "smoke": "seconds",
    "desk": "about five hours on two cores for all of the paper, whose studies share runs (an estimate)",
    "paper": "hours on one GPU (an estimate)",
}
SCALED: dict[Scale, str] = {
    "smoke": f"the embedded digits instead of CIFAR-10, {SMOKE_EPOCHS} epochs, the smallest network that shows it.",
    "desk": (
        f"one seed; training ends when every training label is fitted, at the latest after {DESK_EPOCHS} epochs; "
        f"Inception sees the first {DESK_IMAGES[INCEPTION][0]:,} training and {DESK_IMAGES[INCEPTION][1]:,} test "
        "images."
    ),
}
DIFFERENCES = (
    "Minibatches hold 128 examples: the paper does not say, its figures have a point every 391 steps, which is an "
    "epoch of 50,000 images by 128.",
    f"Weight decay is {WEIGHT_DECAY:g} times each parameter added to its gradient; the paper gives no coefficient.",
    "The learning rate falls by 0.95 every 391 steps at once; the paper does not say whether its own falls in stairs.",
    "Epochs at paper scale: 68 for Inception, as in Figure 1a, and AlexNet; 100 for the MLPs. The paper gives none.",
    "Initialisation and the constants of batch and response normalisation are ours, as the paper does not give them.",
    "At paper scale three seeds, where the paper shows single runs, in float32; the paper does not say.",
)


@dataclass(frozen=True)
class Config:
    """One training, in the paper's words."""

    scale: Scale
    model: str
    corruption: str = "labels"
    level: float = 0.0  # probability with which a label is redrawn; 1 for corrupted pixels
    random_crop: bool = False
    weight_decay: bool = False
    seed: int = 0


def seeds(scale: Scale) -> tuple[int, ...]:
    """The seeds of a scale."""
    return PAPER_SEEDS if scale == "paper" else (0,)


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a configuration; see ``gengap.studies.rows.trained``."""
    return trained(configs, cells(configs), options)


def cells(configs: Sequence[Config]) -> "list[Cell]":
    """The cell of each configuration.

    Raises:
        InputError: CIFAR-10 is needed and not here.
    """
    from gengap.cells import Cell

    loaded = cache(_problem)
    images = {"smoke": SMOKE_IMAGES, "desk": DESK_IMAGES, "paper": {}}
    return [
        Cell(loaded(c.scale, images[c.scale].get(c.model)), _recipe(c), c.seed, c.corruption, c.level) for c in configs
    ]


def _problem(scale: Scale, images: tuple[int, int | None] | None) -> "Problem":
    from gengap.data import load

    problem = load("digits" if scale == "smoke" else "cifar10")
    return problem.take(*images) if images else problem


def _recipe(config: Config) -> "Recipe":
    from gengap.train import default_preset, preset

    changes: dict[str, Any] = {"model": config.model, "random_crop": config.random_crop}
    if config.weight_decay:
        changes["weight_decay"] = WEIGHT_DECAY
    if config.scale == "smoke":
        changes |= {"epochs": SMOKE_EPOCHS, "precision": "float32", "memory_format": "contiguous"}  # no trials
    if config.scale == "paper":
        changes["precision"] = "float32"
    if config.scale == "desk":
        changes |= {"epochs": DESK_EPOCHS, "interpolate": True}
    name = "digits" if config.scale == "smoke" else default_preset("cifar10", config.model)
    return preset(name).model_copy(update=changes)
