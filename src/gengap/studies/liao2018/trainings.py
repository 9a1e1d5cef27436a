"""The paper's networks at every scale, so that its figures share them, and what a figure's line is made of."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from gengap.studies.study import Scale

if TYPE_CHECKING:
    from gengap.cells.pretrained import Pretrained
    from gengap.data import Problem
    from gengap.train import Pretraining, Recipe

PAPER = (
    "Liao, Miranda, Hidary and Poggio 2018, Classical generalization bounds are surprisingly tight for deep networks, "
    "CBMM Memo 91, arXiv:1807.09659, the draft of 11 July 2018"
)
THREE, FIVE, FIVE_NO_BN = "convnet-3", "convnet-5", "convnet-5-no-bn"
NAMES = {THREE: "3 layers", FIVE: "5 layers, batch norm", FIVE_NO_BN: "5 layers, no batch norm"}

Method = Literal["pretraining", "deviation", "seeds", "seeds and random labels"]

# What is varied, by scale: levels of corruption in pretraining (0: none), deviations of initial weights, seeds.
LEVELS: dict[Scale, tuple[float, ...]] = {
    "smoke": (0.0, 0.5, 1.0),
    "desk": (0.0, 0.1, 0.25, 0.5, 0.75, 1.0),
    "paper": (0.0, 0.0001, 0.001, 0.01, 0.1, 0.2, 0.5, 0.75, 1.0),  # the authors' code
}
DEVIATIONS: dict[Scale, tuple[float, ...]] = {
    "smoke": (0.03, 0.06, 0.1),
    "desk": (0.01, 0.02, 0.03, 0.04, 0.05),
    "paper": (
        0.005,
        0.01,
        0.02,
        0.03,
        0.04,
        0.05,
        0.06,
        0.07,
    ),  # ours; the paper gives 0.05 for random labels
}
SEEDS: dict[Scale, int] = {
    "smoke": 3,
    "desk": 7,
    "paper": 7,
}  # of Figure 6, whose R2 and adjusted R2 imply 7
RANDOM_LABEL_SEEDS: dict[Scale, int] = {"smoke": 1, "desk": 4, "paper": 12}  # of Figure 10; 12 in the authors' code
REPEATS: dict[Scale, int] = {"smoke": 1, "desk": 1, "paper": 3}  # seeds at each level and deviation

TARGET = {THREE: 0.0044, FIVE: 0.006, FIVE_NO_BN: 0.006}  # training loss in nats, as in the captions
SMOKE_IMAGES, SMOKE_MARGIN = (200, 100), 2
DESK_PART = (5_000, 2_000)  # training and test images of CIFAR-10 for all but the pretrained 3-layer networks
DESK_EPOCHS, DESK_EPOCHS_WHOLE = (40, 60), (30, 70)  # at most, before and after; the second where all images are seen

COST: dict[Scale, str] = {
    "smoke": "seconds",
    "desk": "about four hours on two cores for all of the paper, whose figures share networks (an estimate)",
    "paper": "about a day on one GPU (an estimate)",
}
SCALED: dict[Scale, str] = {
    "smoke": "digits in a margin of two pixels instead of CIFAR, three epochs, few networks.",
    "desk": (
        f"fewer levels and epochs, one seed each; of CIFAR-10 the first {DESK_PART[0]:,} training and {DESK_PART[1]:,} "
        "test images, but all for the pretrained 3-layer networks, which end at half of the training loss that they "
        "are compared at; of CIFAR-100 what is at hand."
    ),
}
DIFFERENCES = (
    "The 5-layer network's sizes, learning rate, batch size and grids are not given; ours are 32, 64, 64, 128 channels "
    "at stride 2, and the 3-layer network's recipe.",
    "In pretraining each label is redrawn uniformly with the probability of the level, as in the authors' code; the "
    "paper says that labels are swapped.",
    "At level 0 there is no pretraining, rather than pretraining on true labels.",
    "At paper scale all is computed in float32, which the paper does not say.",
    "Minibatches are of 256 throughout; the authors' code has 1,024 where it trains on one set of labels only.",
    "Biases after the first layer, which batch norm leaves when it is folded, are divided by the product of the norms "
    "up to their layer, so that every decision stays; the paper does not say what it does with them.",
)


@dataclass(frozen=True)
class Config:
    """One line of a figure: the networks that it goes through, and what is drawn of them.

    ``snapshot``: ``nearest`` to the training loss of ``TARGET``, or ``last``.
    """

    scale: Scale
    figure: str
    data: str = "cifar10"
    model: str = THREE
    method: Method = "pretraining"
    norm: str = "frobenius"  # or l1, over 100
    snapshot: str = "last"
    kind: str = "line"


def networks(config: Config) -> "list[Pretrained]":
    """The networks of a line.

    Raises:
        InputError: Its data are needed and not here.
    """
    from gengap.train import Pretraining

    scale, (first, second) = config.scale, recipes(config)
    if config.method == "pretraining":
        before = [Pretraining(first if level else None, level) for level in LEVELS[scale]]
    elif config.method == "deviation":
        before = [Pretraining(initial_std=deviation) for deviation in DEVIATIONS[scale]]
    else:
        own = [_network(config, second, Pretraining(), seed) for seed in range(SEEDS[scale])]
        if config.method == "seeds":
            return own
        random = range(RANDOM_LABEL_SEEDS[scale])
        return [*own, *(_network(config, second, Pretraining(), seed, True) for seed in random)]
    return [_network(config, second, each, seed) for each in before for seed in range(REPEATS[scale])]


def recipes(config: Config) -> "tuple[Recipe, Recipe]":
    """Of pretraining and of training: learning rate 0.01, momentum 0.9, constant, as in the authors' code."""
    from gengap.train import Recipe

    scale, model = config.scale, config.model
    common = Recipe(model=model, learning_rate=0.01, momentum=0.9, batch_size=256, decay=1.0)
    if scale == "smoke":
        fixed = {"batch_size": 32, "precision": "float32", "memory_format": "contiguous"}  # no trials
        common = common.model_copy(update=fixed)
    if scale == "paper":
        common = common.model_copy(update={"precision": "float32"})
    epochs: dict[Scale, tuple[int, int]] = {
        "smoke": (3, 3),
        "desk": DESK_EPOCHS_WHOLE if _whole_at_desk(config) else DESK_EPOCHS,
        "paper": (300, 300) if model == THREE else (30, 80),
    }
    first, second = epochs[scale]
    before: dict[str, object] = {"epochs": first, "interpolate": True}
    after: dict[str, object] = {"epochs": second, "snapshot_loss": TARGET[model]}
    if scale == "desk" and _whole_at_desk(config):
        before["evaluate_every"] = 5
        after["target_loss"] = TARGET[model] / 2
    return common.model_copy(update=before), common.model_copy(update=after)


