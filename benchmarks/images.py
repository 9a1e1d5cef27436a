"""The images that networks are timed on."""

from dataclasses import replace
from functools import cache

import numpy as np

import gengap
from gengap.data import Preprocessing, Problem, Split
from gengap.errors import InputError

TRAIN, TEST, CLASSES = 50_000, 10_000, 10


def images(count: int) -> Problem:
    """The first ``count`` training images of CIFAR-10, and as many of its test images at most; else made-up ones."""
    problem = _all()
    train, test = (Split(split.x[:count], split.y[:count]) for split in (problem.train, problem.test))
    return replace(problem, train=train, test=test)


@cache
def _all() -> Problem:
    try:
        return gengap.load("cifar10")
    except InputError:
        return made_up()


def made_up() -> Problem:
    """Images of CIFAR-10's size: one random pattern for each class, under random noise."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 128, (CLASSES, 3, 32, 32), dtype=np.uint8)

    def split(count: int) -> Split:
        y = rng.integers(0, CLASSES, count)
        return Split(patterns[y] + rng.integers(0, 128, (count, 3, 32, 32), dtype=np.uint8), y)

    classes = tuple(f"pattern {c}" for c in range(CLASSES))
    return Problem("made-up images", split(TRAIN), split(TEST), classes, preprocessing=Preprocessing(28, "whiten"))
