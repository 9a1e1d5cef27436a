"""What each classical measure of capacity promises for a trained network, from the numbers of one row."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gengap.bounds.clopper_pearson import clopper_pearson
from gengap.bounds.rademacher import rademacher_bound
from gengap.bounds.stability import stability_bound
from gengap.bounds.stability_hardt2016 import LossConstants, hardt2016_nonconvex
from gengap.bounds.vc_bound import vc_bound, vc_examples_needed
from gengap.errors import InputError

UPPER, LOWER = "upper bound", "lower estimate"
REFUSED, ABSENT = "nothing: it does not apply", "no result"


class Promise(NamedTuple):
    """A measure of capacity, and the bound on true error that follows from it.

    Attributes:
        measure: Its name.
        kind: ``"upper bound"``: it makes a promise; ``"lower estimate"``: it can only refute one.
        value: Of the measure; None where it does not apply.
        n: Examples that it speaks of.
        train_error: Error rate on these, of the network that was trained on them.
        bound: Where the kind is an upper bound, the true error is at most this with probability 1 - delta; where it
            is a lower estimate, every bound made this way is at least this. None where it does not apply.
        promises: The same in words.
        note: How the value came about, or why there is none.
    """

    measure: str
    kind: str
    value: float | None
    n: int
    train_error: float | None
    bound: float | None
    promises: str
    note: str


def promises(row: Mapping[str, Any], *, delta: float = 0.05) -> list[Promise]:
    """What VC dimension, Rademacher complexity and stability promise for a network, and what held-out examples do.

    Args:
        row: A row of ``gengap.cells.capacity_trials.capacity_rows``.
        delta: Probability with which each bound may fail by itself, in (0, 1).
    """
    made = (_vc(row, delta), _rademacher(row, delta), _twins(row, delta), _hardt(row), _held_out(row, delta))
    return list(made)


def promise_lines(rows: Iterable[Mapping[str, Any]], *, delta: float = 0.05) -> list[dict[str, Any]]:
    """The promises of several networks: ``network``, ``labels`` and ``test_error`` of each, and a Promise's fields."""
    lines = []
    for row in rows:
        labels = {0.0: "true", 1.0: "random"}.get(row["level"], f"{row['level']:.0%} redrawn")
        network = {"network": row["model"], "labels": labels, "test_error": _error(row["test_accuracy"])}
        lines += [network | promise._asdict() for promise in promises(row, delta=delta)]
    return lines


def _vc(row: Mapping[str, Any], delta: float) -> Promise:
    name, n = "VC dimension (Bartlett et al. 2019)", row["n_train"]
    value, error = row["vc_dimension"], _error(row["train_accuracy"])
    if value is None or error is None:
        refused = row["vc_dimension_reason"]
        return _without(name, UPPER, n, error, refused or row["reason"], REFUSED if refused else ABSENT)
    note = f"{value / n:,.0f} times the examples"
    if error < 1:
        note += f"; it would take {vc_examples_needed(value, 1 - error, delta):,} to promise an error below 100%"
    return _made(name, UPPER, value, n, error, vc_bound(error, n, value, delta), note)


def _rademacher(row: Mapping[str, Any], delta: float) -> Promise:
    name, n, value = "Rademacher complexity, by training on random signs", row["trial_n"], row["rademacher"]
    if value is None:
        return _without(name, LOWER, n, None, row["trial_reason"])
    bound = rademacher_bound(row["trial_train_error"], max(0.0, row["rademacher_lower"]), n, delta)
    note = f"mean of {row['rademacher_draws']} draws; at least {row['rademacher_lower']:.3f} at delta = {delta:g}"
    return _made(name, LOWER, value, n, row["trial_train_error"], bound, note)


def _twins(row: Mapping[str, Any], delta: float) -> Promise:
    name, n, value = "uniform stability of 0-1 loss, by twin runs", row["trial_n"], row["twin_zero_one"]
    if value is None:
        return _without(name, LOWER, n, None, row["trial_reason"])
    bound = stability_bound(row["trial_train_error"], value / 2, n, delta)  # replacing costs at most twice leaving out
    note = (
        f"{row['twins']} twins; the largest change of 1 - p(label) is {row['twin_probability']:.3f}, and "
        f"{row['twin_changed']:.2%} of test predictions change"
    )
    return _made(name, LOWER, value, n, row["trial_train_error"], bound, note)


def _hardt(row: Mapping[str, Any]) -> Promise:
    """Refused for every network: the theorems need constants of its loss over all weights that nobody knows."""
    momentum, known = json.loads(row["recipe"])["momentum"], LossConstants(1.0, 1.0)
    reasons = []
    try:
        hardt2016_nonconvex(known, [1.0], max(2, row["n_train"]), momentum=momentum)
    except InputError as refused:
        reasons.append(refused.what)
    reasons.append("No Lipschitz constant and no smoothness of the loss in the weights is known.")
    error = _error(row["train_accuracy"])
    return _without("uniform stability (Hardt et al. 2016)", UPPER, row["n_train"], error, " ".join(reasons), REFUSED)


def _held_out(row: Mapping[str, Any], delta: float) -> Promise:
    name, n, error = "held-out examples (Clopper-Pearson), for comparison", row["n_test"], _error(row["test_accuracy"])
    if error is None:
        return _without(name, UPPER, n, None, row["reason"])
    bound = float(clopper_pearson(round(error * n), n, 1, delta))
    return _made(name, UPPER, error, n, None, bound, "the error on the test set, whose labels are true")


def _made(measure: str, kind: str, value: float, n: int, train_error: float | None, bound: float, note: str) -> Promise:
    """A Promise in words that are rounded to the safe side."""
    if kind == UPPER:
        words = f"true error at most {math.ceil(bound * 1e4) / 1e4:,.2%}"
        words = words if bound < 1 else f"nothing: {words}"
    else:
        words = f"nothing by itself: no bound below {math.floor(max(bound, 0.0) * 1e4) / 1e4:,.2%}"
        words = words if bound < 1 else words.replace("nothing by itself", "nothing")
    return Promise(measure, kind, value, n, train_error, bound, words, note)


def _without(
    measure: str, kind: str, n: int, train_error: float | None, reason: str | None, words: str = ABSENT
) -> Promise:
    return Promise(measure, kind, None, n, train_error, None, words, reason or "no result")


def _error(accuracy: float | None) -> float | None:
    return None if accuracy is None else 1 - accuracy
