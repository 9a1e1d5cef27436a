"""Which of several models to ship, from their losses on the same held-out questions."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gengap import bounds
from gengap.arrays import Floats
from gengap.bounds import group_means, label_remarks, level, zero_one_losses
from gengap.bounds.paired import RULE
from gengap.errors import InputError
from gengap.tasks.certify.evaluation import Evaluation
from gengap.tasks.certify.order import fresh_seed, in_random_order
from gengap.tasks.certify.words import confidence, percent, scope, three_digits, unit_word

POWER = 0.8
MCNEMAR, BETTING = "exact McNemar", "betting on the differences"


@dataclass(frozen=True)
class Comparison:
    """Two models on the same questions.

    Attributes:
        n: Independent units: questions, or clusters where clusters were given.
        errors_a: Errors of A; None where losses are graded or units are clusters.
        errors_b: Errors of B; likewise.
        a_only: Questions on which only A errs; likewise.
        b_only: Questions on which only B errs; likewise.
        tried: Models compared on these questions; the pair may be any two of them.
        pairs: How many pairs that makes, tried (tried - 1) / 2: what the test is corrected for.
        delta: Probability that the interval fails for any pair.
        p_value: The exact McNemar test's, for this pair alone; None where betting decides.
        p_value_corrected: The same times ``pairs``, at most 1.
        risk_a: Mean loss of A over the units.
        risk_b: Mean loss of B.
        difference: Risk of A minus that of B.
        interval: An interval for the difference of true risks that holds for all pairs at once.
        verdict: ``"ship A"`` or ``"ship B"`` where the test decides at ``delta / pairs``, else ``"cannot tell"``. The
            interval leaves out 0 in exactly these cases.
        test: The test that decides, fixed by the kind of losses: the exact McNemar test for single predictions that
            are right or wrong, betting on the differences for graded losses and clusters.
        more_examples: How many further examples make a set that would decide, with a probability of 0.8, if the rates
            seen were the true ones; None where the verdict is in, or no number would.
        reason: What ``more_examples`` assumes, or why it is None.
        scope: Where this holds.
        unit: ``"example"`` or ``"group"`` (cluster).
        names: What A and B are called; None where they are arrays.
        metric: What was measured.
        share: Whether risks are error rates, or shares of a full score.
        is_score: Whether a score was measured; its difference is the risks' turned round.
        order_seed: The seed of the random order where betting decides.
        remarks: What was seen in the input that the reader should know.
    """

    n: int
    errors_a: int | None
    errors_b: int | None
    a_only: int | None
    b_only: int | None
    tried: int
    pairs: int
    delta: float
    p_value: float | None
    p_value_corrected: float | None
    risk_a: float
    risk_b: float
    difference: float
    interval: tuple[float, float]
    verdict: str
    test: str
    more_examples: int | None
    reason: str
    scope: str
    unit: str = "example"
    names: tuple[str, str] | None = None
    metric: str = "error rate"
    share: bool = True
    is_score: bool = False
    order_seed: int | None = None
    remarks: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The comparison as a dict that ``json.dumps`` takes; ``files`` is another name of ``names``."""
        return {**asdict(self), "files": self.names}

    @property
    def notes(self) -> list[str]:
        """What is to be said beside the verdict."""
        if self.p_value is None:
            test = (
                f"The verdict is that of betting on the {unit_word(self.unit)}s' differences in a random order, with "
                f"order seed {self.order_seed}; asking again until it decides is not covered"
            )
        else:
            test = f"Exact McNemar test, two-sided: p = {self.p_value:.3g}"
            if self.pairs > 1:
                test += f", corrected for the number of pairs ({self.pairs:,}) p = {self.p_value_corrected:.3g}"
            test += f"; it decides the verdict, at {RULE * self.delta:.4g}, and the interval leaves out 0 exactly then"
        further = [f"Further examples: {self.reason}."] if self.verdict == "cannot tell" else []
        return [*self.remarks, f"{test}.", *further]

    @property
    def sentence(self) -> str:
        """The verdict in one or two sentences."""
        shown = percent if self.share else three_digits
        sign = -1 if self.is_score else 1
        low, high = sorted(sign * end for end in self.interval)
        ends = f"from {shown(low, up=False)} to {shown(high, up=True)}"
        a, b = ("A", "B") if self.names is None else (f"A ({self.names[0]})", f"B ({self.names[1]})")
        risk = self.metric if self.is_score else "risk"
        if self.a_only is not None:
            seen = f"{a} errs alone on {self.a_only:,} and {b} alone on {self.b_only:,} of {self.n:,} examples"
        else:
            of_a, of_b = ((1 - r if self.is_score else r) for r in (self.risk_a, self.risk_b))
            seen = f"{a} has {risk} {shown(of_a)} and {b} {shown(of_b)} on {self.n:,} {unit_word(self.unit)}s"
        sure = f"with {confidence(self.delta)} confidence the {risk} of A minus that of B lies {ends}"
        more = ""
        if self.more_examples:
            more = f" About {self.more_examples:,} more examples would decide, if the rates seen were the true ones."
        return f"{self.verdict[0].upper()}{self.verdict[1:]}: {seen}; {sure}.{more}"


