"""Which of two models to ship, from their predictions on the same held-out examples."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gengap import bounds
from gengap.bounds import label_remarks, level, zero_one_losses
from gengap.bounds.paired import RULE
from gengap.errors import InputError
from gengap.tasks.certify.words import confidence, percent, scope

_POWER = 0.8


@dataclass(frozen=True)
class Comparison:
    """Two models on the same examples.

    Attributes:
        n: Examples.
        errors_a: Errors of A.
        errors_b: Errors of B.
        a_only: Examples on which only A errs.
        b_only: Examples on which only B errs.
        tried: Models compared on these examples; the pair may be any two of them.
        pairs: How many pairs that makes, tried (tried - 1) / 2: what the test is corrected for.
        delta: Probability that the interval fails for any pair.
        p_value: The exact McNemar test's, for this pair alone.
        p_value_corrected: The same times ``pairs``, at most 1.
        difference: Error rate of A minus that of B.
        interval: An interval for the difference of true risks that holds for all pairs at once.
        verdict: ``"ship A"`` or ``"ship B"`` where the exact McNemar test decides at ``delta / pairs``, else ``"cannot
            tell"``. The interval leaves out 0 in exactly these cases.
        more_examples: How many further examples make a set that would tell, with a probability of 0.8, if the rates
            seen were the true ones; None where the verdict is in, or no number would.
        reason: What ``more_examples`` assumes, or why it is None.
        scope: Where this holds.
        remarks: What was seen in the labels and predictions that the reader should know.
        files: Where the predictions of A and of B stand; None where they are arrays.
    """

    n: int
    errors_a: int
    errors_b: int
    a_only: int
    b_only: int
    tried: int
    pairs: int
    delta: float
    p_value: float
    p_value_corrected: float
    difference: float
    interval: tuple[float, float]
    verdict: str
    more_examples: int | None
    reason: str
    scope: str
    remarks: list[str] = field(default_factory=list)
    files: tuple[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """The comparison as a dict that ``json.dumps`` takes."""
        return asdict(self)

    @property
    def notes(self) -> list[str]:
        """What is to be said beside the verdict."""
        test = f"Exact McNemar test, two-sided: p = {self.p_value:.3g}"
        if self.pairs > 1:
            test += f", corrected for the number of pairs ({self.pairs:,}) p = {self.p_value_corrected:.3g}"
        test += (
            f"; it decides the verdict, at {RULE * self.delta:.4g}, and the interval leaves out 0 exactly when it does"
        )
        further = [f"Further examples: {self.reason}."] if self.verdict == "cannot tell" else []
        return [*self.remarks, f"{test}.", *further]

    @property
    def sentence(self) -> str:
        """The verdict in one or two sentences."""
        low, high = percent(self.interval[0], up=False), percent(self.interval[1], up=True)
        a, b = ("A", "B") if self.files is None else (f"A ({self.files[0]})", f"B ({self.files[1]})")
        seen = f"{a} errs alone on {self.a_only:,} and {b} alone on {self.b_only:,} of {self.n:,} examples"
        sure = f"with {confidence(self.delta)} confidence the risk of A minus that of B lies from {low} to {high}"
        more = (
            f" About {self.more_examples:,} more examples would tell, if the rates seen were the true ones."
            if self.more_examples
            else ""
        )
        return f"{self.verdict[0].upper()}{self.verdict[1:]}: {seen}; {sure}.{more}"


def compare(y_true: ArrayLike, a: ArrayLike, b: ArrayLike, *, tried: int = 2, delta: float = 0.05) -> Comparison:
    """Ship A, ship B, or cannot tell, from predicted labels on the same examples.

    Args:
        y_true: Labels, shape (N,).
        a: Labels predicted by A, shape (N,).
        b: Labels predicted by B, shape (N,).
        tried: Models compared on these examples, A and B among them; at least 2.
        delta: Probability that the interval fails for any pair of them, in (0, 1).

    Raises:
        InputError: An argument is out of its range, or the lengths differ.
    """
    level(tried, delta)
    if tried < 2:
        raise InputError(f"tried = {tried}, but two models are compared.", expected="at least 2")
    wrong_a, wrong_b = zero_one_losses(y_true, a), zero_one_losses(y_true, b)
    n, a_only, b_only = wrong_a.size, int(np.sum(wrong_a > wrong_b)), int(np.sum(wrong_b > wrong_a))
    pairs = int(tried) * (int(tried) - 1) // 2
    interval = bounds.paired_difference(a_only, b_only, n, delta / pairs)
    p_value = float(bounds.mcnemar(a_only, b_only))
    decided = bool(bounds.differs(a_only, b_only, delta / pairs))
    verdict = ("ship A" if a_only < b_only else "ship B") if decided else "cannot tell"
    more, reason = _more(a_only, b_only, n, delta / pairs) if verdict == "cannot tell" else (None, "the verdict is in")
    return Comparison(
        n=n,
        errors_a=int(wrong_a.sum()),
        errors_b=int(wrong_b.sum()),
        a_only=a_only,
        b_only=b_only,
        tried=int(tried),
        pairs=pairs,
        delta=float(delta),
        p_value=p_value,
        p_value_corrected=min(1.0, pairs * p_value),
        difference=(a_only - b_only) / n,
        interval=(float(interval.lower), float(interval.upper)),
        verdict=verdict,
        more_examples=more,
        reason=reason,
        scope=scope("example"),
        remarks=[f"{name}: {remark}" for name, y in (("A", a), ("B", b)) for remark in label_remarks(y_true, y)],
    )


def _more(a_only: int, b_only: int, n: int, delta: float) -> tuple[int | None, str]:
    """How many more examples would tell, and on what assumption."""
    if a_only == b_only:
        return None, "no difference was seen, so no number of examples can be named"
    needed = bounds.paired_examples_needed(a_only / n, b_only / n, delta, _POWER)
    if needed is None:
        return None, "more than a billion examples would be needed"
    power = bounds.paired_power(max(needed, n + 1), a_only / n, b_only / n, delta)
    more = max(1, needed - n)
    return more, (
        f"if the rates seen were the true ones, {n + more:,} examples in all would tell with a probability of "
        f"{power:.2f}; a second look at these examples among more needs a delta of its own: plan both looks beforehand "
        "at half of it each, or take fresh examples only"
    )


def compare_files(a: str | Path, b: str | Path, *, tried: int = 2, delta: float = 0.05) -> Comparison:
    """``compare`` for two prediction files that hold the same labels in the same order.

    Where both have a column that names the examples (id, example_id, path, file, filename, name, index), the rows of B
    are put into the order of A's.

    Raises:
        InputError: They do not, or a file or an argument cannot be used.
    """
    from gengap.tasks.certify.files import read_predictions

    one, other = read_predictions(a), read_predictions(b)
    if one.y_true.shape != other.y_true.shape:
        raise InputError(
            f"The two files hold {one.y_true.size:,} and {other.y_true.size:,} examples.",
            expected="the same held-out examples",
        )
    if (one.y_true.dtype.kind == "U") != (other.y_true.dtype.kind == "U"):
        one, other = one.as_text(), other.as_text()
    other = other.in_order_of(one)
    differ = int(np.sum(one.y_true != other.y_true))
    if differ:
        raise InputError(
            f"The labels of the two files differ on {differ:,} of {one.y_true.size:,} rows.",
            expected="the same held-out examples in the same order",
            next_step="sort both alike, or give both a column id",
        )
    found = compare(one.y_true, one.y_pred, other.y_pred, tried=tried, delta=delta)
    return replace(found, files=(str(a), str(b)))
