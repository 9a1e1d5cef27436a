"""The Ladder: scores for models that were made after seeing earlier scores on the same examples."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.bounds.inputs import Floats, level
from gengap.errors import InputError


class Ladder:
    """A leaderboard that tells only improvements, and so stays truthful when its scores steer what is tried next.

    A submission is told its score only if it beats the best score so far by more than a step, and then rounded to a
    multiple of the step; otherwise the best score so far is told again. Counting models (``tried``) does not cover
    models chosen after seeing earlier scores; this does, if the examples are reached through ``submit`` alone.

    Source: Blum and Hardt 2015, "The Ladder", Figure 1 (with a step) and Figure 2 (``step=None``, parameter-free: the
    step is the standard error of the difference to the best submission, scores are rounded to 1/n).

    Args:
        y_true: Labels of the held-out examples, shape (N,).
        step: The step eta, in (0, 1), or None for the parameter-free form.

    Attributes:
        score: The best score told so far: an error rate, infinite before the first submission.
        submissions: How many models were submitted.

    Raises:
        InputError: There are no labels, or the step lies outside (0, 1).

    >>> ladder = Ladder(np.array([0, 1, 0, 1]), step=0.25)
    >>> ladder.submit(np.array([0, 1, 1, 0])), ladder.submit(np.array([0, 1, 0, 0])), ladder.submit([0, 1, 0, 1])
    (0.5, 0.5, 0.0)
    """

    def __init__(self, y_true: Any, step: float | None = None):
        self._y_true: NDArray[Any] = np.asarray(y_true)
        if self._y_true.ndim != 1 or self._y_true.size == 0:
            raise InputError(f"y_true has shape {self._y_true.shape}.", expected="one label for each example")
        if step is not None and not 0 < step < 1:
            raise InputError(f"step = {step:g} cannot be used.", expected="a difference of error rates in (0, 1)")
        self.step = step
        self.score = math.inf
        self.submissions = 0
        self._best: Floats = np.zeros(self._y_true.size)

    def submit(self, y_pred: Any) -> float:
        """The score to tell for these predictions: an error rate, possibly that of an earlier submission.

        Raises:
            InputError: There is not exactly one prediction for each example.
        """
        predictions = np.asarray(y_pred)
        if predictions.shape != self._y_true.shape:
            raise InputError(
                f"Predictions have shape {predictions.shape}, labels {self._y_true.shape}.",
                expected="one prediction for each example",
            )
        losses = (predictions != self._y_true).astype(np.float64)
        self.submissions += 1
        if losses.mean() < self.score - self._margin(losses):
            grain = self.step if self.step is not None else 1 / losses.size
            self.score = round(float(losses.mean()) / grain) * grain
            self._best = losses
        return self.score

    def accuracy(self, delta: float = 0.05) -> float:
        r"""How far ``score`` may lie from the smallest true risk of all submissions, with probability 1 - delta.

        :math:`\eta + \sqrt{((1/\eta + 2) \ln(4k/\eta) + 1 + \ln(1/\delta)) / (2n)}` for k submissions, however they
        were chosen. Source: Blum and Hardt 2015, Theorem 3.1, solved for the distance.

        Raises:
            InputError: The Ladder has no step: no guarantee is known for the parameter-free form; or nothing was
                submitted; or delta lies outside (0, 1).
        """
        if self.step is None or self.submissions == 0:
            what = "The parameter-free Ladder has no guarantee." if self.step is None else "Nothing was submitted yet."
            raise InputError(what, expected="a Ladder with a step and at least one submission")
        steps, surprise = 1 / self.step, -float(np.log(level(1, delta)))
        exponent = (steps + 2) * math.log(4 * self.submissions * steps) + 1 + surprise
        return self.step + math.sqrt(exponent / (2 * self._y_true.size))

    def _margin(self, losses: Floats) -> float:
        """What an improvement has to exceed."""
        if self.step is not None or self.submissions == 1 or losses.size == 1:
            return self.step or 0.0
        return float(np.std(losses - self._best, ddof=1) / math.sqrt(losses.size))
