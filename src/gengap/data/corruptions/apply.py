"""``corrupt``: applies a registered corruption to a Problem."""

import math
from dataclasses import asdict, replace
from numbers import Real
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from gengap.arguments import shown, whole_number
from gengap.data.corruptions.registry import (
    Corruption,
    Draw,
    InputCorruption,
    LabelCorruption,
    SplitName,
    corruption_names,
    find_corruption,
)
from gengap.data.preprocessing import centre_crop
from gengap.data.problem import Problem
from gengap.data.rows import KINDS, Rows, blocks, rows_of
from gengap.data.split import Split
from gengap.errors import InputError

SPLITS: tuple[SplitName, ...] = ("train", "test")


def corrupt(problem: Problem, name: str, level: float = 1.0, seed: int = 0, test: bool = False) -> Problem:
    """A Problem derived from ``problem`` by the corruption ``name``: a pure function of its arguments.

    Corruptions of labels change training labels, and test labels only where ``test`` is True. Corruptions of
    inputs change training and test inputs alike; they act on what a model would see, so a declared crop is cut
    first and is then no longer declared. Level 0 changes nothing.

    Args:
        problem: What to corrupt; it stays as it is.
        name: One of ``corruption_names()``.
        level: A fraction in [0, 1] for ``labels``; 0 or 1 for the others.
        seed: At least 0. The same seed gives nested corruption across levels.
        test: Whether test labels are corrupted as well.

    Raises:
        InputError: An unknown name, a level or a seed out of range, pixels of tokens or tokens of images.
    """
    corruption = find_corruption(name)
    check_level(corruption, level)
    check_seed(seed)
    check_inputs(corruption, problem)
    step = {"step": name, "level": float(level), "seed": int(seed) if corruption.random else 0, "test": bool(test)}
    if level == 0:
        return problem.derive(step)
    if isinstance(corruption, LabelCorruption):
        return _corrupt_labels(problem, corruption, step)
    return _corrupt_inputs(problem, corruption, step)


def check_level(corruption: Corruption, level: float) -> None:
    """Raises InputError for a level that the corruption does not take."""
    if not (isinstance(level, Real) and math.isfinite(level) and 0 <= level <= 1):
        raise InputError(f"Corruption level {shown(level)} is out of range.", expected="a fraction from 0 to 1")
    if not corruption.graded and level not in (0, 1):
        raise InputError(
            f"Corruption {corruption.name!r} has no level {level}.",
            expected="level 1, or 0 for none",
            next_step="for partial corruption of labels use 'labels'"
            if isinstance(corruption, LabelCorruption)
            else "",
        )


def check_inputs(corruption: Corruption, problem: Problem) -> None:
    """Raises InputError for a corruption of tokens where inputs are numbers, or the other way round."""
    kind = "numbers" if problem.vocabulary is None else "tokens"
    if isinstance(corruption, InputCorruption) and corruption.inputs != kind:
        others = [name for name in corruption_names() if getattr(find_corruption(name), "inputs", kind) == kind]
        raise InputError(
            f"Corruption {corruption.name!r} is for {corruption.inputs}, and {problem.name} holds {kind}.",
            expected=f"one of {', '.join(others)}",
        )


def check_seed(seed: int) -> None:
    """Raises InputError for a seed that is negative or no whole number."""
    whole_number(seed, "seed", least=0)


def _corrupt_labels(problem: Problem, corruption: LabelCorruption, step: dict[str, Any]) -> Problem:
    splits: dict[str, Split] = {}
    for name in SPLITS if step["test"] else SPLITS[:1]:
        split: Split = getattr(problem, name)
        draw = Draw(step["seed"], name)
        replaced, replacement = corruption.function(len(split), problem.n_classes, step["level"], draw)
        splits[name] = Split(split.x, np.where(replaced, replacement, split.y))
    return problem.derive(step, **splits)


