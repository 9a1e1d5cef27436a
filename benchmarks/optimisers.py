"""A whole epoch under each optimiser of recipes, against a plain loop with ``torch.optim`` at its best setting.

Both sides live in one process on one thread, in float32, with one network in batches of 128, and take turns; their time
is the processor's. The plain loop's images are whitened once, outside the time, and its optimiser runs as a loop over
parameters, with ``foreach`` and ``fused``; the fastest of these counts.
"""

import argparse
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from benchmarks import machine, plain_pytorch
from benchmarks.epoch import flops_per_image
from benchmarks.images import images
from benchmarks.table import Line, spread
from gengap import models
from gengap.data import Problem
from gengap.train import Execution, Recipe
from gengap.train.training import Training

NETWORKS = {"mlp-1x512": 6_400, "alexnet-small": 640}  # images of an epoch
LIMIT = 1.15  # times the plain loop's epoch, at most
EXECUTION = Execution("cpu", "float32", "contiguous")
SETTINGS: dict[str, dict[str, bool]] = {
    "loop": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
}
CLIP, WARM_UP = 1.0, 0.1


@dataclass(frozen=True)
class Rule:
    """A recipe's fields and PyTorch's optimiser with its arguments; ``scheduled``: clipped, with warm-up and cosine."""

    recipe: dict[str, Any]
    optimiser: type[torch.optim.Optimizer]
    arguments: dict[str, Any] = field(default_factory=dict)
    scheduled: bool = False

    def settings(self) -> list[str]:
        """The ways in which PyTorch computes this optimiser."""
        known = inspect.signature(self.optimiser).parameters
        return [name for name, options in SETTINGS.items() if options.keys() <= known.keys()]


_ADAMW = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.01}
RULES = {
    "SGD, Nesterov": Rule(
        {"nesterov": True, "learning_rate": 0.01}, torch.optim.SGD, {"lr": 0.01, "momentum": 0.9, "nesterov": True}
    ),
    "Adam": Rule({"optimizer": "adam", "learning_rate": 1e-3}, torch.optim.Adam, {"lr": 1e-3}),
    "AdamW": Rule(_ADAMW, torch.optim.AdamW, {"lr": 1e-3, "weight_decay": 0.01}),
    "RMSprop": Rule({"optimizer": "rmsprop", "learning_rate": 1e-3}, torch.optim.RMSprop, {"lr": 1e-3}),
    "AdamW, clipped, warm-up and cosine": Rule(
        {**_ADAMW, "schedule": "cosine", "warm_up_epochs": WARM_UP, "gradient_clip": CLIP, "epochs": 1},
        torch.optim.AdamW,
        {"lr": 1e-3, "weight_decay": 0.01},
        scheduled=True,
    ),
}


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Each network under each rule, ``options.rounds`` times."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = [
            _compared(network, name, options.images or count, options.rounds)
            for network, count in NETWORKS.items()
            for name in RULES
        ]
    finally:
        torch.set_num_threads(threads)
    work = {network: flops_per_image(network) for network in NETWORKS}
    return {
        "batch_size": plain_pytorch.BATCH,
        "limit": LIMIT,
        "training_flops_per_image": work,
        "comparisons": found,
    }


def lines(found: dict[str, Any]) -> list[Line]:
    """One for each network and optimiser."""
    return [
        Line(
            f"{one['optimiser']}, {one['network']}, an epoch of {one['images']:,} images in float32, one thread",
            f"{one['gengap']['median']:.3g} s",
            f"plain loop, {one['best']}",
            f"{one['plain'][one['best']]['median']:.3g} s",
            f"{one['ratio']['median']:.3f} of its time ({one['ratio']['min']:.3f} to {one['ratio']['max']:.3f})",
            f"<= {LIMIT:g}: {'reached' if one['ratio']['median'] <= LIMIT else 'missed'}",
            _limit(one, found),
        )
        for one in found["comparisons"]
    ]


def _limit(one: dict[str, Any], found: dict[str, Any]) -> str:
    """Products and convolutions of the epoch at the peak of one thread; empty where none is recorded."""
    each = found.get("training_flops_per_image", {}).get(one["network"], 0)
    return machine.limit(found, {"float32": one["images"] * each}, "its operations in float32", of_one_thread=True)


def _compared(network: str, name: str, count: int, rounds: int) -> dict[str, Any]:
    """Seconds of both sides in each round, and our time over that of the plain loop's fastest setting."""
    rule, problem = RULES[name], images(count, 1)
    epochs: dict[str, Callable[[], float]] = {"gengap": lambda: gengap_epoch(network, rule, problem)}
    for setting in rule.settings():
        epochs[setting] = lambda setting=setting: plain_epoch(network, rule, setting, problem)  # type: ignore[misc]
    seconds: dict[str, list[float]] = {side: [] for side in epochs}
    for round_ in range(1 + rounds):
        for side, epoch in epochs.items():
            taken = epoch()
            if round_:  # the first also allocates memory
                seconds[side].append(taken)
    plain = {side: spread(values) for side, values in seconds.items() if side != "gengap"}
    best = min(plain, key=lambda side: float(plain[side]["median"]))
    return {
        "network": network,
        "optimiser": name,
        "images": len(problem.train),
        "gengap": spread(seconds["gengap"]),
        "plain": plain,
        "best": best,
        "ratio": spread([ours / theirs for ours, theirs in zip(seconds["gengap"], seconds[best], strict=True)]),
    }


def gengap_epoch(network: str, rule: Rule, problem: Problem) -> float:
    """Seconds of an epoch of training as a recipe does it."""
    training = Training.begin([(problem, _recipe(network, rule), 0)], EXECUTION)
    return _seconds(training.train_epoch)


def plain_epoch(network: str, rule: Rule, setting: str, problem: Problem) -> float:
    """Seconds of an epoch of the plain loop in one of PyTorch's settings."""
    torch.manual_seed(0)
    model = models.build(network, problem.input_shape, problem.n_classes).train()
    optimiser = rule.optimiser(model.parameters(), **rule.arguments, **SETTINGS[setting])  # type: ignore[arg-type]
    x, y = plain_pytorch.whiten(torch.tensor(problem.train.x)), torch.tensor(problem.train.y)
    recipe, steps = _recipe(network, rule), -(-len(y) // plain_pytorch.BATCH)

    def factor(step: int) -> float:
        return recipe.learning_rate_at(step, steps) / recipe.learning_rate

    def epoch() -> None:
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor) if rule.scheduled else None
        for batch in torch.randperm(len(y)).split(plain_pytorch.BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            if schedule is not None:
                nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimiser.step()
            if schedule is not None:
                schedule.step()

    return _seconds(epoch)


def _recipe(network: str, rule: Rule) -> Recipe:
    return Recipe(model=network, batch_size=plain_pytorch.BATCH, **rule.recipe)


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
