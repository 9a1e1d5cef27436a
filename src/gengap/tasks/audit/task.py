"""``audit``: has this model learned or memorised? Everything that gengap measures, of one model, in one report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike, NDArray
from torch import nn

from gengap.arguments import real_number, whole_number
from gengap.arrays import Floats
from gengap.bars import Update, reported
from gengap.bounds import level
from gengap.data import Problem, load
from gengap.errors import InputError
from gengap.probes import fold_numbers
from gengap.report import check_folder
from gengap.tasks.audit import duplicates, gradients, label_free, outputs, promises, retraining, suspects
from gengap.tasks.audit import weights as weight_parts
from gengap.tasks.audit.part import Budget, LeftOut, Part, run_part
from gengap.tasks.audit.result import Audit
from gengap.tasks.audit.subject import AuditSubject, audit_subject, read_scores
from gengap.tasks.files import opened_model
from gengap.train import OwnTraining

SECONDS, QUICK_SECONDS = 240.0, 50.0
TITLES = {
    "verdict": "Learned or memorised",
    "capacity": "Can the recipe memorise?",
    "accuracy": "Accuracy by class",
    "calibration": "Calibration",
    "certificate": "What the test accuracy is worth",
    "worst groups": "The worst classes and groups",
    "normalised loss": "Normalised losses",
    "margins": "Margins",
    "near duplicates": "Near-duplicates between training and test",
    "suspects": "Memorised or mislabelled training examples",
    "coherence": "Coherence of gradients",
    "curvature": "Curvature",
    "measures": "Measures",
    "label free": "Errors without labels",
}


@dataclass(frozen=True)
class Extra:
    """What a user gives beside model and data: see ``audit``."""

    out_of_fold: Floats | None = None
    folds: int | None = None
    train: Any = None
    second: nn.Module | None = None
    unlabelled: NDArray[Any] | None = None
    randomize: Any = None


def audit(
    model: Any,
    weights: str | Path | None = None,
    *,
    data: str | Path | Problem = "digits",
    weights_key: str | None = None,
    output: str | None = None,
    tried: int | None = None,
    delta: float = 0.05,
    groups: Mapping[str, ArrayLike] | None = None,
    out_of_fold: ArrayLike | None = None,
    folds: int | None = None,
    train: Any = None,
    second: str | Path | nn.Module | None = None,
    unlabelled: ArrayLike | None = None,
    randomize: Any = None,
    expect_accuracy: float | None = None,
    allow_overlap: bool = False,
    quick: bool = False,
    full: bool = False,
    seed: int = 0,
    device: str = "auto",
    progress: Update | bool | None = None,
    out: str | Path | None = None,
) -> Audit:
    """Audits a model that was trained elsewhere: has it learned or memorised, and what is its score worth?

    Nothing is computed in another way than by the functions of the same names: certificate, measures, probes.

    Args:
        model: A network or an estimator with ``predict``; or a named model, ``module.path:factory``, ``timm:NAME`` or a
            folder of Hugging Face; ``module.path:function`` that loads a fitted estimator, or a ``.skops`` file.
        weights: File with a network's trained state dict; see ``read_weights``. None for what has its own.
        data: The Problem that it was trained on, with its preprocessing; or what ``gengap.load`` takes, whose inputs
            stay as they are stored.
        weights_key: Which state dict of that file is meant, if it holds several.
        output: Key or index of the scores, where the network returns a dict or a tuple.
        tried: Models that were compared on the test examples; None is not known, and one is assumed.
        delta: Probability that the certificate fails, in (0, 1).
        groups: Name -> a value for each test example, for bounds in every group.
        out_of_fold: Class probabilities ``[N, C]`` of the training examples by networks not trained on them.
        folds: How many, for out-of-fold probabilities made by ``train``.
        train: The user's training, ``fit(problem, seed)`` as ``gengap.randomize`` takes it.
        second: Weights of a second run of the same recipe, or its network: how often the two disagree estimates errors.
        unlabelled: Inputs of new examples, as stored, whose error is to be estimated.
        randomize: The user's training, to be run on random labels: can the recipe memorise?
        expect_accuracy: The test accuracy that the model is known to have, in [0, 1]; None takes what its checkpoint
            states, if it does.
        allow_overlap: Whether test examples that are in the training split too count.
        quick: A fifth of the time: measures that search, differentiate or mix are left out.
        full: Every part on all examples, whatever it takes.
        seed: Of everything drawn.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: True shows a bar, as None does on a terminal and in a notebook. A function is called with (done, 100,
            text).
        out: Folder for the report; checked before anything is computed.

    Raises:
        InputError: A name, file, network or number that cannot be used.
    """
    if (folds is None) != (train is None):
        raise InputError("folds without train, or train without folds.", expected="--folds 5 --train module:function")
    if folds is not None and out_of_fold is not None:
        raise InputError("Out-of-fold probabilities and folds to make them.", expected="one of them")
    for source in (train, randomize):
        if source is not None:
            OwnTraining(source)
    check_settings(tried=tried, delta=delta, quick=quick, full=full, expect_accuracy=expect_accuracy, seed=seed)
    with reported(progress, "reading the model") as report:
        budget = Budget(None if full else QUICK_SECONDS if quick else SECONDS, report)
        problem = data if isinstance(data, Problem) else load(data).preprocess(crop=None, scale="none")
        outside = None if out_of_fold is None else suspects.check_outside(out_of_fold, problem)
        new = None if unlabelled is None else label_free.as_stored(problem, unlabelled)
        columns = promises.check_groups(groups or {}, len(problem.test))
        if folds is not None:
            fold_numbers(len(problem.train), folds, seed)
        if out is not None:
            check_folder(out)
        opened = opened_model(model, weights, problem, weights_key)
        other = _second(second, model, problem, weights_key, output, device)
        extra = Extra(outside, folds, train, other, new, randomize)
        subject = audit_subject(
            opened,
            model if isinstance(model, str) else type(opened).__name__,
            problem,
            budget,
            weights=weights,
            output=output,
            expect_accuracy=expect_accuracy,
            allow_overlap=allow_overlap,
            seed=seed,
            device=device,
        )
        found = audited(
            subject,
            budget,
            tried=tried,
            delta=delta,
            groups={column: values[subject.test_rows[subject.test.rows]] for column, values in columns.items()},
            extra=extra,
            quick=quick,
            full=full,
        )
        if out is not None:
            budget.tell("writing the report")
            found.write(out)
    return found


def check_settings(
    *, tried: int | None, delta: float, quick: bool, full: bool, expect_accuracy: float | None, seed: int
) -> None:
    """Sees that the numbers of an audit are in their ranges, before anything is read.

    Raises:
        InputError: One is not.
    """
    if quick and full:
        raise InputError("quick and full at once.", expected="one of them, or neither")
    level(1 if tried is None else whole_number(tried, "tried"), delta)
    if expect_accuracy is not None:
        real_number(expect_accuracy, "expect_accuracy", least=0, most=1)
    whole_number(seed, "seed", least=0)


def audited(
    subject: AuditSubject,
    budget: Budget,
    *,
    tried: int | None,
    delta: float,
    groups: promises.Groups,
    extra: Extra,
    quick: bool,
    full: bool,
    assumed: int = 1,
) -> Audit:
    """The audit of a model whose answers are known; arguments as for ``audit``.

    ``assumed`` models count as tried where ``tried`` is None.
    """
    tables: dict[str, pd.DataFrame] = {"measures": pd.DataFrame(), "suspects": pd.DataFrame()}
    folds: list[retraining.Folds] = []

    def suspicious() -> Part:
        outside, failure = extra.out_of_fold, ""
        if extra.folds is not None:
            try:
                made = retraining.trained_on_folds(extra.train, subject.problem, extra.folds, subject.seed, budget)
            except Exception as error:  # the user's code; the model's own signs are still worth a list
                why = retraining.told_with_place(error)
                failure = f"training on folds failed, so that the model's own signs order the list: {why}"
            else:
                folds.append(made)
                outside = made.outside
        part, tables["suspects"] = suspects.suspects_part(subject, budget, outside)
        if failure:
            reason = "; ".join(filter(None, (failure, part.reason)))
            part = replace(part, status="partial", reason=reason, values={**part.values, "folds_failed": True})
        return part

    def measured() -> Part:
        part, tables["measures"] = weight_parts.measures_part(subject, budget, quick=quick, full=full)
        return part

    def estimated() -> Part:
        models = folds[0].models if folds else ()
        return label_free.label_free_part(subject, extra.unlabelled, second=extra.second, folds=models)

    def capacity() -> Part:
        if extra.randomize is None:
            raise LeftOut("not asked for: --randomize module:train trains your recipe on random labels too")
        return retraining.capacity_part(subject, extra.randomize, budget)

    work: dict[str, tuple[Callable[[], Part], bool]] = {
        "verdict": (lambda: outputs.verdict_part(subject), False),
        "capacity": (capacity, False),
        "accuracy": (lambda: outputs.accuracy_part(subject), False),
        "calibration": (lambda: outputs.calibration_part(subject), False),
        "certificate": (lambda: promises.certificate_part(subject, tried, delta, assumed), False),
        "worst groups": (lambda: promises.groups_part(subject, groups, tried or assumed, delta), False),
        "normalised loss": (lambda: weight_parts.losses_part(subject), False),
        "margins": (lambda: outputs.margins_part(subject), False),
        "suspects": (suspicious, extra.folds is None),
        "near duplicates": (lambda: duplicates.duplicates_part(subject, budget), True),
        "coherence": (lambda: gradients.coherence_part(subject, budget), True),
        "curvature": (lambda: gradients.curvature_part(subject, budget), True),
        "measures": (measured, True),
        "label free": (estimated, False),
    }
    made = [run_part(name, TITLES[name], run, budget, long=long) for name, (run, long) in work.items()]
    return Audit({part.name: part for part in made}, subject.words, tables["measures"], tables["suspects"])


def _second(
    second: str | Path | nn.Module | None,
    model: Any,
    problem: Problem,
    key: str | None,
    output: str | None,
    device: str,
) -> nn.Module | None:
    """The network of a second run, which returns scores; None where there is none."""
    if second is None:
        return None
    made = second if isinstance(second, nn.Module) else opened_model(model, second, problem, key)
    if not isinstance(made, nn.Module):
        raise InputError(f"The second run is a {type(made).__name__}.", expected="weights of the same network")
    return read_scores(made, problem, output=output, device=device)
