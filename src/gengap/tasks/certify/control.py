"""Selective prediction: the confidence from which on a model's answers may be accepted."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gengap import bounds
from gengap.arrays import Floats
from gengap.errors import InputError, listed
from gengap.tasks.certify.columns import PROBABILITY, class_probabilities
from gengap.tasks.certify.files import Predictions
from gengap.tasks.certify.words import confidence as sure
from gengap.tasks.certify.words import percent, scope

DEFAULT_GRID = tuple(np.round(np.arange(0.0, 1.0, 0.02), 2).tolist())  # the same for every file


@dataclass(frozen=True)
class Control:
    """A threshold on the confidence, and the curve of what every threshold of the grid accepts.

    Attributes:
        threshold: Answers with a confidence of at least this are accepted; None where no threshold is controlled.
        risk: The largest error rate wanted among what is accepted.
        upper: Upper bound on it at the threshold, for all thresholds at once.
        accepted: Examples accepted at the threshold.
        errors: Wrong ones among them.
        n: Held-out examples.
        tried: Models compared on these examples.
        delta: Probability that more than ``risk`` of what is accepted is wrong.
        method: ``"Bonferroni"`` or ``"fixed sequence"``.
        rows: One dict a threshold: ``threshold``, ``accepted``, ``errors``, ``share``, ``seen``, ``upper`` (for all
            thresholds at once), ``controlled``.
        remarks: What was seen in the input that the reader should know.
        scope: Where this holds.
    """

    threshold: float | None
    risk: float
    upper: float | None
    accepted: int
    errors: int
    n: int
    tried: int
    delta: float
    method: str
    rows: list[dict[str, Any]]
    remarks: list[str]
    scope: str

    @property
    def sentence(self) -> str:
        """The threshold and what it promises, in one sentence."""
        if self.threshold is None:
            return (
                f"At no threshold of the grid can it be promised, with {sure(self.delta)} confidence, that at most "
                f"{percent(self.risk)} of what is accepted is wrong."
            )
        return (
            f"Accept answers with a confidence of at least {self.threshold:g}: with {sure(self.delta)} confidence "
            f"at most "
            f"{percent(self.risk)} of what is accepted is wrong (seen: {self.errors:,} of {self.accepted:,} "
            f"accepted, which "
            f"are {percent(self.accepted / self.n)} of the examples)."
        )

    @property
    def notes(self) -> list[str]:
        """What is to be said beside the threshold."""
        return [
            *self.remarks,
            f"Learn then Test with exact binomial p-values; {self.method} over a grid of {len(self.rows)} "
            f"thresholds, which "
            "was fixed before this file was seen.",
            "The bounds of the curve hold for all thresholds at once; the shares and error rates seen are descriptive.",
        ]

    def to_json(self) -> dict[str, Any]:
        """The threshold as a dict that ``json.dumps`` takes."""
        return {**asdict(self), "sentence": self.sentence}


def control_predictions(
    read: Predictions,
    risk: float,
    *,
    grid: Sequence[float] = DEFAULT_GRID,
    tried: int = 1,
    delta: float = 0.05,
    sequence: bool = False,
) -> Control:
    """The smallest threshold at which at most ``risk`` of what is accepted is wrong.

    Args:
        read: Predictions with a column ``confidence``, or class probabilities, whose largest is the confidence.
        risk: The largest error rate wanted, in (0, 1).
        grid: Thresholds in [0, 1], fixed without looking at this file.
        tried: Models compared on these examples, at least 1.
        delta: Probability that the promise fails, in (0, 1).
        sequence: Whether thresholds are tested as a fixed sequence from the largest down, in place of Bonferroni.

    Raises:
        InputError: There is no confidence, examples repeat, or an argument is out of its range.
    """
    evaluation = read.evaluation()
    if evaluation.losses.size != read.y_true.size:
        raise InputError(
            f"{read.source} repeats its examples.",
            expected="independent examples, each once: no threshold is known for others",
        )
    found = bounds.risk_control(
        _confidence(read), evaluation.losses, risk, list(grid), tried=tried, delta=delta, sequence=sequence
    )
    rows: list[dict[str, Any]] = [
        {
            "threshold": float(found.grid[i]),
            "accepted": int(found.accepted[i]),
            "errors": int(found.errors[i]),
            "share": float(found.accepted[i] / evaluation.losses.size),
            "seen": float(found.errors[i] / found.accepted[i]) if found.accepted[i] else None,
            "upper": float(found.upper[i]),
            "controlled": bool(found.controlled[i]),
        }
        for i in range(found.grid.size)
    ]
    chosen = next((row for row in rows if row["controlled"]), None)
    return Control(
        threshold=None if chosen is None else chosen["threshold"],
        risk=risk,
        upper=None if chosen is None else chosen["upper"],
        accepted=0 if chosen is None else chosen["accepted"],
        errors=0 if chosen is None else chosen["errors"],
        n=evaluation.losses.size,
        tried=tried,
        delta=delta,
        method="fixed sequence" if sequence else "Bonferroni",
        rows=rows,
        remarks=list(evaluation.remarks),
        scope=scope("example"),
    )


def _confidence(read: Predictions) -> Floats:
    if "confidence" in read.table:
        try:
            values = read.table["confidence"].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError):
            raise InputError(f"{read.source}: confidence holds no numbers.", expected="numbers in [0, 1]") from None
        return np.asarray(values)
    if not any(str(column).startswith(PROBABILITY) for column in read.table):
        raise InputError(
            f"{read.source} has no class probabilities; it has {listed(list(read.table.columns))}.",
            expected="one probability column p_CLASS for each class, or a column confidence beside y_pred",
        )
    return np.asarray(class_probabilities(read.table, read.source)[1].max(axis=1))
