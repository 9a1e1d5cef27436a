"""Risk control: thresholds on a confidence at which the error of what is accepted stays below a risk."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap.arguments import real_number
from gengap.arrays import Floats
from gengap.bounds.clopper_pearson import clopper_pearson
from gengap.bounds.inputs import level, numbers, unit_losses
from gengap.errors import InputError


class RiskControl(NamedTuple):
    """Each threshold of a grid, in rising order, with what it accepts.

    Attributes:
        grid: The thresholds, shape (T,).
        accepted: How many examples have a confidence of at least the threshold.
        errors: How many of these are wrong.
        upper: Upper bound on the error rate of what is accepted, for all thresholds at once; 1 where nothing is.
        controlled: Whether the error rate of what is accepted is at most the risk, with the probability asked for, at
            all these thresholds at once.
    """

    grid: Floats
    accepted: NDArray[np.int64]
    errors: NDArray[np.int64]
    upper: Floats
    controlled: NDArray[np.bool_]


def risk_control(
    confidence: ArrayLike,
    wrong: ArrayLike,
    risk: float,
    grid: ArrayLike,
    *,
    tried: int = 1,
    delta: float = 0.05,
    sequence: bool = False,
) -> RiskControl:
    r"""The thresholds at which at most ``risk`` of what is accepted is wrong, with probability 1 - delta.

    For each threshold the hypothesis that more is wrong has the exact p-value :math:`P(\mathrm{Bin}(n_t, r) \le k_t)`,
    given the n_t examples accepted, of which k_t are wrong. Over the T thresholds either Bonferroni's correction, at
    delta / T each, or a fixed sequence: from the largest threshold down, each at delta, until one is not controlled.

    Source: Angelopoulos, Bates, Candes, Jordan and Lei 2021, "Learn then Test", with exact binomial p-values.

    Args:
        confidence: Of each prediction, in [0, 1], shape (N,).
        wrong: 1 where the prediction is wrong, else 0, shape (N,).
        risk: The largest error rate wanted, in (0, 1).
        grid: Thresholds in [0, 1], fixed without looking at these examples, shape (T,).
        tried: Models compared on these examples, at least 1.
        delta: Probability that any threshold is called controlled wrongly, in (0, 1).
        sequence: Whether thresholds are tested as a fixed sequence; ``upper`` is the same.

    Raises:
        InputError: An argument is out of its range, or the lengths differ.
    """
    scores, losses = unit_losses(confidence), unit_losses(wrong)
    thresholds = np.unique(numbers("grid", grid))
    if scores.ndim != 1 or scores.shape != losses.shape:
        raise InputError(
            f"confidence has shape {scores.shape}, wrong {losses.shape}.", expected="one of each an example"
        )
    if not np.all((losses == 0) | (losses == 1)):
        raise InputError("wrong holds values between 0 and 1.", expected="predictions that are right or wrong")
    if thresholds.size == 0 or thresholds[0] < 0 or thresholds[-1] > 1:
        raise InputError("The grid holds a threshold outside [0, 1], or none.", expected="thresholds in [0, 1]")
    risk = real_number(risk, "risk", above=0, below=1)
    level(tried, delta)
    order = np.argsort(scores)
    first = np.searchsorted(scores[order], thresholds)
    wrong_from = np.append(np.cumsum(losses[order][::-1])[::-1], 0.0)
    accepted, errors = scores.size - first, wrong_from[first]
    trials = np.maximum(accepted, 1)
    upper = np.where(accepted > 0, clopper_pearson(errors, trials, tried, delta / thresholds.size), 1.0)
    if sequence:
        passed = (clopper_pearson(errors, trials, tried, delta) <= risk) & (accepted > 0)
        controlled = np.logical_and.accumulate(passed[::-1])[::-1]
    else:
        controlled = upper <= risk
    return RiskControl(thresholds, accepted.astype(np.int64), errors.astype(np.int64), upper, controlled)