def compare(
    y_true: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    tried: int = 2,
    delta: float = 0.05,
    order_seed: int | None = None,
) -> Comparison:
    """Ship A, ship B, or cannot tell, from predicted labels on the same examples.

    Args:
        y_true: Labels, shape (N,).
        a: Labels predicted by A, shape (N,).
        b: Labels predicted by B, shape (N,).
        clusters: The cluster of each example, shape (N,), where examples depend on each other; each cluster weighs
            the same.
        tried: Models compared on these examples, A and B among them; at least 2.
        delta: Probability that the interval fails for any pair of them, in (0, 1).
        order_seed: As for ``certify``; with clusters only.

    Raises:
        InputError: An argument is out of its range, or the lengths differ.
    """
    remarks = [f"{name}: {remark}" for name, y in (("A", a), ("B", b)) for remark in label_remarks(y_true, y)]
    one, other = (Evaluation(name, name, "error rate", zero_one_losses(y_true, y)) for name, y in (("A", a), ("B", b)))
    return compare_pair(
        one, other, clusters=clusters, tried=tried, delta=delta, order_seed=order_seed, names=None, remarks=remarks
    )


def compare_pair(
    a: Evaluation,
    b: Evaluation,
    *,
    clusters: ArrayLike | None = None,
    tried: int = 2,
    delta: float = 0.05,
    order_seed: int | None = None,
    names: tuple[str, str] | None,
    remarks: list[str],
) -> Comparison:
    """The comparison of two evaluations whose questions stand in the same order."""
    level(tried, delta)
    if tried < 2:
        raise InputError(f"tried = {tried}, but two models are compared.", expected="at least 2")
    pairs = int(tried) * (int(tried) - 1) // 2
    if np.array_equal(a.losses, b.losses):
        remarks = [*remarks, "The two are right and wrong on the same questions: they may be the same model twice."]
    common: dict[str, Any] = {
        "tried": int(tried),
        "pairs": pairs,
        "delta": float(delta),
        "names": names,
        "metric": a.metric,
        "share": a.share and b.share,
        "is_score": a.is_score,
        "remarks": remarks,
    }
    if a.zero_one and b.zero_one and clusters is None:
        return _by_counts(a.losses, b.losses, delta / pairs, common)
    return _by_betting(a, b, clusters, delta / pairs, order_seed, common)


def _by_counts(a: Floats, b: Floats, delta: float, common: dict[str, Any]) -> Comparison:
    n, a_only, b_only = a.size, int(np.sum(a > b)), int(np.sum(b > a))
    interval = bounds.paired_difference(a_only, b_only, n, delta)
    p_value = float(bounds.mcnemar(a_only, b_only))
    decided = bool(bounds.differs(a_only, b_only, delta))
    verdict = ("ship A" if a_only < b_only else "ship B") if decided else "cannot tell"
    more, reason = (None, "the verdict is in") if decided else _more(a_only, b_only, n, delta)
    return Comparison(
        n=n,
        errors_a=int(a.sum()),
        errors_b=int(b.sum()),
        a_only=a_only,
        b_only=b_only,
        p_value=p_value,
        p_value_corrected=min(1.0, common["pairs"] * p_value),
        risk_a=float(a.mean()),
        risk_b=float(b.mean()),
        difference=(a_only - b_only) / n,
        interval=(float(interval.lower), float(interval.upper)),
        verdict=verdict,
        test=MCNEMAR,
        more_examples=more,
        reason=reason,
        scope=scope("example"),
        **common,
    )


def _by_betting(
    a: Evaluation,
    b: Evaluation,
    clusters: ArrayLike | None,
    delta: float,
    order_seed: int | None,
    common: dict[str, Any],
) -> Comparison:
    halves = (1 + a.losses - b.losses) / 2  # differences in [-1, 1], as losses in [0, 1]
    risks = [a.losses, b.losses]
    if clusters is not None:
        halves, risks = (
            group_means(halves, clusters, name="clusters"),
            [group_means(losses, clusters) for losses in risks],
        )
    seed = fresh_seed() if order_seed is None else order_seed
    mixed, scale = in_random_order(halves, seed), a.loss_bound
    upper = 2 * float(bounds.betting(mixed, 1, delta / 2)) - 1
    lower = 1 - 2 * float(bounds.betting(1 - mixed, 1, delta / 2))
    verdict = "ship A" if upper < 0 else "ship B" if lower > 0 else "cannot tell"
    risk_a, risk_b = (float(losses.mean()) * scale for losses in risks)
    return Comparison(
        n=halves.size,
        errors_a=None,
        errors_b=None,
        a_only=None,
        b_only=None,
        p_value=None,
        p_value_corrected=None,
        risk_a=risk_a,
        risk_b=risk_b,
        difference=risk_a - risk_b,
        interval=(lower * scale, upper * scale),
        verdict=verdict,
        test=BETTING,
        more_examples=None,
        reason="the verdict is in"
        if verdict != "cannot tell"
        else "gengap certify --plan --compare with these files as a pilot simulates how many",
        scope=scope("example" if clusters is None else "group"),
        unit="example" if clusters is None else "group",
        order_seed=seed,
        **common,
    )


def _more(a_only: int, b_only: int, n: int, delta: float) -> tuple[int | None, str]:
    """How many more examples would decide, and on what assumption."""
    if a_only == b_only:
        return None, "no difference was seen, so no number of examples can be named"
    needed = bounds.paired_examples_needed(a_only / n, b_only / n, delta, POWER)
    if needed is None:
        return None, "more than a billion examples would be needed"
    power = bounds.paired_power(max(needed, n + 1), a_only / n, b_only / n, delta)
    more = max(1, needed - n)
    return more, (
        f"if the rates seen were the true ones, {n + more:,} examples in all would decide with a probability of "
        f"{power:.2f}; a second look at these examples among more needs a delta of its own: plan both looks beforehand "
        "at half of it each, or take fresh examples only"
    )
