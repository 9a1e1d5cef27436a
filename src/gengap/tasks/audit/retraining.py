"""Parts that train: predictions out of fold by the user's own training, and its randomization test."""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from gengap import train as training
from gengap.arrays import Floats, Ints
from gengap.data import Problem, Split, preprocessed
from gengap.errors import InputError
from gengap.network.inputs import Part as SplitName
from gengap.probes import fold_numbers
from gengap.report import Table, Text
from gengap.sweep import Failure, Options
from gengap.tasks.audit.part import Budget, Part, told
from gengap.tasks.audit.subject import AuditSubject
from gengap.tasks.randomize import lead, randomize, verdict

COLUMNS = ("level", "seed", "train_accuracy", "test_accuracy", "epochs", "status")


@dataclass(frozen=True)
class Folds:
    """What trainings on folds gave.

    Attributes:
        outside: Class probabilities ``[N, C]`` of each training example by the model that did not train on it.
        models: What the trainings of the first two folds returned.
    """

    outside: Floats
    models: tuple[Any, ...]


def trained_on_folds(source: Any, problem: Problem, folds: int, seed: int, budget: Budget) -> Folds:
    """Predictions of each training example by a model that was trained on the other folds.

    The fold that is left out stands as the test split of what the training is given: a training that chooses by its
    test split, as by early stopping, sees it.

    Args:
        source: The training: see ``gengap.train.OwnTraining``.
        problem: Whose training examples are predicted.
        folds: At least 2.
        seed: Of the folds and the trainings.
        budget: Whom to tell how far it is.

    Raises:
        InputError: No such training, one that returns nothing usable, or another number of folds.
    """
    fit = training.OwnTraining(source)
    ready, number = preprocessed(problem), fold_numbers(len(problem.train), folds, seed)
    outside = np.zeros((len(problem.train), problem.n_classes))
    models: list[Any] = []
    for k in range(folds):
        budget.tell(f"training without fold {k + 1} of {folds}")
        used, left = np.flatnonzero(number != k), np.flatnonzero(number == k)
        x, y = ready.train.x, ready.train.y
        step = {"step": "fold", "fold": k, "folds": folds, "seed": seed}
        part = ready.derive(step, train=Split(x[used], y[used]), test=Split(x[left], y[left]))
        with budget.paused():
            returned = fit(part, seed)
        outside[left] = probabilities(training.answers(returned, part, "test"), problem.n_classes)
        models += [returned] if k < 2 else []
    return Folds(outside, tuple(models))


def probabilities(found: training.Answers, n_classes: int) -> Floats:
    """Class probabilities ``[N, C]``; of labels alone all of it on the label."""
    if found.scores is None:
        votes: Floats = (found.labels[:, None] == np.arange(n_classes)).astype(np.float64)
        return votes
    result: Floats = softmax(found.scores, axis=1)
    return result


def predicted_by(returned: Any, problem: Problem, split: SplitName, x: NDArray[Any] | None = None) -> Ints:
    """The classes that a trained model predicts for a split, or for other inputs.

    Raises:
        InputError: The training returned predictions in place of a model.
    """
    ready = preprocessed(problem)
    if isinstance(returned, tuple | dict) and not _holds_model(returned):
        raise InputError(
            "The training returns predictions alone.", expected="a model, which other examples can be given to"
        )
    if x is not None:
        new = Split(x, np.zeros(len(x), np.int64))
        ready = preprocessed(problem.derive({"step": "without labels"}, test=new))
    return training.answers(returned, ready, split).labels


def capacity_part(subject: AuditSubject, source: Any, budget: Budget) -> Part:
    """The randomization test of the user's own recipe: can it memorise random labels?"""
    budget.tell("your training on true and on random labels", name="capacity")
    device = "auto" if subject.network is None else next(subject.network.parameters()).device.type
    with budget.paused():
        options = Options(device=device, progress=False)
        test = randomize(subject.problem, train=source, levels=(0.0, 1.0), seeds=(subject.seed,), options=options)
    summary = test.summary
    rows = pd.DataFrame(test.rows)
    shown = rows[[name for name in COLUMNS if name in rows]].dropna(axis="columns", how="all")
    formats: dict[str, str] = dict.fromkeys(("train_accuracy", "test_accuracy"), ".2%")
    failed, ended = test.result.failed, len(rows) - len(test.result.failed)
    return Part(
        "capacity",
        "",
        lead(summary),
        {name: value for name, value in summary.items() if name != "seen_as"},
        lambda: [Text(verdict(summary)), Table(shown, "The recipe on true and on random labels", formats)],
        f"all {len(subject.problem.train):,} training examples, trained anew on true and on random labels",
        status="ok" if not failed else "partial" if ended else "failed",
        reason=_why(summary, failed),
    )


def told_with_place(error: Exception) -> str:
    """An error out of the user's training in one line, with the line of the user's own code."""
    place = training.own_place("".join(traceback.format_exception(error)))
    return f"{told(error)} ({place}); mend it, and run the same again" if place else told(error)


def _why(summary: Mapping[str, Any], failed: Sequence[Failure]) -> str:
    """Why there is no result, or none of some trainings; empty where there are all."""
    if summary["training"]["error"]:
        return " ".join([f"{summary['verdict_reason']}.", *verdict(summary)])
    return f"{failed[0].title}: {failed[0].reason}" if failed else ""


def _holds_model(returned: Any) -> bool:
    parts = list(returned.values()) if isinstance(returned, dict) else list(returned)
    return any(callable(getattr(part, "predict", None)) or hasattr(part, "parameters") for part in parts)
