"""What a Problem must be: its splits, labels, tokens and preprocessing."""

import math
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from gengap.arguments import whole_number
from gengap.data.split import Preprocessing, Scale, Split
from gengap.data.tokens import outside_of_vocabulary
from gengap.errors import InputError, unknown

if TYPE_CHECKING:
    from gengap.data.problem import Problem


def check_problem(problem: "Problem") -> None:
    """Sees that a Problem can be used; what ``Problem`` raises."""
    if len(problem.classes) < 2:
        raise InputError(
            f"{problem.name} has {len(problem.classes)} class(es).",
            expected="at least two classes",
            next_step="check the label column, or the folders' names",
        )
    if problem.vocabulary is not None:
        whole_number(problem.vocabulary, "vocabulary", next_step="give the number of different tokens")
    for name, split in (("training", problem.train), ("test", problem.test)):
        _check_split(problem, name, split)
    if problem.train.x.shape[1:] != problem.test.x.shape[1:]:
        raise InputError(
            f"{problem.name}: training examples have shape {problem.train.x.shape[1:]}, "
            f"test examples {problem.test.x.shape[1:]}.",
            expected="one shape for both splits",
        )
    if problem.preprocessing.scale not in get_args(Scale):
        raise unknown("scale", problem.preprocessing.scale, get_args(Scale))
    if problem.vocabulary is not None and problem.preprocessing != Preprocessing():
        raise InputError(
            f"{problem.name} holds tokens, which are not cropped or scaled.", expected="no crop, scale, mean or std"
        )
    _check_moments(problem)
    crop = problem.preprocessing.crop
    if crop is not None:
        whole_number(crop, "crop", next_step="give the side of the centre crop in pixels, or None for none")
    if crop is not None and not (problem.train.x.ndim == 4 and 0 < crop <= min(problem.train.x.shape[2:])):
        raise InputError(
            f"Cannot crop {problem.name} to {crop} x {crop} pixels: an example has shape {problem.train.x.shape[1:]}.",
            expected="images at least as large as the crop",
        )


def _check_moments(problem: "Problem") -> None:
    declared, channels = problem.preprocessing, problem.train.x.shape[1]
    for name, values in (("mean", declared.mean), ("std", declared.std)):
        if values is None:
            continue
        if declared.scale == "whiten":
            raise InputError(f"A {name} beside whitening.", expected="scale unit, signed or none with a mean or std")
        if len(values) not in (1, channels):
            what = "channels" if problem.train.x.ndim == 4 else "columns"
            raise InputError(
                f"A {name} of {len(values)} numbers for inputs of {channels} {what}.",
                expected=f"1 or {channels} numbers",
            )
        if not all(map(math.isfinite, values)) or (name == "std" and min(values) <= 0):
            raise InputError(f"A {name} of {values}.", expected="finite numbers, a std above 0")


def _check_split(problem: "Problem", name: str, split: Split) -> None:
    if len(split.x) != len(split.y):
        raise InputError(
            f"{problem.name}: {len(split.x):,} {name} examples but {len(split.y):,} labels.",
            expected="one label for each example",
            next_step=f"give inputs and labels of the {name} split one length, in one order",
        )
    if len(split) == 0:
        raise InputError(
            f"{problem.name}: the {name} split is empty.",
            expected="at least one example in each split",
            next_step=f"put examples aside for the {name} split",
        )
    if problem.vocabulary is not None:
        _check_form_of_tokens(problem.name, name, split.x)
    elif split.x.ndim not in (2, 4) or 0 in split.x.shape or not _is_number(split.x):
        raise InputError(
            f"{problem.name}: {name} inputs of type {split.x.dtype} and shape {split.x.shape}.",
            expected="uint8 or floats, images [N, C, H, W] or a table [N, D]; or tokens with a vocabulary",
        )
    if split.y.dtype != np.int64 or split.y.ndim != 1 or split.y.min() < 0 or split.y.max() >= problem.n_classes:
        raise InputError(
            f"{problem.name}: {name} labels of type {split.y.dtype} from {split.y.min()} to {split.y.max()}.",
            expected=f"int64 class indices from 0 to {problem.n_classes - 1}",
        )
    if problem.vocabulary is not None:
        least, largest = split.range_of_tokens
        if least < 0 or largest >= problem.vocabulary:
            raise outside_of_vocabulary(split.x, problem.vocabulary, f"{problem.name}: {name}")
    if split.not_finite is not None:
        raise InputError(
            f"{problem.name}: {name} example {split.not_finite} holds NaN or Inf.",
            expected="finite inputs",
            next_step="impute or drop such examples first",
        )


def _check_form_of_tokens(problem: str, name: str, x: NDArray[Any]) -> None:
    masked = x.ndim == 3 and x.shape[1] == 2
    if x.dtype.kind != "i" or not (x.ndim == 2 or masked) or 0 in x.shape:
        raise InputError(
            f"{problem}: {name} tokens of type {x.dtype} and shape {x.shape}.",
            expected="whole numbers of a signed type, [N, T], or [N, 2, T] with a mask",
        )


def _is_number(x: NDArray[Any]) -> bool:
    return x.dtype == np.uint8 or np.issubdtype(x.dtype, np.floating)