def _whole_at_desk(config: Config) -> bool:
    return (config.model, config.method) == (THREE, "pretraining")


def _part(config: Config) -> tuple[int, int | None] | None:
    """Training and test images that a line's networks see; None for all of both."""
    if config.scale == "smoke":
        return SMOKE_IMAGES
    whole = config.scale == "paper" or config.data == "cifar100" or _whole_at_desk(config)
    return None if whole else DESK_PART


def _network(config: Config, recipe: "Recipe", before: "Pretraining", seed: int, random: bool = False) -> "Pretrained":
    """``random``: trained and tested on random labels."""
    from gengap.cells import Cell
    from gengap.cells.pretrained import Pretrained

    problem = _problem(config.scale, config.data, _part(config))
    if random:
        problem = problem.corrupt("labels", level=1.0, seed=seed, test=True)
    return Pretrained(Cell(problem, recipe, seed), before)


@cache
def _problem(scale: Scale, data: str, part: tuple[int, int | None] | None) -> "Problem":
    """Scaled to [-1, 1], uncropped."""
    from gengap.data import load

    if scale == "smoke":
        problem = _framed(load("digits"))
    else:
        problem = load("cifar10") if data == "cifar10" else _cifar100(scale)
    problem = problem if part is None else problem.take(*part)
    return problem.preprocess(scale="signed")


def _cifar100(scale: Scale) -> "Problem":
    """CIFAR-100; at desk scale also a part of it, in the folder ``cifar100-part`` beside the other data."""
    from gengap.data import data_root, load
    from gengap.errors import InputError

    try:
        return load("cifar100")
    except InputError:
        part = data_root() / "cifar100-part"
        if scale == "paper" or not part.is_dir():
            raise
        return load(str(part))


def _framed(problem: "Problem") -> "Problem":
    """Images with a blank margin, since two convolutions 5 x 5 leave nothing of 8 x 8 pixels."""
    import numpy as np

    from gengap.data import Split

    sides = ((0, 0), (0, 0), (SMOKE_MARGIN,) * 2, (SMOKE_MARGIN,) * 2)
    train, test = (Split(np.pad(split.x, sides), split.y) for split in (problem.train, problem.test))
    return problem.derive({"step": "frame", "margin": SMOKE_MARGIN}, train=train, test=test)
