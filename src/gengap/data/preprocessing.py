"""The reference implementation, in NumPy, of what a Problem declares in ``Preprocessing``."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.problem import Problem
from gengap.data.split import Preprocessing, Split


def centre_crop(x: NDArray[Any], side: int) -> NDArray[Any]:
    """A view of the central ``side`` x ``side`` pixels of images ``[N, C, H, W]``.

    Of an odd margin the larger half is cut below and on the right.

    >>> centre_crop(np.arange(16).reshape(1, 1, 4, 4), 2).ravel().tolist()
    [5, 6, 9, 10]
    """
    top, left = (x.shape[2] - side) // 2, (x.shape[3] - side) // 2
    return x[:, :, top : top + side, left : left + side]


def preprocessed(problem: Problem) -> Problem:
    """The Problem with its inputs as a model sees them, and no preprocessing left to do.

    Inputs that a model takes as they are stay the same arrays; bytes become float32 all the same.
    """
    declared = problem.preprocessing
    if declared == Preprocessing() and problem.train.x.dtype != np.uint8:
        return problem
    splits = [Split(preprocess(np.asarray(split.x), declared), split.y) for split in (problem.train, problem.test)]
    bare = replace(problem, preprocessing=Preprocessing(), layout="")
    return replace(
        bare,
        train=splits[0],
        test=splits[1],
        steps=(*problem.steps, {"step": "preprocess", "as": repr(declared)}),
        parent_hash=problem.hash,
    )


def preprocess(x: NDArray[Any], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """The inputs as a model sees them, float32: cropped, then scaled.

    ``"unit"`` divides uint8 by 255 and leaves floats alone; ``"signed"`` then takes v to 2 v - 1. ``"whiten"``
    divides uint8 by 255, then gives each example v of n values ``(v - mean(v)) / max(std(v), 1 / sqrt(n))``, with
    std the root of the mean squared deviation. ``"none"`` only converts. A declared mean is then taken away, channel
    by channel, and the rest divided by a declared standard deviation.

    Source: Zhang et al. 2017 (arXiv:1611.03530), Appendix A: values in [0, 1], the central 28 x 28
    pixels, whitening image by image.

    Args:
        x: Inputs ``[N, C, H, W]`` or ``[N, D]``; uint8 or a float type.
        preprocessing: What to do; a crop needs images.
    """
    if preprocessing.crop is not None:
        x = centre_crop(x, preprocessing.crop)
    out = _scaled(x, preprocessing)
    shape = (-1,) + (1,) * (out.ndim - 2)
    if preprocessing.mean is not None:
        out -= np.asarray(preprocessing.mean, np.float32).reshape(shape)
    if preprocessing.std is not None:
        out /= np.asarray(preprocessing.std, np.float32).reshape(shape)
    return out


def _scaled(x: NDArray[Any], preprocessing: Preprocessing) -> NDArray[np.float32]:
    out = x.astype(np.float32)
    if preprocessing.scale == "none":
        return out
    if x.dtype == np.uint8:
        out /= np.float32(255)
    if preprocessing.scale == "signed":
        return 2 * out - 1
    if preprocessing.scale == "whiten":
        axes = tuple(range(1, out.ndim))
        floor = 1 / np.sqrt(np.prod(out.shape[1:]))
        deviation = out.std(axis=axes, keepdims=True)
        out -= out.mean(axis=axes, keepdims=True)
        out /= np.maximum(deviation, np.float32(floor))
    return out
