"""Has a network learned or memorised? How much of what it gained on its training examples carries over to others."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from gengap.arguments import real_number, whole_number
from gengap.bounds.clopper_pearson import clopper_pearson_interval
from gengap.errors import exact

LearnedVerdict = Literal["learned", "mixed", "memorised", "learned nothing", "undecided"]
LEARNED, MEMORISED = 0.8, 0.2  # a share of at least the one is learned, of at most the other memorised
STANDARD_ERRORS = 3  # of the majority share: what a training accuracy has to exceed it by
RULE = (
    "share = (test accuracy - majority) / (training accuracy - majority), where majority is the share of the most "
    "frequent class among the training labels. With the 95 % interval of the share that the test examples alone give "
    f"(Clopper-Pearson): learned where all of it is at least {LEARNED:g}, memorised where all of it is at most "
    f"{MEMORISED:g}, mixed where it lies between these, undecided where it crosses one of them; learned nothing where "
    f"the training accuracy is not above the majority share by more than {STANDARD_ERRORS} standard errors of that "
    "share (undecided where so few training examples are known that no accuracy could be)."
)
OF_SAMPLE = (
    " The training accuracy is that of examples drawn from the training split: here the interval is that of all shares "
    "which the intervals of both accuracies allow, each with half of the probability to miss."
)


@dataclass(frozen=True)
class LearnedShare:
    """How much of what a network gained on its training examples carries over, and the verdict that follows.

    Attributes:
        verdict: By the rule: ``learned``, ``mixed``, ``memorised``, ``learned nothing`` or ``undecided``.
        reason: The numbers that decide, in words.
        share: (test - majority) / (training - majority); None where it learned nothing. Below 0 where the test
            accuracy is below the majority share, above 1 where it is above the training accuracy.
        low, high: The interval of the share that follows from the test accuracy's, and from the training accuracy's
            where that is of a sample; infinite where the training accuracy may be the majority share.
        train_accuracy, test_accuracy, majority: Fractions.
        n_train, n_test: Examples behind the two accuracies.
        delta: Probability that the interval misses.
        caution: What may be wrong with the numbers; empty where nothing was seen.
        rule: The rule in words.
        drawn_from: Training examples of which the ``n_train`` are a random sample; None where they are all.
    """

    verdict: LearnedVerdict
    reason: str
    share: float | None
    low: float | None
    high: float | None
    train_accuracy: float
    test_accuracy: float
    majority: float
    n_train: int
    n_test: int
    delta: float
    caution: str
    rule: str = RULE
    drawn_from: int | None = None

    def record(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return asdict(self)


def learned_share(
    train_accuracy: float,
    test_accuracy: float,
    majority: float,
    *,
    n_train: int,
    n_test: int,
    delta: float = 0.05,
    drawn_from: int | None = None,
) -> LearnedShare:
    """Whether a network has learned or memorised, from its accuracies.

    With a = training accuracy, t = test accuracy and m = majority share, the share is (t - m) / (a - m). Its interval
    is that of t by Clopper and Pearson, put in place of t: it covers the draw of the test examples, and nothing else
    (not the training, nor the draw of the training examples). ``rule`` has the rule.

    Where a is measured on a sample of the training split alone, this draw counts: both a and t have Clopper-Pearson
    intervals at delta / 2, and the interval is that of all shares that they allow.

    A training accuracy up to m + 3 sqrt(m (1 - m) / n_train) is not told from that of a network that always answers
    the most frequent class; where not even an accuracy of 1 could exceed this, the verdict is ``undecided``.

    Args:
        train_accuracy: Accuracy on ``n_train`` training examples with the labels that it was trained on, in [0, 1].
        test_accuracy: Accuracy on ``n_test`` examples that it was not trained on, in [0, 1].
        majority: Share of the most frequent class among the training labels, in (0, 1].
        n_train: Training examples whose accuracy is given, at least 1.
        n_test: Test examples, at least 1.
        delta: Probability with which the interval may miss, in (0, 1).
        drawn_from: Size of the training split that the ``n_train`` examples were drawn from at random, at least
            ``n_train``; None, or ``n_train``, where they are all of it.

    Raises:
        InputError: A number out of its range.

    >>> learned_share(1.0, 0.95, 0.1, n_train=50_000, n_test=10_000).verdict
    'learned'
    >>> learned_share(1.0, 0.1, 0.1, n_train=50_000, n_test=10_000).verdict
    'memorised'
    """
    a = real_number(train_accuracy, "train_accuracy", least=0, most=1)
    t = real_number(test_accuracy, "test_accuracy", least=0, most=1)
    m = real_number(majority, "majority", above=0, most=1)
    n_train, n_test = whole_number(n_train, "n_train"), whole_number(n_test, "n_test")
    delta = real_number(delta, "delta", above=0, below=1)
    if drawn_from is not None:
        drawn_from = whole_number(drawn_from, "drawn_from", least=n_train)
        drawn_from = None if drawn_from == n_train else drawn_from
    t_ends, a_ends = clopper_pearson_interval(round(t * n_test), n_test, delta=delta), (a, a)
    if drawn_from is not None:
        t_ends = clopper_pearson_interval(round(t * n_test), n_test, delta=delta / 2)
        a_ends = clopper_pearson_interval(round(a * n_train), n_train, delta=delta / 2)
    share = low = high = None
    if a > m:
        share = (t - m) / (a - m)
        low, high = _ends((t_ends[0] - m, t_ends[1] - m), (a_ends[0] - m, a_ends[1] - m))
    verdict, reason = _decide(a, m, n_train, share, low, high, delta)
    if drawn_from is not None and verdict != "learned nothing":
        reason += f"; the interval also covers the draw of {n_train:,} of {drawn_from:,} training examples"
    if verdict == "learned nothing":  # a quotient of a difference that is no more than noise
        share = low = high = None
    caution = _caution(a, t, n_train, n_test)
    rule = RULE.replace("95 %", _level(delta)) + ("" if drawn_from is None else OF_SAMPLE)
    return LearnedShare(verdict, reason, share, low, high, a, t, m, n_train, n_test, delta, caution, rule, drawn_from)


def _level(delta: float) -> str:
    return f"{100 * (1 - delta):.10g} %"


def _ends(above: tuple[float, float], gained: tuple[float, float]) -> tuple[float, float]:
    """The least and the greatest quotient of two numbers in these intervals, the second one above 0."""
    least, most = gained
    of_least = [end / least if least > 0 else math.copysign(math.inf, end) for end in above]
    return min(of_least[0], above[0] / most), max(of_least[1], above[1] / most)


def majority_limit(majority: float, n: int) -> float:
    """The training accuracy up to which a network is not told from one that always answers the most frequent class.

    That is three standard errors of the majority share m among n training examples above it, m + 3 sqrt(m (1 - m) / n).

    >>> majority_limit(0.5, 900)
    0.55
    """
    return majority + STANDARD_ERRORS * math.sqrt(majority * (1 - majority) / n)


def _decide(
    a: float, m: float, n_train: int, share: float | None, low: float | None, high: float | None, delta: float
) -> tuple[LearnedVerdict, str]:
    limit = majority_limit(m, n_train)
    constant = f"always answering the most frequent class reaches {m:.2%}"
    if share is None or low is None or high is None:
        return "learned nothing", f"its training accuracy is {a:.2%}, and {constant}"
    if limit >= 1:
        return "undecided", f"{constant}, and {n_train:,} training examples are too few to tell any accuracy from that"
    if a <= limit:
        near = f"within {STANDARD_ERRORS} standard errors, {100 * (limit - m):.2g} points"
        return "learned nothing", f"its training accuracy is {a:.2%}, and {constant}, {near}"
    seen = (
        f"of the {100 * (a - m):.2f} points by which its training accuracy is above that of always answering the most "
        f"frequent class, a share of {share:.3f} carries over to test examples ({_level(delta)} interval {low:.3f} to "
        f"{high:.3f})"
    )
    if low >= LEARNED:
        return "learned", seen
    if high <= MEMORISED:
        return "memorised", seen
    crossed = [line for line in (MEMORISED, LEARNED) if low <= line <= high]
    if crossed:
        return "undecided", f"{seen}, an interval across {' and '.join(map(exact, crossed))}"
    return "mixed", seen


def _caution(a: float, t: float, n_train: int, n_test: int) -> str:
    """A test accuracy above that in training by more than chance explains."""
    error = math.sqrt(a * (1 - a) / n_train + t * (1 - t) / n_test)
    if t - a <= STANDARD_ERRORS * error:
        return ""
    return (
        f"The test accuracy is {100 * (t - a):.2f} points above that on the training split: was the network trained on "
        "this split, with these labels?"
    )
