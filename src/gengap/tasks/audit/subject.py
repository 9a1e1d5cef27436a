"""What an audit is about: a model, its data, and its answers on both splits, each computed once."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor, nn

from gengap import train
from gengap.arrays import Floats, Ints
from gengap.data import Problem, Split, is_held_out, preprocessed
from gengap.errors import InputError
from gengap.models import count_parameters
from gengap.network.copies import check_finite, plain_copy
from gengap.network.inputs import Part as SplitName
from gengap.network.inputs import batches, examples
from gengap.network.outputs import return_scores
from gengap.network.passes import Evaluation, evaluate
from gengap.probes import equal_examples
from gengap.seeds import generator
from gengap.tasks.audit.input_doubts import batch_norm_doubt, raw_pixels_doubt
from gengap.tasks.audit.part import Budget, NotApplicable
from gengap.tasks.files import expected_accuracy
from gengap.tasks.measure.words import accuracy_warning

TIMED = 64  # examples of the pass that is timed
LEAST_TRAIN = 1_000  # training examples on which accuracy is measured at least


@dataclass(frozen=True)
class Answers:
    """What a model answers on examples of one split.

    Attributes:
        seen: Scores and labels; of an estimator the logarithms of its probabilities.
        rows: Indices of the examples in their split, ``[N]``.
        of: Examples in the whole split.
        probable: Whether the scores have probabilities behind them, rather than labels alone.
        given: Classes that an estimator predicts, ``[N]``, not always its most probable ones; None for a network.
    """

    seen: Evaluation
    rows: Ints
    of: int
    probable: bool = True
    given: Ints | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def labels(self) -> Ints:
        """Class indices ``[N]``."""
        labels: Ints = self.seen.labels.cpu().numpy()
        return labels

    @cached_property
    def predicted(self) -> Ints:
        """Predicted class indices ``[N]``."""
        predicted: Ints = self.seen.logits.argmax(1).cpu().numpy()
        return predicted if self.given is None else self.given

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each is right, ``[N]``."""
        correct: NDArray[np.bool_] = self.predicted == self.labels
        return correct

    @property
    def accuracy(self) -> float:
        """Share that is right."""
        return float(self.correct.mean())

    @cached_property
    def probabilities(self) -> Floats:
        """Class probabilities ``[N, C]``.

        Raises:
            NotApplicable: The model gives labels alone, or scores that are not finite.
        """
        if not self.probable:
            raise NotApplicable("the model gives labels without probabilities")
        scores = self.seen.logits.double().cpu().numpy()
        if np.isnan(scores).any() or np.isposinf(scores).any():
            raise NotApplicable("the model's scores are NaN or infinite")
        result: Floats = softmax(scores, axis=1)
        return result

    @property
    def sample(self) -> str:
        """On how many examples, in words."""
        return f"all {self.of:,}" if len(self) == self.of else f"{len(self):,} of {self.of:,}, drawn at random"


