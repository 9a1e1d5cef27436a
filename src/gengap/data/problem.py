"""Problem: a training and a test split, with their provenance and preprocessing."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from gengap.arguments import whole_number
from gengap.data.problem_checks import check_problem
from gengap.data.rows import Rows, blocks, first_rows
from gengap.data.split import Preprocessing, Scale, Split
from gengap.errors import InputError
from gengap.measured_once import measured_once

# What is done to a table's columns or to images when they are read, in words.
_READING_STEPS = {
    "one-hot": "columns of text one-hot",
    "ordinal": "categories numbered from 0 in {order}",
    "impute": "empty numbers the mean of the training split, with an indicator",
    "standardise": "numbers standardised by the training split",
    "resize": "images resized to {side} pixels on the shorter side, the centre {side} x {side} kept",
    "cut": "the centre {side} x {side} of images of different sizes",
}
_UNKNOWN = {"one-hot": "all 0", "ordinal": "as empty"}  # what a category that training lacks is fed as
AS_STORED = Preprocessing()


@dataclass(frozen=True, eq=False)
class Problem:
    """An immutable pair (training split, test split): the finite stand-in for (P, S).

    ``steps`` records what was done to the arrays; ``preprocessing`` is applied to inputs on their way into a model.

    Attributes:
        name: Short name, e.g. ``"cifar10"``.
        train, test: The splits.
        classes: Names of the classes, in the order of their indices.
        origin: Where the data came from, for people.
        preprocessing: Applied to the inputs on their way into a model.
        steps: One ``{"step": name, …parameters}`` for each change made to the arrays.
        parent_hash: Hash of the Problem this one was derived from, with which ``steps[-1]`` gives the hash.
        layout: How stored inputs were read, where that was a guess; empty where there was none.
        vocabulary: Number of different tokens V, where inputs are tokens 0, …, V - 1; None for numbers.

    Raises:
        InputError: Empty splits, shapes that differ, labels out of range, fewer than two classes, NaN or Inf,
            a token that is not in the vocabulary.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]
    origin: str = ""
    preprocessing: Preprocessing = AS_STORED
    steps: tuple[dict[str, Any], ...] = ()
    parent_hash: str | None = field(default=None, repr=False)
    layout: str = ""
    vocabulary: int | None = None

    def __post_init__(self) -> None:
        check_problem(self)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.train.x.shape[1:]))
        done = "".join(f" > {step['step']}" for step in self.steps)
        return f"Problem({self.name}{done}: {len(self.train)} + {len(self.test)} of {shape}, {self.n_classes} classes)"

    @property
    def n_classes(self) -> int:
        """Number of classes C."""
        return len(self.classes)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example as the model sees it, after the crop; ``(2, T)`` for T tokens with a mask."""
        shape = self.train.x.shape[1:]
        if self.preprocessing.crop is None:
            return shape
        return (shape[0], self.preprocessing.crop, self.preprocessing.crop)

    @property
    def seen_as(self) -> str:
        """What a model is fed, in words: crop, scaling, and a guess about how inputs are stored.

        >>> from gengap.data import load
        >>> load("digits").seen_as
        'pixels from 0 to 255, each image whitened'
        """
        if self.vocabulary is not None:
            masked = ", padding masked" if self.train.x.ndim == 3 else ""
            words = f"{self.train.x.shape[-1]} tokens of a vocabulary of {self.vocabulary:,}{masked}"
            return "; ".join([words, *([self.layout] if self.layout else [])])
        stored, to = self.preprocessing, self.train.x.ndim == 4
        bytes_, unit = self.train.x.dtype == np.uint8, "image" if to else "example"
        values = ("pixels" if to else "values") + (" from 0 to 255" if bytes_ else " as stored")
        words = {
            "none": values,
            "unit": f"{'pixels' if to else 'values'} divided by 255" if bytes_ else values,
            "signed": f"{'pixels' if to else 'values'} mapped on to -1 to 1",
            "whiten": f"{values}, each {unit} whitened",
        }[stored.scale]
        if stored.mean is not None or stored.std is not None:
            words += f", minus {_numbers(stored.mean, 0.0)}, over {_numbers(stored.std, 1.0)}"
        crop = "" if stored.crop is None else f"the centre {stored.crop} x {stored.crop} "
        made = [_reading(step) for step in self.steps if step["step"] in _READING_STEPS]
        return "; ".join([f"{crop}{words}", *made, *([self.layout] if self.layout else [])])

    @cached_property
    def hash(self) -> str:
        """Content hash, 32 hexadecimal digits: equal for equal arrays, classes, preprocessing and steps.

        A derived Problem is hashed from its parent's hash and its last step, which is enough because steps are
        pure functions. Hashing a corrupted Problem therefore needs no pass over its arrays.
        """
        inputs: list[Any] = [self.train.x, self.test.x]
        files = [x for x in inputs if isinstance(x, Rows)]
        if self.parent_hash is not None or not files:
            return self._hashed()
        # Reading what lies in files takes long: their names, sizes and times of change stand for it the next time.
        known = [rows.document() for rows in files], self.classes, repr(self.preprocessing), self.vocabulary
        labels = b"".join(split.y.tobytes() for split in (self.train, self.test))
        key = hashlib.blake2b(json.dumps(known).encode() + labels, digest_size=16).hexdigest()
        return measured_once("hashes.json", key, self._hashed, str)

    def _hashed(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        if self.parent_hash is None:
            for array in (self.train.x, self.train.y, self.test.x, self.test.y):
                digest.update(f"{array.dtype.str}{array.shape}".encode())
                for _, block in blocks(array):
                    digest.update(np.ascontiguousarray(block).view(np.uint8).data)
            digest.update(json.dumps(self.classes).encode())
            if self.vocabulary is not None:
                digest.update(f"vocabulary {self.vocabulary}".encode())
        else:
            digest.update(self.parent_hash.encode())
            digest.update(json.dumps(self.steps[-1], sort_keys=True).encode())
        digest.update(repr(self.preprocessing).encode())
        return digest.hexdigest()

    def derive(self, step: dict[str, Any], *, train: Split | None = None, test: Split | None = None) -> "Problem":
        """This Problem with other arrays, and ``step`` recorded as what made them.

        Args:
            step: ``{"step": name, …}`` with every parameter that the arrays depend on.
            train: The new training split; None keeps the old one.
            test: The new test split, likewise.
        """
        return replace(
            self,
            train=self.train if train is None else train,
            test=self.test if test is None else test,
            steps=(*self.steps, step),
            parent_hash=self.hash,
        )

    def preprocess(
        self,
        *,
        crop: int | None = None,
        scale: Scale = "whiten",
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> "Problem":
        """This Problem with another preprocessing (see ``Preprocessing``); arrays stay as they are.

        Raises:
            InputError: Another scale, a crop larger than the images, means or deviations of another number than there
                are channels, or beside whitening, a deviation that is not above 0.
        """
        numbers = [None if values is None else tuple(map(float, values)) for values in (mean, std)]
        return replace(self, preprocessing=Preprocessing(crop, scale, *numbers))

    def take(self, n_train: int | None = None, n_test: int | None = None) -> "Problem":
        """The first ``n_train`` training and ``n_test`` test examples (None: all of them).

        Raises:
            InputError: A number below 1.
        """
        n_train = None if n_train is None else whole_number(n_train, "n_train")
        n_test = None if n_test is None else whole_number(n_test, "n_test")
        step = {"step": "take", "n_train": n_train, "n_test": n_test}
        cut = [Split(first_rows(s.x, n), s.y[:n]) for s, n in ((self.train, n_train), (self.test, n_test))]
        return self.derive(step, train=cut[0], test=cut[1])

    def require_numbers(self, what: str) -> None:
        """Sees that inputs are numbers.

        Args:
            what: What needs them, in words that begin the message, e.g. ``"Sensitivity to inputs"``.

        Raises:
            InputError: They are tokens.
        """
        if self.vocabulary is not None:
            raise InputError(f"{what} needs inputs that are numbers, and {self.name} holds tokens.", expected="numbers")

    def corrupt(self, corruption: str, *, level: float = 1.0, seed: int = 0, test: bool = False) -> "Problem":
        """A corrupted copy: see ``gengap.data.corrupt``."""
        from gengap.data.corruptions import corrupt

        return corrupt(self, corruption, level=level, seed=seed, test=test)


def _reading(step: dict[str, Any]) -> str:
    """What a step of reading did, in words, with the test examples whose category training does not know."""
    words = _READING_STEPS[step["step"]].format(**step)
    unknown: dict[str, int] = step.get("unknown_in_test") or {}
    if not unknown:
        return words
    counts = ", ".join(f"{name}: {count:,}" for name, count in unknown.items())
    return f"{words}, categories that are in the test split alone {_UNKNOWN[step['step']]} (test examples: {counts})"


def _numbers(values: Sequence[float] | None, default: float, shown: int = 4) -> str:
    numbers = (default,) if values is None else values
    more = ", …" if len(numbers) > shown else ""
    listed = ", ".join(f"{value:g}" for value in numbers[:shown])
    return listed if len(numbers) == 1 else f"({listed}{more})"
