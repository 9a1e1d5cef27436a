"""What error to expect on new examples without labels: estimates, never bounds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from torch import nn

from gengap.arrays import Floats, Ints
from gengap.data import Problem
from gengap.errors import InputError
from gengap.network.inputs import class_scores
from gengap.probes import ExpectedError, disagreement, negative_entropy, thresholded_confidence
from gengap.report import Table, Text, percent
from gengap.tasks.audit.part import LeftOut, Part
from gengap.tasks.audit.retraining import predicted_by
from gengap.tasks.audit.subject import AuditSubject

CAVEAT = (
    "These are estimates, no bounds. The disagreement of two runs of one recipe estimates their error where the "
    "ensemble of all runs is calibrated class by class (Jiang et al. 2022); it says no more than that calibration, and "
    "fails under shift, where calibration does (Kirsch and Gal 2022). Average thresholded confidence (Garg et al. "
    "2022) assumes that a shift moves confidences as it moves the error. No data without labels can show either."
)
OF_FOLDS = (
    "The two runs are models that were trained without one fold each: their disagreement estimates the error of such "
    "fold models, not of the network that is audited."
)
TIES = (
    "Several test examples have exactly the confidence of a threshold. A share of those at it counts as below, the one "
    "that gives the test examples their own error, so that the estimate is between those with none and with all of "
    "them: {}."
)
Pair = tuple[Ints, Ints]  # predictions of two runs


def label_free_part(
    subject: AuditSubject, unlabelled: NDArray[Any] | None, *, second: nn.Module | None, folds: Sequence[Any]
) -> Part:
    """Estimates of the error from the disagreement of two runs, and from confidence.

    Args:
        subject: The model and its data.
        unlabelled: Inputs of new examples, see ``as_stored``; None for none.
        second: The network of a second run of the recipe, which returns scores; None for none.
        folds: What trainings on folds returned, of which two serve where there is no second run.
    """
    new = None if unlabelled is None else new_probabilities(subject, unlabelled)
    pair, new_pair = _runs(subject, second, folds, unlabelled, new)
    if new is None and pair is None:
        raise LeftOut("no examples without labels and no second run were given: --unlabelled FILE, --second WEIGHTS")
    rows: list[dict[str, Any]] = []
    confidences = {} if new is None else _confidences(subject, new)
    if pair is not None:
        errors = [float((predicted != subject.test.labels).mean()) for predicted in pair]
        rows.append(_disagreement("test", pair, sum(errors) / 2))
    rows += [_row("new", f"thresholded confidence, {name}", found.error) for name, found in confidences.items()]
    if new_pair is not None:
        rows.append(_disagreement("new", new_pair, None))
    frame = pd.DataFrame(rows)
    return Part(
        "label_free",
        "",
        _sentence(frame, None if new is None else len(new), 1 - subject.test.accuracy),
        {
            "estimates": frame.to_dict("records"),
            "test_error": 1 - subject.test.accuracy,
            "thresholds": {name: found._asdict() for name, found in confidences.items()},
        },
        lambda: [
            Table(
                frame,
                "Estimated error, beside the one seen where there are labels",
                dict.fromkeys(("estimate", "low", "high", "error_seen"), ".2%"),
            ),
            Text([CAVEAT, *([OF_FOLDS] if second is None and folds else []), *_ties(confidences)]),
        ],
        f"{len(subject.test):,} test examples" + ("" if new is None else f", {len(new):,} examples without labels"),
    )


def new_probabilities(subject: AuditSubject, x: NDArray[Any]) -> Floats:
    """The model's class probabilities for inputs as they are stored.

    Raises:
        NotApplicable: The model is no network.
    """
    result: Floats = softmax(class_scores(subject.module(), subject.problem, x), 1)
    return result


def as_stored(problem: Problem, inputs: ArrayLike) -> NDArray[Any]:
    """New inputs in the form in which the data are stored; images may have their channels last.

    Raises:
        InputError: They have another shape, or another type that does not convert without loss, or
            numbers that are not finite.
    """
    stored, x = problem.test.x, np.asarray(inputs)
    if x.ndim == 4 and stored.ndim == 4 and x.shape[1:] != stored.shape[1:]:
        x = np.moveaxis(x, -1, 1)
    if x.shape[1:] != stored.shape[1:] or not len(x) or not np.can_cast(x.dtype, stored.dtype, "same_kind"):
        raise InputError(
            f"The examples without labels have shape {np.shape(inputs)} and type {x.dtype}.",
            expected=f"shape [N, {', '.join(map(str, stored.shape[1:]))}] and type {stored.dtype}, as the data have",
        )
    with np.errstate(over="ignore"):
        made = x.astype(stored.dtype)
    wrong = np.flatnonzero(~np.isfinite(made.reshape(len(made), -1)).all(1))
    if len(wrong):
        raise InputError(
            f"Example {wrong[0]} without a label holds NaN or Inf, and {len(wrong):,} such in all.",
            expected="finite numbers",
            next_step="leave these examples out, or fill in what is missing as for the training examples",
        )
    return made


def _runs(
    subject: AuditSubject, second: nn.Module | None, folds: Sequence[Any], x: NDArray[Any] | None, new: Floats | None
) -> tuple[Pair | None, Pair | None]:
    """Predictions of two runs for the test examples, and for those without labels."""
    problem = subject.problem
    if second is not None:
        test = (subject.test.predicted, class_scores(second, problem, problem.test.x).argmax(1))
        return test, None if x is None or new is None else (new.argmax(1), class_scores(second, problem, x).argmax(1))
    if len(folds) < 2:
        return None, None
    a, b = folds[:2]
    test = (predicted_by(a, problem, "test"), predicted_by(b, problem, "test"))
    return test, None if x is None else (predicted_by(a, problem, "test", x), predicted_by(b, problem, "test", x))


def _disagreement(on: str, pair: Pair, seen: float | None) -> dict[str, Any]:
    found = disagreement(*pair)
    return _row(on, "disagreement of two runs", found.share, found.low, found.high, seen)


def _confidences(subject: AuditSubject, new: Floats) -> dict[str, ExpectedError]:
    known, right = subject.test.probabilities, subject.test.correct
    scores = {"largest probability": lambda p: p.max(1), "negative entropy": negative_entropy}
    return {name: thresholded_confidence(score(known), right, score(new)) for name, score in scores.items()}


def _ties(confidences: Mapping[str, ExpectedError]) -> list[str]:
    """What confidences that are equal leave open; nothing where none is at its threshold."""
    spans = [
        f"{percent(found.least)} to {percent(found.most)} by {name}"
        for name, found in confidences.items()
        if found.most > found.least
    ]
    return [TIES.format(", ".join(spans))] if spans else []


def _row(
    on: str,
    method: str,
    estimate: float,
    low: float | None = None,
    high: float | None = None,
    seen: float | None = None,
) -> dict[str, Any]:
    return {"examples": on, "method": method, "estimate": estimate, "low": low, "high": high, "error_seen": seen}


def _sentence(frame: pd.DataFrame, new: int | None, error: float) -> str:
    if new is None:
        first = frame.iloc[0]
        return (
            f"Two runs disagree on {percent(first['estimate'])} of the test examples; their mean error is "
            f"{percent(first['error_seen'])}."
        )
    estimates = frame.loc[frame["examples"] == "new", "estimate"]
    return (
        f"On {new:,} new examples an error between {percent(estimates.min())} and {percent(estimates.max())} is to be "
        f"expected, by estimates that may be wrong; it is {percent(error)} on the test split."
    )
