"""``audit``: has this model learned or memorised? Everything that gengap measures, of one model, in one report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from torch import nn

from gengap.arguments import real_number, whole_number
from gengap.arrays import Floats
from gengap.bounds import level
from gengap.data import Problem, load
from gengap.errors import InputError
from gengap.json_text import json_ready
from gengap.models import count_parameters
from gengap.report import Page, make_folder, write_page
from gengap.tasks.audit import duplicates, gradients, label_free, outputs, promises, suspects, weights
from gengap.tasks.audit.page import audit_page
from gengap.tasks.audit.part import Budget, NotApplicable, Part, Progress, run_part
from gengap.tasks.audit.subject import (
    LEAST_TRAIN,
    AuditSubject,
    answers_of,
    read_scores,
    seconds_of_pass,
    without_shared,
)
from gengap.tasks.audit.words import inputs_sentence, lead, next_steps, not_covered
from gengap.tasks.files import saved_network
from gengap.tasks.measure.words import accuracy_warning

SECONDS, QUICK_SECONDS = 240.0, 50.0
TITLES = {
    "verdict": "Learned or memorised",
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
class Audit:
    """What an audit found.

    Attributes:
        parts: Name -> part, in the order of the report.
        subject: What was audited: ``model``, ``weights``, ``data``, ``seen_as``, ``n_train``, ``n_test`` and the like.
        measures: What ``gengap.measure`` returns, with a column ``record``; empty where nothing was measured.
        suspects: The suspicious training examples, the most suspicious first.
    """

    parts: Mapping[str, Part]
    subject: Mapping[str, Any]
    measures: pd.DataFrame = field(repr=False)
    suspects: pd.DataFrame = field(repr=False)

    @property
    def verdict(self) -> str | None:
        """``learned``, ``mixed``, ``memorised``, ``learned nothing``, ``undecided``; None without a training split."""
        verdict: str | None = self.parts["verdict"].values.get("verdict")
        return verdict

    @property
    def inputs(self) -> str:
        """What the model is fed and how accurate it is then, with a warning where that is not as expected."""
        return inputs_sentence(self.subject)

    @property
    def sentence(self) -> str:
        """The answer in two or three sentences."""
        return lead(self.parts)

    @property
    def next_steps(self) -> list[str]:
        """What to do next."""
        return next_steps(self.parts, self.subject)

    @property
    def not_covered(self) -> list[str]:
        """What the report leaves out, and why."""
        return not_covered(self.parts)

    @property
    def page(self) -> Page:
        """The report."""
        return audit_page(self.parts, self.subject, self.inputs, self.sentence, self.next_steps, self.not_covered)

    def to_json(self) -> dict[str, Any]:
        """What ``gengap audit --json`` prints, free of NaN."""
        values = {name: part.values for name, part in self.parts.items()}
        loss = values.get("normalised_loss") or {}
        document: dict[str, Any] = json_ready(
            {
                **self.subject,
                "verdict": self.verdict,
                "learned_share": values["verdict"] or None,
                "accuracy": {"train": None} | dict(values["accuracy"]),
                "certificate": values["certificate"] or None,
                "normalised_loss": {"train": loss.get("train"), "test": loss.get("test")},
                "calibration": values.get("calibration") or None,
                "worst_groups": values.get("worst_groups") or None,
                "margins": values.get("margins") or None,
                "coherence": values.get("coherence") or None,
                "curvature": values.get("curvature") or None,
                "near_duplicates": values.get("near_duplicates") or None,
                "label_free": values.get("label_free") or None,
                "measures": self.measures,
                "suspects": self.suspects,
                "parts": {name: _without_values(part) for name, part in self.parts.items()},
                "not_covered": self.not_covered,
                "next_steps": self.next_steps,
            }
        )
        return document

    def write(self, out: str | Path) -> Path:
        """Writes the report into a folder and returns the path of ``report.html``; ``rows.csv`` has the suspects."""
        document = self.to_json()
        return write_page(self.page, out, self.suspects if len(self.suspects) else None, document)


def audit(
    model: str | nn.Module,
    weights: str | Path | None = None,
    *,
    data: str | Path | Problem = "digits",
    weights_key: str | None = None,
    output: str | None = None,
    tried: int | None = None,
    delta: float = 0.05,
    groups: Mapping[str, ArrayLike] | None = None,
    out_of_fold: ArrayLike | None = None,
    unlabelled: ArrayLike | None = None,
    expect_accuracy: float | None = None,
    allow_overlap: bool = False,
    quick: bool = False,
    full: bool = False,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
    out: str | Path | None = None,
) -> Audit:
    """Audits a model that was trained elsewhere: has it learned or memorised, and what is its score worth?

    Nothing is computed in another way than by the functions of the same names: certificate, measures, probes.

    Args:
        model: A network, a named model, ``module.path:factory``, or a folder of Hugging Face.
        weights: File with its trained state dict; see ``read_weights``. None for a network as it is, or a folder's own.
        data: The Problem that it was trained on, or what ``gengap.load`` takes.
        weights_key: Which state dict of that file is meant, if it holds several.
        output: Key or index of the scores, where the network returns a dict or a tuple.
        tried: Models that were compared on the test examples; None is not known, and one is assumed.
        delta: Probability that the certificate fails, in (0, 1).
        groups: Name -> a value for each test example, for bounds in every group.
        out_of_fold: Class probabilities ``[N, C]`` of the training examples by networks not trained on them.
        unlabelled: Inputs of new examples, as stored, whose error is to be estimated.
        expect_accuracy: The test accuracy that the model is known to have, in [0, 1].
        allow_overlap: Whether test examples that are in the training split too count.
        quick: A fifth of the time: measures that search or differentiate are left out.
        full: Every part on all examples, whatever it takes.
        seed: Of everything drawn.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: Called with (done, 100, text).
        out: Folder for the report; checked before anything is computed.

    Raises:
        InputError: A name, file, network or number that cannot be used.
    """
    if quick and full:
        raise InputError("quick and full at once.", expected="one of them, or neither")
    level(1 if tried is None else whole_number(tried, "tried"), delta)
    if expect_accuracy is not None:
        real_number(expect_accuracy, "expect_accuracy", least=0, most=1)
    whole_number(seed, "seed", least=0)
    budget = Budget(None if full else QUICK_SECONDS if quick else SECONDS, progress)
    problem = data if isinstance(data, Problem) else load(data)
    if out is not None:
        make_folder(out)
    subject = network_subject(
        model,
        weights,
        problem,
        budget,
        weights_key=weights_key,
        output=output,
        expect_accuracy=expect_accuracy,
        allow_overlap=allow_overlap,
        full=full,
        seed=seed,
        device=device,
    )
    found = _audit(
        subject,
        budget,
        tried=tried,
        delta=delta,
        groups=_groups(groups, subject),
        outside=out_of_fold,
        unlabelled=unlabelled,
        quick=quick,
        full=full,
    )
    if out is not None:
        budget.tell("writing the report")
        found.write(out)
    return found


def network_subject(
    model: str | nn.Module,
    weights: str | Path | None,
    problem: Problem,
    budget: Budget,
    *,
    weights_key: str | None,
    output: str | None,
    expect_accuracy: float | None,
    allow_overlap: bool,
    full: bool,
    seed: int,
    device: str,
) -> AuditSubject:
    """A network with its data and its answers on both splits.

    Raises:
        InputError: A network, file or data that cannot be used.
    """
    made = model if isinstance(model, nn.Module) else saved_network(model, weights, problem, weights_key)  # type: ignore[arg-type]
    network = read_scores(made, problem, output=output, device=device)
    problem, shared, rest = without_shared(problem, allowed=allow_overlap)
    each = seconds_of_pass(network, problem)
    most = None if full else budget.affordable("predictions", each, len(problem.train), least=LEAST_TRAIN)
    test = answers_of(network, problem, "test", budget, most=None, seed=seed)
    train = answers_of(network, problem, "train", budget, most=most, seed=seed)
    budget.finish("predictions")
    name = model if isinstance(model, str) else type(made).__name__
    accuracy = {"train": train.accuracy, "test": test.accuracy, "expected": expect_accuracy}
    words = {
        "model": name,
        "kind": type(made).__name__,
        "weights": None if weights is None else str(weights),
        "parameters": count_parameters(made),
        "data": problem.name,
        "origin": problem.origin,
        "seen_as": problem.seen_as,
        "steps": [dict(step) for step in problem.steps],
        "n_train": len(problem.train),
        "n_test": len(problem.test),
        "n_classes": problem.n_classes,
        "expected": expect_accuracy,
        "accuracy_seen": accuracy,
        "warning": accuracy_warning(accuracy, len(problem.test), problem.seen_as),
        "overlap": len(shared),
        "overlap_allowed": allow_overlap,
        "seed": seed,
    }
    return AuditSubject(name, problem, network, test, train, shared, each, seed, rest, words)


def _audit(
    subject: AuditSubject,
    budget: Budget,
    *,
    tried: int | None,
    delta: float,
    groups: promises.Groups,
    outside: ArrayLike | None,
    unlabelled: ArrayLike | None,
    quick: bool,
    full: bool,
) -> Audit:
    tables: dict[str, pd.DataFrame] = {"measures": pd.DataFrame(), "suspects": pd.DataFrame()}

    def suspicious() -> Part:
        given = None
        if outside is not None:
            given = suspects.check_outside(outside, len(subject.problem.train), subject.problem.n_classes)
        part, tables["suspects"] = suspects.suspects_part(subject, budget, given)
        return part

    def measured() -> Part:
        part, tables["measures"] = weights.measures_part(subject, budget, quick=quick, full=full)
        return part

    def estimated() -> Part:
        if unlabelled is None:
            raise NotApplicable("no examples without labels and no second run were given: --unlabelled FILE")
        new = new_probabilities(subject, unlabelled)
        return label_free.label_free_part(subject, second=None, new=new, new_second=None)

    work: dict[str, tuple[Callable[[], Part], bool]] = {
        "verdict": (lambda: outputs.verdict_part(subject), False),
        "accuracy": (lambda: outputs.accuracy_part(subject), False),
        "calibration": (lambda: outputs.calibration_part(subject), False),
        "certificate": (lambda: promises.certificate_part(subject, tried, delta), False),
        "worst groups": (lambda: promises.groups_part(subject, groups, tried or 1, delta), False),
        "normalised loss": (lambda: weights.losses_part(subject), False),
        "margins": (lambda: outputs.margins_part(subject), False),
        "suspects": (suspicious, True),
        "near duplicates": (lambda: duplicates.duplicates_part(subject, budget), True),
        "coherence": (lambda: gradients.coherence_part(subject, budget), True),
        "curvature": (lambda: gradients.curvature_part(subject, budget), True),
        "measures": (measured, True),
        "label free": (estimated, True),
    }
    made = [run_part(name, TITLES[name], run, budget, long=long) for name, (run, long) in work.items()]
    return Audit({part.name: part for part in made}, subject.words, tables["measures"], tables["suspects"])


def new_probabilities(subject: AuditSubject, unlabelled: ArrayLike) -> Floats:
    """The model's class probabilities for examples without labels.

    Raises:
        NotApplicable: They are not like the data.
    """
    from scipy.special import softmax

    from gengap.network.inputs import class_scores

    x = np.asarray(unlabelled)
    if x.shape[1:] != subject.problem.test.x.shape[1:] or not len(x):
        raise NotApplicable(
            f"the examples without labels have shape {x.shape}; those of the data {subject.problem.test.x.shape}"
        )
    result: Floats = softmax(class_scores(subject.module(), subject.problem, x.astype(subject.problem.test.x.dtype)), 1)
    return result


def _groups(groups: Mapping[str, ArrayLike] | None, subject: AuditSubject) -> dict[str, NDArray[Any]]:
    """The groups of the test examples whose answers are known.

    Raises:
        InputError: Not one value for each test example.
    """
    given = len(subject.test_rows) + (0 if subject.words["overlap_allowed"] else len(subject.shared))
    result = {}
    for name, values in (groups or {}).items():
        array = np.asarray(values)
        if array.shape != (given,):
            raise InputError(
                f"The groups {name} have shape {array.shape}.", expected=f"one for each of {given:,} test examples"
            )
        result[name] = array[subject.test_rows[subject.test.rows]]
    return result


def _without_values(part: Part) -> dict[str, Any]:
    return {name: value for name, value in part.record().items() if name not in ("name", "values")}
