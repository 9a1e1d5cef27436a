"""The error to expect on examples without labels: estimates from two networks, or from confidences; never bounds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gengap.arguments import finite_array
from gengap.arrays import Floats
from gengap.bounds import clopper_pearson_interval
from gengap.errors import InputError


class Disagreement(NamedTuple):
    """How often two networks disagree.

    Attributes:
        share: Share of examples on which their predictions differ.
        low, high: Its 95 % interval over the draw of the examples (Clopper-Pearson).
        n: Examples.
    """

    share: float
    low: float
    high: float
    n: int


def disagreement(first: ArrayLike, second: ArrayLike) -> Disagreement:
    """How often two networks of one recipe disagree on examples: an estimate of their error, without labels.

    By the generalization disagreement equality it is the mean test error of the two where the ensemble of all runs of
    the recipe is calibrated class by class. Kirsch and Gal show that the equality says no more than that calibration,
    and that it fails exactly where it would be needed: under shift, where calibration does.

    Source: Jiang et al. 2022 (arXiv:2106.13799), Theorem 4.2; Kirsch and Gal 2022 (arXiv:2202.01851).

    Args:
        first: Predicted classes of the one, ``[N]``.
        second: Predicted classes of the other, ``[N]``.

    Raises:
        InputError: No examples, or two numbers of them.

    >>> disagreement([0, 1, 2, 2], [0, 1, 2, 1]).share
    0.25
    """
    a, b = np.asarray(first), np.asarray(second)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise InputError(
            f"Predictions of shapes {a.shape} and {b.shape}.", expected="predicted classes of the same examples, [N]"
        )
    differ = int((a != b).sum())
    return Disagreement(differ / a.size, *clopper_pearson_interval(differ, a.size), a.size)


class ExpectedError(NamedTuple):
    """An error that confidences let expect.

    Attributes:
        error: Share of the new examples below the threshold, with those at it counted by ``ties``.
        least, most: The same if none, or all, of the new examples at the threshold counted.
        ties: Share of the labelled examples at the threshold that lie below it by the rule; 0 where confidences differ.
    """

    error: float
    least: float
    most: float
    ties: float


def thresholded_confidence(labelled: ArrayLike, correct: ArrayLike, unlabelled: ArrayLike) -> ExpectedError:
    """ATC: the error expected on unlabelled examples, the share of them whose confidence is below a threshold.

    The threshold is that below which as many of the labelled examples lie as are wrong. Where several labelled examples
    have exactly its confidence, such as 1 of a network that is certain, no threshold may do so: then a share of the
    examples at it counts as below it, the one that gives the labelled examples their own error. That is the expectation
    of a rule that breaks ties at random.

    Source: Garg et al. 2022 (arXiv:2201.04234), equations 1 and 2, for confidences that differ. It assumes that a shift
    moves confidences as it moves the error, which no data without labels can show.

    Args:
        labelled: Confidence (a largest probability, or a negative entropy) of labelled held-out examples, ``[N]``.
        correct: Whether the network is right on them, ``[N]``.
        unlabelled: Confidence of the new examples, ``[M]``.

    Raises:
        InputError: No examples, numbers that are not finite, or not as many truth values as confidences.

    >>> thresholded_confidence([0.9, 0.8, 0.7, 0.6], [True, True, True, False], [0.95, 0.5]).error
    0.5
    >>> thresholded_confidence([1.0, 1.0, 1.0, 1.0], [True, True, True, False], [1.0, 1.0])
    ExpectedError(error=0.25, least=0.0, most=1.0, ties=0.25)
    """
    known, new = finite_array(labelled, "labelled", ndim=1), finite_array(unlabelled, "unlabelled", ndim=1)
    right = np.asarray(correct, dtype=bool)
    if right.shape != known.shape:
        raise InputError(f"{known.size} confidences for {right.size} truth values.", expected="one for each")
    wrong = int((~right).sum())
    if wrong == known.size:
        return ExpectedError(1.0, 1.0, 1.0, 0.0)
    threshold = np.sort(known)[wrong]
    ties = float((wrong - (known < threshold).sum()) / (known == threshold).sum())
    least, most = float((new < threshold).mean()), float((new <= threshold).mean())
    if ties == 0:
        most = least
    return ExpectedError(least + ties * (most - least), least, most, ties)


def negative_entropy(probabilities: Floats) -> Floats:
    """``sum_j p_j ln p_j`` of each row, in nats, at most 0: the confidence that ATC works best with.

    >>> negative_entropy(np.array([[1.0, 0.0], [0.5, 0.5]])).round(6).tolist()
    [0.0, -0.693147]
    """
    from scipy.special import xlogy

    total: Floats = xlogy(probabilities, probabilities).sum(1)
    return total