def _corrupt_inputs(problem: Problem, corruption: InputCorruption, step: dict[str, Any]) -> Problem:
    if problem.preprocessing.crop is not None:
        problem = _cut(problem, problem.preprocessing.crop)
    moments = _training_moments(problem) if corruption.moments else (math.nan, math.nan)
    splits: dict[str, Split] = {}
    for name in SPLITS:
        split: Split = getattr(problem, name)
        draw = Draw(step["seed"], name, *moments, problem.vocabulary or 1)
        x: Any = split.x
        if isinstance(x, Rows):
            x = CorruptedRows(x, corruption, draw)
        else:
            x = corruption.function(x, np.arange(len(split)), draw)
        splits[name] = Split(x, split.y)
    return problem.derive(step, **splits)


def _cut(problem: Problem, side: int) -> Problem:
    """The Problem with its declared crop done."""
    train, test = (Split(_cropped(s.x, side), s.y) for s in (problem.train, problem.test))
    whole = replace(problem, preprocessing=replace(problem.preprocessing, crop=None))
    return whole.derive({"step": "crop", "side": side}, train=train, test=test)


def _cropped(x: Any, side: int) -> Any:
    return CroppedRows(x, side) if isinstance(x, Rows) else np.ascontiguousarray(centre_crop(x, side))


def _training_moments(problem: Problem) -> tuple[float, float]:
    """Mean and deviation over all values of the training inputs: as stored, or in [0, 1] where the scale divides bytes.

    "unit" and "signed" do not divide floats, so noise that stands in for bytes has to be scaled here.
    """
    x: Any = problem.train.x
    unit = 255.0 if problem.preprocessing.scale in ("unit", "signed") and x.dtype == np.uint8 else 1.0
    if not isinstance(x, Rows):
        return float(x.mean(dtype=np.float64)) / unit, float(x.std(dtype=np.float64)) / unit
    count, mean, squares = 0, 0.0, 0.0
    for _, block in blocks(x):  # Chan et al. 1983
        own = float(block.mean(dtype=np.float64))
        apart, total = own - mean, count + block.size
        squares += float(block.var(dtype=np.float64)) * block.size + apart**2 * count * block.size / total
        mean += apart * block.size / total
        count = total
    return mean / unit, float(np.sqrt(squares / count)) / unit


@final
class CroppedRows(Rows):
    """The centre ``side`` x ``side`` pixels of images that stay in files."""

    def __init__(self, base: Rows, side: int):
        super().__init__((*base.shape[:2], side, side), base.dtype)
        self.base = base

    def read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        """See ``Rows.read``."""
        return np.ascontiguousarray(centre_crop(self.base.read(index), self.shape[-1]))

    def document(self) -> dict[str, Any]:
        """See ``Rows.document``."""
        return {"kind": "cropped", "base": self.base.document(), "side": self.shape[-1]}


@final
class CorruptedRows(Rows):
    """Inputs that stay in files, corrupted as they are read: the same as all at once, as each input has its own draws.

    Args:
        base: The inputs.
        corruption: What is done to them.
        draw: Its random streams.
    """

    def __init__(self, base: Rows, corruption: InputCorruption, draw: Draw):
        first = corruption.function(base.read(np.zeros(1, np.int64)), np.zeros(1, np.int64), draw)
        super().__init__((len(base), *first.shape[1:]), first.dtype)
        self.base, self.corruption, self.draw = base, corruption, draw

    def read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        """See ``Rows.read``."""
        return self.corruption.function(self.base.read(index), index, self.draw)

    def document(self) -> dict[str, Any]:
        """See ``Rows.document``."""
        return {
            "kind": "corrupted",
            "base": self.base.document(),
            "corruption": self.corruption.name,
            "draw": asdict(self.draw),
        }


def _corrupted_rows(document: dict[str, Any]) -> Rows:
    corruption = find_corruption(document["corruption"])
    if not isinstance(corruption, InputCorruption):
        raise InputError(f"{corruption.name} corrupts no inputs.")
    return CorruptedRows(rows_of(document["base"]), corruption, Draw(**document["draw"]))


KINDS["cropped"] = lambda document: CroppedRows(rows_of(document["base"]), document["side"])
KINDS["corrupted"] = _corrupted_rows
