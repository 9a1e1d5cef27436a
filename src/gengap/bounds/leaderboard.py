"""A leaderboard that reveals little: bounds for models made after seeing its earlier answers."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from gengap.arguments import real_number, whole_number
from gengap.bounds.clopper_pearson import clopper_pearson
from gengap.bounds.inputs import SMALLEST_LEVEL, counts, level
from gengap.errors import InputError


@dataclass(frozen=True)
class Leaderboard:
    r"""The answers of a leaderboard so far, and what they promise of its best model.

    Each look reveals one of two things: "no improvement", or the new best error rate rounded up to a multiple of the
    step. So few transcripts are possible that a bound can hold for the model of every one of them. The model submitted
    at look t depends on the t - 1 answers before it; a transcript of these has the weight

    .. math:: \frac{1}{K} \cdot \frac{1}{G + 1} \cdot \prod_{\text{no improvement}} (1 - p) \cdot
              \prod_{\text{better by } d \text{ steps}} p \, 2^{-d}, \qquad p = \min(5 / K, 1/2),

    for K looks planned and G = 1 / step steps (the second factor is that of the first answer, the products run over the
    others). The weights of all transcripts and looks sum to at most 1, and were fixed before any answer; so
    Clopper-Pearson at delta times the weight holds for all models that any sequence of answers can lead to, whatever
    the person who submits does with them.

    Source: the union over transcripts of Dwork et al. 2015 ("Generalization in adaptive data analysis and holdout
    reuse", description length) with a prior, for answers as those of the Ladder of Blum and Hardt 2015.

    Attributes:
        n: Held-out examples.
        step: Error rates are published as multiples of it; 1 / step is a whole number.
        planned: Looks planned, K; no more are answered.
        delta: Probability that any of the bounds fails.
        answers: One for each look: the steps of the new best error rate, or None for "no improvement".

    Raises:
        InputError: An attribute is out of its range, or the answers cannot be those of a leaderboard.

    >>> board = Leaderboard(n=10_000, step=0.01, planned=300, delta=0.05).look(801).look(900).look(712)
    >>> board.answers, board.score, round(board.upper, 3)
    ((9, None, 8), 0.08, 0.093)
    """

    n: int
    step: float
    planned: int
    delta: float = 0.05
    answers: tuple[int | None, ...] = ()

    def __post_init__(self) -> None:
        counts(0, whole_number(self.n, "n"))
        level(whole_number(self.planned, "planned"), real_number(self.delta, "delta", above=0, below=1))
        real_number(self.step, "step", above=0, most=0.5)
        steps = 1 / self._step() if 0 < self.step <= 0.5 else Fraction(1, 3)
        if steps.denominator != 1:
            raise InputError(
                f"step = {self.step:g} cannot be used.", expected="one half or less, a whole number of which make 1"
            )
        best = self.steps + 1
        for place, answer in enumerate(self.answers):
            if (place == 0 and answer is None) or (answer is not None and not 0 <= answer < best):
                raise InputError("These answers are none of a leaderboard.", expected="each best below the one before")
            best = best if answer is None else answer
        if len(self.answers) > self.planned:
            raise InputError(f"{len(self.answers)} looks, but {self.planned} were planned.", expected="no more looks")

    @property
    def steps(self) -> int:
        """How many steps make an error rate of 1."""
        return int(1 / self._step())

    @property
    def score(self) -> float | None:
        """The best published error rate, rounded up to a step; None before the first look."""
        published = [answer for answer in self.answers if answer is not None]
        return float(published[-1] * self._step()) if published else None

    @property
    def upper(self) -> float:
        """Upper bound on the true error rate of the best published model; 1 before the first look."""
        places = [place for place, answer in enumerate(self.answers) if answer is not None]
        if not places:
            return 1.0
        errors = math.floor((self.answers[places[-1]] or 0) * self._step() * self.n)
        logarithm = math.log(self.delta) + self._log_weight(places[-1])
        if logarithm <= math.log(SMALLEST_LEVEL):
            return 1.0
        return float(clopper_pearson(errors, self.n, 1, math.exp(logarithm)))

    def look(self, errors: int) -> "Leaderboard":
        """The leaderboard with one more answer, for a model that makes so many errors.

        Raises:
            InputError: All planned looks are used, or the number is no number of errors.
        """
        if len(self.answers) >= self.planned:
            raise InputError(
                f"All {self.planned} looks that were planned are used.",
                expected="no further look at these examples",
                next_step="open a new leaderboard on fresh examples",
            )
        counts(errors, self.n, whole=True)
        published = math.ceil(Fraction(int(errors), self.n) / self._step())
        best = min([answer for answer in self.answers if answer is not None], default=self.steps + 1)
        return replace(self, answers=(*self.answers, published if published < best else None))

    def _log_weight(self, place: int) -> float:
        """The logarithm of the weight of the model at this place: of the answers before it, and of its look."""
        p = min(5 / self.planned, 0.5)
        total, best = -math.log(self.planned), self.steps + 1
        for before, answer in enumerate(self.answers[:place]):
            if before == 0:
                total -= math.log(self.steps + 1)
            elif answer is None:
                total += math.log1p(-p)
            else:
                total += math.log(p) - (best - answer) * math.log(2)
            best = best if answer is None else answer
        return total

    def _step(self) -> Fraction:
        return Fraction(repr(float(self.step)))
