"""The images that networks are timed on."""

from functools import cache

import numpy as np

import gengap
from gengap.data import Preprocessing, Problem, Split
from gengap.errors import InputError

TRAIN, TEST, CLASSES = 50_000, 10_000, 10


def images(count: int, test: int | None = None) -> Problem:
    """The first ``count`` training and ``test`` (None: ``count``) test images of CIFAR-10, else of made-up ones."""
    return _all().take(count, count if test is None else test)


@cache
def _all() -> Problem:
    try:
        return gengap.load("cifar10")
    except InputError:
        return made_up()


@cache
def made_up() -> Problem:
    """Images of CIFAR-10's size: one random pattern for each class, under random noise."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 128, (CLASSES, 3, 32, 32), dtype=np.uint8)

    def split(count: int) -> Split:
        y = rng.integers(0, CLASSES, count)
        return Split(patterns[y] + rng.integers(0, 128, (count, 3, 32, 32), dtype=np.uint8), y)

    classes = tuple(f"pattern {c}" for c in range(CLASSES))
    return Problem("made-up images", split(TRAIN), split(TEST), classes, preprocessing=Preprocessing(28, "whiten"))
