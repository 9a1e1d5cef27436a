"""A Problem as points and labels, seen through a feature map."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gengap.data import Points, Problem, as_points, distinct
from gengap.errors import InputError, unknown

if TYPE_CHECKING:
    from sklearn.base import TransformerMixin

PREPROCESSING = ("none", "gabor", "conv", "zca")


def points_of(problem: Problem, preprocessing: str, *, filters: int, seed: int) -> Points:
    """The whole images of a Problem, pixels in [0, 1], through a feature map; tables as they are.

    Args:
        problem: The data; its crop and scale are not applied.
        preprocessing: ``none``, ``gabor``, ``conv`` or ``zca``.
        filters: Of ``conv``.
        seed: Of the filters.

    Raises:
        InputError: An unknown map, one for images where the examples are none, one whose features do not fit in
            memory; all labels equal, all features constant, equal examples with different labels.
    """
    problem.require_numbers("An interpolator")
    if len(np.unique(problem.train.y)) < 2:
        raise InputError(
            f"All {len(problem.train)} training labels are {problem.classes[problem.train.y[0]]!r}.",
            expected="at least two classes",
        )
    points = as_points(whole(problem))
    x, x_test = points.x, points.x_test
    if not np.ptp(x, axis=0).any():
        raise InputError(
            f"All features are constant: the {len(x)} training examples are equal in float32.",
            expected="examples that differ in their first seven digits",
            next_step="centre and scale the columns first, if they differ beyond these",
        )
    distinct(x, np.asarray(problem.classes)[problem.train.y])
    features = _feature_map(preprocessing, problem.train.x.shape[1:], filters, seed)
    if features is not None:
        features.fit(x)
        _check_room(len(x) + len(x_test), len(features.get_feature_names_out()))
        points = replace(points, x=features.transform(x), x_test=features.transform(x_test))
    return points


def whole(problem: Problem) -> Problem:
    """The Problem as interpolators see it, before a feature map: images uncut, pixels in [0, 1]."""
    return problem.preprocess(crop=None, scale="unit")


def _check_room(rows: int, columns: int) -> None:
    import torch

    from gengap.interpolate.memory import available_bytes

    needed, available = 4 * rows * columns, available_bytes(torch.device("cpu"))
    if needed > available:
        raise InputError(
            f"{columns:,} features of {rows:,} examples need {needed:,} bytes, and {available:,} are available.",
            expected="a feature map that fits in memory",
            next_step="take fewer --filters, or fewer examples with --n",
        )


def _feature_map(name: str, shape: tuple[int, ...], filters: int, seed: int) -> "TransformerMixin | None":
    from gengap.interpolate.feature_maps import GaborFeatures, RandomConvFeatures, ZCAWhitening

    if not isinstance(name, str) or name not in PREPROCESSING:
        raise unknown("preprocessing", name, PREPROCESSING)
    if name in ("gabor", "conv") and len(shape) != 3:
        raise InputError(f"--preprocess {name} is for images; an example here has {shape[0]} features.")
    if name == "gabor":
        return GaborFeatures(shape)
    if name == "conv":
        return RandomConvFeatures(shape, filters, random_state=seed)
    return ZCAWhitening() if name == "zca" else None