@dataclass(frozen=True)
class AuditSubject:
    """A model with its data and its answers.

    Attributes:
        name: What the model is called.
        problem: The data; the test split without what it shares with the training split, unless that is allowed.
        network: A copy in evaluation mode that returns scores ``[B, C]``; None for an estimator.
        test, train: Its answers; ``train`` is None where the data have no training split.
        shared: Test examples that are equal to a training example, by their indices in the test split.
        seconds_each: Of a forward pass of one example.
        seed: Of everything drawn.
        test_rows: Indices of ``problem``'s test examples in the test split as it was given.
        words: What the model and the data are, for the report.
    """

    name: str
    problem: Problem
    network: nn.Module | None
    test: Answers
    train: Answers | None
    shared: Ints
    seconds_each: float
    seed: int
    test_rows: Ints
    words: dict[str, Any] = field(default_factory=dict)

    @property
    def majority(self) -> float:
        """Share of the most frequent class among the training labels."""
        return float(np.bincount(self.problem.train.y).max() / len(self.problem.train))

    def trained(self) -> Answers:
        """The answers on the training split.

        Raises:
            NotApplicable: There is none.
        """
        if self.train is None:
            raise NotApplicable("the data have no training split")
        return self.train

    def module(self) -> nn.Module:
        """The network.

        Raises:
            NotApplicable: The model is no network.
        """
        if self.network is None:
            raise NotApplicable(f"it is about the weights and gradients of a network, and {self.name} is none")
        return self.network

    def sampled(self, count: int, purpose: str) -> tuple[Problem, Ints]:
        """The Problem with so many training examples, drawn from those whose answers are known, and their indices.

        Raises:
            NotApplicable: There is no training split.
        """
        known = self.trained().rows
        order = generator(self.seed, "audit", purpose).permutation(len(known))
        chosen = np.sort(known[order[:count]])
        train = self.problem.train
        step = {"step": "sample", "n_train": len(chosen), "seed": self.seed, "purpose": purpose}
        return self.problem.derive(step, train=Split(train.x[chosen], train.y[chosen])), chosen


def audit_subject(
    model: Any,
    name: str,
    problem: Problem,
    budget: Budget,
    *,
    weights: str | Path | None,
    output: str | None,
    expect_accuracy: float | None,
    allow_overlap: bool,
    seed: int,
    device: str,
) -> AuditSubject:
    """A model with its data and its answers on both splits.

    Args:
        model: A network, or an estimator with ``predict``.
        name: What it is called.
        problem: The data as they were given.
        budget: The time, which says on how many training examples accuracy is measured.
        weights: The file that its weights came from.
        output: Key or index of a network's scores.
        expect_accuracy: The test accuracy that it is known to have; None takes what its checkpoint states.
        allow_overlap: Whether test examples that are in the training split too count.
        seed: Of everything drawn.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        InputError: A model that does not take the data, or answers other than their classes.
    """
    network = None
    if isinstance(model, nn.Module):
        network = read_scores(model, problem, output=output, device=device)
    held_out = is_held_out(problem)
    if held_out:  # its training split stands for the test split
        shared, rest = np.zeros(0, np.int64), np.arange(len(problem.test))
    else:
        problem, shared, rest = without_shared(problem, allowed=allow_overlap)
    budget.tell("answers on the test split", 0.0, "predictions")
    if network is None:
        ready, each = preprocessed(problem), 0.0
        test = estimated_answers(model, ready, "test")
        trained = None if held_out else estimated_answers(model, ready, "train")
    else:
        each = seconds_of_pass(network, problem)
        most = budget.affordable("predictions", each, len(problem.train), least=LEAST_TRAIN)
        test = answers_of(network, problem, "test", budget, most=None, seed=seed)
        trained = None if held_out else answers_of(network, problem, "train", budget, most=most, seed=seed)
    budget.finish("predictions")
    source = None if network is None else weights or name  # a file of an estimator is no checkpoint
    accuracy = {
        "train": None if trained is None else trained.accuracy,
        "test": test.accuracy,
        **expected_accuracy(expect_accuracy, source),
    }
    raw_pixels = problem.train.x.dtype == np.uint8 and problem.preprocessing.scale == "none"
    doubts = (
        accuracy_warning(accuracy, len(problem.test), problem.seen_as),
        raw_pixels_doubt(raw_pixels, test.accuracy if trained is None else trained.accuracy),
        "" if network is None else batch_norm_doubt(network, problem, seed),
    )
    words = {
        "model": name,
        "kind": type(model).__name__,
        "weights": None if weights is None else str(weights),
        "parameters": count_parameters(model) if network is not None else None,
        "data": problem.name,
        "origin": problem.origin,
        "seen_as": problem.seen_as,
        "steps": [dict(step) for step in problem.steps],
        "n_train": 0 if held_out else len(problem.train),
        "n_test": len(problem.test),
        "n_classes": problem.n_classes,
        "expected": accuracy["expected"],
        "accuracy_seen": accuracy,
        "warning": " ".join(doubt for doubt in doubts if doubt),
        "raw_pixels": raw_pixels,
        "overlap": len(shared),
        "overlap_allowed": allow_overlap,
        "seed": seed,
    }
    return AuditSubject(name, problem, network, test, trained, shared, each, seed, rest, words)


