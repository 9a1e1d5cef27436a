"""Lower bounds on what is more than an error rate: recall, precision, F1, AUC."""

import numpy as np
from numpy.typing import ArrayLike

from gengap.arrays import Floats
from gengap.bounds.clopper_pearson import clopper_pearson
from gengap.bounds.inputs import counts, level, numbers
from gengap.errors import InputError


def share_lower(hits: ArrayLike, n: ArrayLike, tried: ArrayLike = 1, delta: ArrayLike = 0.05) -> Floats:
    """Lower bound on the probability of a hit: Clopper-Pearson for the misses, turned round.

    Recall is the share of hits among the examples of a class, given their number; precision that among the examples
    predicted as the class, given theirs. Exact.

    Args:
        hits: Whole numbers from 0 to ``n``.
        n: At least 1.
        tried: Models compared, at least 1.
        delta: Probability that the bound fails for any of them, in (0, 1); for several classes at once divide it.

    Raises:
        InputError: An argument is out of its range.

    >>> round(float(share_lower(50, 50)), 3)
    0.942
    """
    hits, n = counts(hits, n, whole=True)
    return np.asarray(1 - clopper_pearson(n - hits, n, tried, delta))


def f1_lower(tp: ArrayLike, fp: ArrayLike, fn: ArrayLike, tried: ArrayLike = 1, delta: ArrayLike = 0.05) -> Floats:
    r"""Lower bound on the F1 score of a class, :math:`2J / (1 + J)` for a lower bound J on the Jaccard index.

    Given that an example is of the class or predicted as it, it is a true positive with probability J, so that
    :math:`TP \sim \mathrm{Bin}(TP + FP + FN, J)` and Clopper-Pearson applies. Exact, as F1 rises with J.

    Args:
        tp: True positives.
        fp: False positives.
        fn: False negatives; with no positives of any kind nothing is known and the bound is 0.
        tried: Models compared, at least 1.
        delta: Probability that the bound fails for any of them, in (0, 1).

    Raises:
        InputError: An argument is out of its range.

    >>> round(float(f1_lower(50, 0, 0)), 3)
    0.97
    """
    tp, fp, fn = (numbers(name, values) for name, values in (("tp", tp), ("fp", fp), ("fn", fn)))
    for name, values in (("tp", tp), ("fp", fp), ("fn", fn)):
        if not np.all((values >= 0) & (values == np.floor(values))):
            raise InputError(f"{name} holds what is no count.", expected="whole numbers of at least 0")
    n = tp + fp + fn
    jaccard = np.where(n > 0, share_lower(tp, np.maximum(n, 1), tried, delta), 0.0)
    return np.asarray(2 * jaccard / (1 + jaccard))


def auc(positives: ArrayLike, negatives: ArrayLike) -> float:
    """The share of pairs of a positive and a negative in which the positive has the larger score; ties count half.

    Args:
        positives: Scores of the examples of the positive class, shape (N,).
        negatives: Scores of the others, shape (M,).

    Raises:
        InputError: There is none of one kind, or a score is not finite.

    >>> auc([0.8, 0.4], [0.4, 0.1])
    0.875
    """
    above, below = numbers("scores", positives), numbers("scores", negatives)
    if above.ndim != 1 or below.ndim != 1 or above.size == 0 or below.size == 0:
        raise InputError("An AUC needs examples of both classes.", expected="at least one positive and one negative")
    below = np.sort(below)
    left, right = (np.searchsorted(below, above, side=side) for side in ("left", "right"))
    return float((left + right).mean() / 2 / below.size)


def auc_lower(
    value: ArrayLike, n_positive: ArrayLike, n_negative: ArrayLike, tried: ArrayLike = 1, delta: ArrayLike = 0.05
) -> Floats:
    r"""Lower bound on the AUC: :math:`A - \sqrt{\ln(M/\delta) / (2 \min(n_+, n_-))}`, at least 0. Conservative.

    Source: Hoeffding 1963, section 5b, for two-sample U-statistics with a kernel in [0, 1] of one example from each
    sample; given the sizes of the two classes.

    Args:
        value: The AUC seen, in [0, 1].
        n_positive: Examples of the positive class, at least 1.
        n_negative: Other examples, at least 1.
        tried: Models compared, at least 1.
        delta: Probability that the bound fails for any of them, in (0, 1).

    Raises:
        InputError: An argument is out of its range.

    >>> round(float(auc_lower(0.9, 1_000, 150)), 3)
    0.8
    """
    value = numbers("value", value)
    if np.any((value < 0) | (value > 1)):
        raise InputError("An AUC outside [0, 1] cannot be used.", expected="values in [0, 1]")
    _, positive = counts(0, n_positive)
    _, negative = counts(0, n_negative)
    slack = np.sqrt(-np.log(level(tried, delta)) / (2 * np.minimum(positive, negative)))
    return np.asarray(np.maximum(value - slack, 0.0))
