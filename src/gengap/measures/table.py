"""``measure``: a row for every measure of a network."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from gengap.bars import Update, reported
from gengap.data import Problem
from gengap.errors import InputError
from gengap.measures.plan import MOST, Plan, Work, plan
from gengap.measures.registry import Measure, find_measures
from gengap.measures.subject import Subject
from gengap.measures.values import Finding, NotDefined, skipped
from gengap.network.layers import UNUSED
from gengap.train import resolve_device

OF_SCORES = {"data", "gradients", "search"}  # what is computed from the scores of examples
MOST_DEPENDENCE = 0.02  # of a score on the batch, beyond which a value that needs scores would be one of many


def measure(
    model: nn.Module,
    problem: Problem,
    initial: nn.Module | Mapping[str, Tensor] | None = None,
    *,
    measures: Sequence[str] | None = None,
    output: str | int | None = None,
    seed: int = 0,
    device: str = "cpu",
    subset: int | None = None,
    full: bool = False,
    history: Sequence[Mapping[str, Any]] | None = None,
    progress: Update | bool | None = None,
) -> pd.DataFrame:
    """Every measure of a trained network: one row each, also for those that cannot be computed.

    Columns: ``name``, ``family``, ``value`` (the paper's mu), ``log_value`` (its natural logarithm, where products
    are computed that way), ``complexity`` (sqrt(mu / m), or (ln mu - ln m) / 2, for m training examples),
    ``status`` (``ok``, ``partial``, ``skipped``, ``not converged``), ``reason``, ``not_covered`` (layers left out),
    ``sign`` (+1: a larger value predicts a larger gap), ``rescaling_invariant``, ``needs``, ``formula``, ``source``,
    ``seconds`` and ``details``. The first measure to use the pass over the data pays for it in ``seconds``.
    ``attrs`` of the table: ``subset``, the number of examples that searches used; ``train_accuracy``, the fraction of
    the training examples that are classified correctly, None where no measure passed over them.

    Args:
        model: The trained network; it stays as it is.
        problem: What it was trained on.
        initial: The network at initialisation, or its state dict, for distances from it.
        measures: Names of those wanted; None for all.
        output: Key or index of the scores, where the network returns a dict or a tuple.
        seed: Of everything drawn.
        device: ``auto``, ``cpu`` or ``cuda``.
        subset: How many training examples searches and the Fisher-Rao norm use, at least 1. None chooses: as many of
            1,000 as let searches take about a minute, by a timed pass, and at least 64; they are in ``details``.
            Sharpness, whose search takes some hundred passes, is then left out where 1,000 would take longer, unless
            it is among ``measures``; and pairs of mixed examples may be mixed at some levels each, which the standard
            error takes into account, unless ``measures`` names what is wanted.
        full: Without such limits: 1,000 examples where ``subset`` is None, and every measure.
        history: Of training, as a ``Run`` has it: a record an epoch, with ``steps`` so far and ``train_loss``.
        progress: True shows a bar, as None does on a terminal and in a notebook. A function is called with
            (done, 100, text): the share of the expected time, and what is being computed, with the passes of searches.

    Raises:
        InputError: A network, data, initial weights or names that cannot be used; see ``Subject``.
    """
    chosen = find_measures(measures)
    with torch.inference_mode(False), torch.autocast(resolve_device(device), enabled=False):
        size = MOST if subset is None else subset
        subject = Subject(
            model, problem, initial, output=output, seed=seed, device=device, subset=size, history=history
        )
        subject.with_gradients = any("gradients" in one.needs for one in chosen)
        with reported(progress, "reading the network") as report:
            planned = plan(subject, chosen, limited=subset is None and not full, named=measures is not None)
            subject.subset, subject.level_step = planned.subset, planned.level_step
            work = Work(planned, chosen, report)
            subject.report = work.advance
            rows = pd.DataFrame([_planned_row(one, subject, planned, work, i) for i, one in enumerate(chosen)])
    rows.attrs |= {"subset": planned.subset, "train_accuracy": subject.accuracy}
    return rows


def _planned_row(measure: Measure, subject: Subject, planned: Plan, work: Work, index: int) -> dict[str, Any]:
    work.start(index)
    return _row(measure, subject, skipped(planned.reason) if measure.name in planned.left_out else None)


def _row(measure: Measure, subject: Subject, finding: Finding | None = None) -> dict[str, Any]:
    started = time.perf_counter()
    if finding is None:
        finding = _checked(measure, subject, _found(measure, subject))
    return {
        "name": measure.name,
        "family": measure.family,
        "value": finding.value,
        "log_value": finding.log_value,
        "complexity": _complexity(measure, finding, subject.n),
        "status": finding.status,
        "reason": finding.reason,
        "not_covered": list(finding.not_covered),
        "sign": measure.sign,
        "rescaling_invariant": measure.rescaling_invariant,
        "needs": sorted(measure.needs),
        "formula": measure.formula,
        "source": measure.source,
        "seconds": time.perf_counter() - started,
        "details": dict(finding.details),
    }


def _found(measure: Measure, subject: Subject) -> Finding:
    if "initial" in measure.needs and subject.initial is None:
        return skipped("needs the weights at initialisation")
    if "history" in measure.needs and subject.history is None:
        return skipped("needs the history of training, which weights alone do not hold")
    try:
        if not measure.needs.isdisjoint(OF_SCORES) and subject.batch_dependence.share > MOST_DEPENDENCE:
            return skipped(f"not one value: {subject.batch_dependence.reason}")
        if not measure.needs.isdisjoint(("parameters", "gradients")) and not subject.has_parameters:
            return skipped("the network has no parameters of floating type", *subject.uncovered)
        if "weights" in measure.needs and not subject.layers:
            return skipped("no layer of the network is one that a rule covers", *subject.uncovered)
        if "weights" in measure.needs and subject.extreme:
            return skipped("weights too large or too small for their squares and products in float64", *subject.extreme)
        return _finding(measure.function(subject))
    except InputError:
        raise
    except NotDefined as absent:
        return absent.finding
    except OverflowError:
        return skipped("what it is made of is beyond float64")
    except (Exception, SystemExit) as error:  # one measure's failure must not cost the other rows, nor its exit()
        hidden = () if measure.needs.isdisjoint(("weights", "parameters")) else _hidden(subject)
        return skipped(f"error: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}", *hidden)


def _finding(result: Any) -> Finding:
    """What a measure's function returned; one of the user's may return anything."""
    value: Any = result.value if isinstance(result, Finding) else result
    if isinstance(result, Finding) and value is None:
        missing = result.status == "ok" and result.log_value is None and not result.reason
        return skipped("it returned a Finding without a value or a reason") if missing else result
    try:
        if isinstance(value, str):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, RuntimeError):
        return skipped(f"it returned {value!r:.60}, expected a number")
    return result if isinstance(result, Finding) else Finding(number)


def _checked(measure: Measure, subject: Subject, result: Finding) -> Finding:
    """The Finding without NaN or infinity, with what is left out of a definition that counts layers.

    A layer that no rule covers makes it partial. One that no pass uses has no part in the function, so that the
    status stays, and the reason names it.
    """
    if result.value is not None and not math.isfinite(result.value):
        result = replace(result, value=None, reason=result.reason or f"not a finite number: {result.value}")
        if result.log_value is None and result.status == "ok":
            result = replace(result, status="skipped")
    if measure.needs.isdisjoint((*OF_SCORES, "weights", "parameters")) or result.status == "skipped":
        return result  # before the layers are asked for, which an unforeseen network may fail
    try:
        return _with_reservations(measure, subject, result)
    except Exception as error:  # on an unforeseen network, whose other rows this must not cost
        reason = f"what this leaves out is not known: {type(error).__name__}"
        return replace(result, status="partial" if result.status == "ok" else result.status, reason=reason)


def _with_reservations(measure: Measure, subject: Subject, result: Finding) -> Finding:
    uncovered, reasons = _not_covered(measure, subject), [result.reason]
    reasons += [f"{name}: {reason}" for name, reason in uncovered.items()]
    faults = [subject.batch_dependence.reason] if not measure.needs.isdisjoint(OF_SCORES) else []
    faults += [subject.gradient_fault] if "gradients" in measure.needs else []
    if uncovered or any(faults):
        names = tuple(dict.fromkeys((*result.not_covered, *uncovered)))
        result = replace(result, status="partial" if result.status == "ok" else result.status, not_covered=names)
    unused = subject.unused if "weights" in measure.needs else ()
    reasons += [*faults, *(f"{name}: {UNUSED}, so not counted" for name in unused)]
    return replace(result, reason="; ".join(filter(None, reasons)))


def _hidden(subject: Subject) -> tuple[str, ...]:
    """Names of weights that are no parameters, a likely reason of failure; none where the network cannot be read."""
    try:
        return tuple(subject.reading.hidden)
    except Exception:  # whatever made the measure itself fail
        return ()


def _not_covered(measure: Measure, subject: Subject) -> Mapping[str, str]:
    """Name -> why, of what the definition of a measure counts and no rule covers."""
    if "weights" in measure.needs:
        return subject.uncovered
    return {} if measure.needs.isdisjoint(("parameters", "gradients")) else subject.reading.hidden


def _complexity(measure: Measure, result: Finding, m: int) -> float | None:
    value, log_value = result.value, result.log_value
    if measure.complexity == "log":
        if log_value is None and value is not None and value > 0:
            log_value = math.log(value)
        return None if log_value is None else (log_value - math.log(m)) / 2
    if measure.complexity == "sqrt" and value is not None and value >= 0:
        return math.sqrt(value / m)
    return None
