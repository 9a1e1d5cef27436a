"""The Ladder: scores for models that were made after seeing earlier scores on the same examples."""

import math
from fractions import Fraction
from typing import Any

import numpy as np

from gengap.arguments import real_number
from gengap.arrays import Floats
from gengap.bounds.inputs import level
from gengap.bounds.labels import label_array
from gengap.bounds.losses import zero_one_losses
from gengap.errors import InputError


class Ladder:
    """A leaderboard that publishes only improvements, and so stays truthful when its scores steer what is tried next.

    A submission gets its score only if it beats the best score so far by more than a step, and then rounded to a
    multiple of the step; otherwise the best score so far is returned again. Counting models (``tried``) does not cover
    models chosen after seeing earlier scores; this does, if the examples are reached through ``submit`` alone.

    Source: Blum and Hardt 2015, "The Ladder", Figure 1 (with a step) and Figure 2 (``step=None``, parameter-free: the
    step is the standard error of the difference to the best submission, scores are rounded to 1/n). Scores are compared
    as fractions, the step as the decimal number that was written: an improvement by just a step is none.

    Args:
        y_true: Labels of the held-out examples, shape (N,).
        step: The step eta, in (0, 1), or None for the parameter-free form.

    Attributes:
        score: The best score published so far: an error rate, infinite before the first submission.
        submissions: How many models were submitted.

    Raises:
        InputError: There are no labels, one is missing, or the step lies outside (0, 1).

    >>> ladder = Ladder(np.array([0, 1, 0, 1]), step=0.25)
    >>> ladder.submit(np.array([0, 1, 1, 0])), ladder.submit(np.array([0, 1, 0, 0])), ladder.submit([0, 1, 0, 1])
    (0.5, 0.5, 0.0)
    """

    def __init__(self, y_true: Any, step: float | None = None):
        self._y_true = label_array("y_true", y_true)
        self.step = None if step is None else real_number(step, "step", above=0, below=1)
        self.score = math.inf
        self.submissions = 0
        self._best: Floats = np.zeros(self._y_true.size)
        self._told: Fraction | None = None

    def submit(self, y_pred: Any) -> float:
        """The score to publish for these predictions: an error rate, possibly that of an earlier submission.

        Args:
            y_pred: Predicted labels, shape (N,), or class probabilities, shape (N, C).

        Raises:
            InputError: There is not exactly one prediction for each example, or labels and predictions cannot be
                compared, as in ``zero_one_losses``.
        """
        losses = zero_one_losses(self._y_true, y_pred)
        self.submissions += 1
        if self._improves(losses):
            step = self._exact_step()
            risk = _mean(losses)
            self._told = risk if step is None else round(risk / step) * step
            self.score, self._best = float(self._told), losses
        return self.score

    def accuracy(self, delta: float = 0.05, *, planned: int | None = None) -> float:
        r"""How far ``score`` may lie from the smallest true risk of all submissions, with probability 1 - delta.

        :math:`\eta + \sqrt{((1/\eta + 2) \ln(4k/\eta) + 1 + \ln(1/\delta)) / (2n)}` for k submissions, however they
        were chosen. Source: Blum and Hardt 2015, Theorem 3.1, solved for the distance. The theorem is for a k fixed
        beforehand: where the scores decide when to stop, k is the number planned, not the number made.

        Args:
            delta: Probability that it lies further, in (0, 1).
            planned: Submissions planned beforehand, k; if not given, those made so far, which were then the plan.

        Raises:
            InputError: The Ladder has no step: no guarantee is known for the parameter-free form; or nothing was
                submitted, or more than planned; or delta lies outside (0, 1).
        """
        if self.step is None or self.submissions == 0:
            what = "The parameter-free Ladder has no guarantee." if self.step is None else "Nothing was submitted yet."
            raise InputError(what, expected="a Ladder with a step and at least one submission")
        k = self.submissions if planned is None else planned
        if k < self.submissions:
            raise InputError(
                f"planned = {k}, but there were {self.submissions} submissions.", expected="a number never exceeded"
            )
        steps, surprise = 1 / self.step, -float(np.log(level(1, delta)))
        exponent = (steps + 2) * math.log(4 * k * steps) + 1 + surprise
        return self.step + math.sqrt(exponent / (2 * self._y_true.size))

    def _improves(self, losses: Floats) -> bool:
        """Whether the losses beat the published score by more than the step, or by more than the standard error."""
        if self._told is None:
            return True
        step = self._exact_step()
        if step is not None:
            return _mean(losses) < self._told - step
        # With D losses changed, k more of them fallen than risen, (k/n)^2 > (D - k^2/n) / (n (n - 1)) is k^2 > D.
        fewer, changed = int(self._best.sum() - losses.sum()), int(np.sum(losses != self._best))
        return fewer > 0 and fewer**2 > changed

    def _exact_step(self) -> Fraction | None:
        return None if self.step is None else Fraction(repr(float(self.step)))


def _mean(losses: Floats) -> Fraction:
    return Fraction(int(losses.sum()), losses.size)