def estimated_answers(model: Any, problem: Problem, split: SplitName) -> Answers:
    """The answers of an estimator on all examples of a split.

    Raises:
        InputError: It does not take the inputs, or answers other than classes of the data.
    """
    found = train.answers(model, problem, split)
    labels = torch.from_numpy((problem.train if split == "train" else problem.test).y.copy())
    votes = np.where(found.labels[:, None] == np.arange(problem.n_classes), 0.0, -np.inf)
    scores = votes if found.scores is None else found.scores
    seen = Evaluation(torch.from_numpy(np.ascontiguousarray(scores)), labels)
    return Answers(seen, np.arange(len(labels)), len(labels), found.scores is not None, found.labels)


def without_shared(problem: Problem, *, allowed: bool) -> tuple[Problem, Ints, Ints]:
    """The Problem without the test examples that are in the training split too, unless they are allowed.

    Args:
        problem: The data.
        allowed: Whether they stay.

    Returns:
        The Problem; the indices of the shared test examples; the indices of those that it still has.

    Raises:
        InputError: No test example would be left.
    """
    match = equal_examples(problem.test.x, problem.train.x)
    shared, rest = np.flatnonzero(match >= 0), np.flatnonzero(match < 0)
    if allowed or not len(shared):
        return problem, shared, np.arange(len(problem.test))
    if not len(rest):
        raise InputError(
            f"All {len(shared):,} test examples of {problem.name} are in its training split too.",
            expected="test examples that were not trained on",
            next_step="give other test examples, or --allow-overlap to take these all the same",
        )
    step = {"step": "without shared examples", "removed": len(shared)}
    test = problem.test
    return problem.derive(step, test=Split(test.x[rest], test.y[rest])), shared, rest


def read_scores(model: nn.Module, problem: Problem, *, output: str | None, device: str) -> nn.Module:
    """A copy of a network that returns scores ``[B, C]`` of the data's classes, in evaluation mode.

    Raises:
        InputError: As ``return_scores``, or weights that are not finite.
    """
    network = plain_copy(model).to(torch.device(train.resolve_device(device)))
    check_finite(network, "the network")
    return_scores(network, output, examples(problem, slice(2), network)[0], problem.n_classes)
    return network


def seconds_of_pass(network: nn.Module, problem: Problem) -> float:
    """Of a forward pass of one example, by one timed batch after one that is not timed."""
    x, _ = examples(problem, slice(TIMED), network, "test")
    with torch.inference_mode():
        network(x[:2])
        started = time.perf_counter()
        network(x)
    return (time.perf_counter() - started) / len(x)


def answers_of(
    network: nn.Module, problem: Problem, split: SplitName, budget: Budget, *, most: int | None, seed: int
) -> Answers:
    """The answers of a network on a split, or on so many of its examples, drawn at random.

    Args:
        network: In evaluation mode; it returns scores ``[B, C]``.
        problem: The data.
        split: Which split.
        budget: Whom to tell how far it is.
        most: How many examples at most; None takes all.
        seed: Of the draw.
    """
    of = len(problem.train if split == "train" else problem.test)
    count = of if most is None else min(most, of)
    rows = np.sort(generator(seed, "audit", split).permutation(of)[:count])

    def walked() -> Iterator[tuple[Tensor, Tensor]]:
        done = 0
        for x, y in batches(problem, network, split, order=torch.from_numpy(rows)):
            budget.tell(
                f"answers on the {'training' if split == 'train' else 'test'} split", done / count, "predictions"
            )
            yield x, y
            done += len(y)

    return Answers(evaluate(network, walked()), rows, of)
