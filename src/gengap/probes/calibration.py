"""Calibration: whether a classifier's confidence is the probability that it is right, and the bias of that estimate."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gengap.arguments import finite_array, whole_number
from gengap.arrays import Floats, Ints
from gengap.bounds import clopper_pearson_interval
from gengap.errors import InputError
from gengap.seeds import generator

BINS = 15  # of equal width, as in Guo et al. 2017
DRAWS = 1_000  # of labels, for a calibrated classifier with the same confidences
_AT_ONCE = 4_000_000  # random numbers


class ReliabilityBin(NamedTuple):
    """The examples whose confidence lies in (low, high].

    Attributes:
        low, high: The bin's ends.
        n: Examples in it, at least 1.
        confidence: Their mean confidence.
        accuracy: Share of them that are right.
        accuracy_low, accuracy_high: Its 95 % interval (Clopper-Pearson), of this bin alone.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float
    accuracy_low: float
    accuracy_high: float


class Calibration(NamedTuple):
    """The expected calibration error of N predictions, beside that of a calibrated classifier.

    Attributes:
        ece: ``sum_b n_b / N |accuracy_b - confidence_b|``.
        if_calibrated: Its mean for a calibrated classifier with the same confidences on as many examples: the bias.
        if_calibrated_high: What 97.5 % of such classifiers stay below.
        excess: ``ece - if_calibrated``, the part that miscalibration has to explain.
        p_value: Share of such classifiers whose error is at least ``ece``, this one counted too.
        confidence: Mean confidence.
        accuracy: Share that is right; where the confidence is above it, the classifier is overconfident.
        bins: Those that hold examples, the lowest confidence first.
    """

    ece: float
    if_calibrated: float
    if_calibrated_high: float
    excess: float
    p_value: float
    confidence: float
    accuracy: float
    bins: tuple[ReliabilityBin, ...]


def calibration(confidence: ArrayLike, correct: ArrayLike, *, bins: int = BINS, seed: int = 0) -> Calibration:
    r"""The expected calibration error with its bias, from held-out predictions.

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{N} \left| \frac{1}{n_b} \sum_{i \in b} (c_i - p_i) \right|

    over bins of equal width, p the confidence and c whether the prediction is right. The mean of an absolute value is
    biased upwards: a calibrated classifier has an ECE above 0 too, the more the fewer examples there are in a bin. Its
    distribution is estimated by drawing each c from its p.

    Source: Guo et al. 2017 (arXiv:1706.04599), equation 3; the draws are the consistency resampling of Broecker and
    Smith 2007.

    Args:
        confidence: Probability that each prediction is given, in [0, 1], ``[N]``.
        correct: Whether it is right, ``[N]``.
        bins: At least 1.
        seed: Of the draws.

    Raises:
        InputError: No examples, confidences outside [0, 1], or another number of truth values.

    >>> found = calibration([0.9, 0.9, 0.9, 0.9], [True, True, True, False])
    >>> round(found.ece, 3), found.accuracy
    (0.15, 0.75)
    """
    p, right = finite_array(confidence, "confidence", ndim=1), np.asarray(correct, dtype=bool)
    count = whole_number(bins, "bins")
    if right.shape != p.shape or p.min() < 0 or p.max() > 1:
        raise InputError(
            f"{p.size} confidences from {p.min():.4g} to {p.max():.4g} for {right.size} predictions.",
            expected="one in [0, 1] for each prediction",
        )
    place = np.clip(np.ceil(p * count).astype(int) - 1, 0, count - 1)
    ece = float(_errors(right[None].astype(np.float64), p, place, count)[0])
    null = _null(p, place, count, seed)
    made = tuple(_bin(b, count, p[place == b], right[place == b]) for b in np.unique(place).tolist())
    bias = float(null.mean())
    return Calibration(
        ece=ece,
        if_calibrated=bias,
        if_calibrated_high=float(np.quantile(null, 0.975)),
        excess=ece - bias,
        p_value=float((1 + (null >= ece).sum()) / (1 + len(null))),
        confidence=float(p.mean()),
        accuracy=float(right.mean()),
        bins=made,
    )


def _null(p: Floats, place: Ints, count: int, seed: int) -> Floats:
    """The errors of calibrated classifiers with these confidences, ``[DRAWS]``."""
    random, parts, rows = generator(seed, "calibration"), [], max(1, _AT_ONCE // len(p))
    for start in range(0, DRAWS, rows):
        size = min(rows, DRAWS - start)
        drawn = (random.random((size, len(p)), dtype=np.float32) < p.astype(np.float32)).astype(np.float64)
        parts.append(_errors(drawn, p, place, count))
    return np.concatenate(parts)


def _errors(right: Floats, p: Floats, place: Ints, count: int) -> Floats:
    """The expected calibration error of each row of truth values, ``[D]`` of ``[D, N]``."""
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    sums = np.add.reduceat(right[:, order] - p[order], starts, axis=1)
    errors: Floats = np.abs(sums).sum(1) / len(p)
    return errors


def _bin(index: int, count: int, p: Floats, right: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> ReliabilityBin:
    low, high = clopper_pearson_interval(int(right.sum()), len(right))
    return ReliabilityBin(
        index / count, (index + 1) / count, len(right), float(p.mean()), float(right.mean()), low, high
    )
