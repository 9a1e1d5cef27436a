"""Easy examples: how early, how often and how steadily each one is classified correctly during training."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gengap.arrays import Floats, Ints
from gengap.errors import InputError


class LearningEvents(NamedTuple):
    """What N examples went through in E evaluations; the first evaluation is 1.

    Attributes:
        first: The first evaluation at which each is correct, int ``[N]``; 0 for never.
        lasting: The evaluation from which on it stays correct, int ``[N]``; 0 where the last one is wrong.
        share: The share of evaluations at which it is correct, ``[N]``.
        forgotten: How often it went from correct to wrong, int ``[N]``.
    """

    first: Ints
    lasting: Ints
    share: Floats
    forgotten: Ints


def learning_events(correct: ArrayLike) -> LearningEvents:
    """How early, how often and how steadily each example is correct.

    Source: Arpit et al. 2017 (arXiv:1706.05394v2), section 3.1, for how often; Toneva et al. 2019 (arXiv:1812.05159)
    for forgetting events.

    Args:
        correct: Whether each of N examples is correct at each of E evaluations, in order, ``[E, N]``; or at the end of
            each of E trainings, of which ``share`` is then the estimate of its probability to be correct.

    Raises:
        InputError: No table of truth values.

    >>> events = learning_events([[0, 1], [1, 0], [0, 1], [1, 1]])
    >>> events.first.tolist(), events.lasting.tolist(), events.forgotten.tolist()
    ([2, 1], [4, 3], [1, 1])
    """
    table = np.asarray(correct)
    if table.ndim != 2 or not table.size or not np.isin(table, (0, 1)).all():
        raise InputError(f"A table of shape {table.shape}.", expected="truth values [evaluations, examples]")
    right = table.astype(bool)
    E = len(right)
    first = np.where(right.any(0), right.argmax(0) + 1, 0)
    wrong_last = np.where((~right).any(0), E - (~right)[::-1].argmax(0), 0)  # the last evaluation that is wrong
    lasting = np.where(wrong_last < E, wrong_last + 1, 0)
    return LearningEvents(first, lasting, right.mean(0), (right[:-1] & ~right[1:]).sum(0))
