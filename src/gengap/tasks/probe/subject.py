"""The network and the data that a probe is asked about, from files."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gengap.arrays import Ints
from gengap.data import Problem, Split, load
from gengap.errors import InputError
from gengap.network.copies import check_finite
from gengap.network.inputs import examples
from gengap.network.outputs import return_scores
from gengap.seeds import generator
from gengap.tasks.files import saved_network
from gengap.train import resolve_device


@dataclass(frozen=True)
class ProbeSubject:
    """What a probe is asked about.

    Attributes:
        model: The network, in evaluation mode; it returns one tensor of scores ``[B, C]``.
        problem: The data.
        corrupt: Which training labels a corruption changed, ``[N]``; None without one.
        words: ``model``, ``weights``, ``data``, ``seen_as``, ``n`` and the like, for the answer.
        sampled: Indices of ``problem``'s training examples in the training split as given, ``[N]``; None for all.
        examples_used: As for ``probe_subject``; test examples too, where a probe is about these.
        started: When the work began.
    """

    model: nn.Module
    problem: Problem
    corrupt: NDArray[np.bool_] | None
    words: dict[str, Any]
    sampled: Ints | None = None
    examples_used: int | None = None
    started: float = field(default_factory=time.perf_counter)

    @property
    def rows(self) -> Ints:
        """Indices of the training examples in the training split as it was given, ``[N]``."""
        return np.arange(len(self.problem.train)) if self.sampled is None else self.sampled

    @property
    def test_rows(self) -> Ints:
        """Indices of as many test examples as are used, drawn as the training examples are; all without a number."""
        n = len(self.problem.test)
        return np.arange(n) if self.examples_used is None else drawn(n, self.examples_used, self.words["seed"])

    @property
    def seconds(self) -> float:
        """Since the work began."""
        return time.perf_counter() - self.started


def probe_subject(
    model: str,
    weights: str | Path | None = None,
    *,
    weights_key: str | None = None,
    data: str | Path | Problem = "digits",
    corruption: str | None = None,
    level: float = 1.0,
    examples_used: int | None = None,
    output: str | None = None,
    seed: int = 0,
    device: str = "auto",
    one_output: bool = False,
) -> ProbeSubject:
    """A network with the weights of a file, and the data that it was trained on.

    Args:
        model: A named model, ``module.path:factory`` or a folder of Hugging Face.
        weights: File with its state dict; see ``gengap.tasks.files.read_weights``. None takes those of the folder.
        weights_key: Which state dict of that file.
        data: The Problem, or what ``gengap.load`` takes.
        corruption: The corruption that it was trained under, as ``Problem.corrupt`` draws with the seed.
        level: Of the corruption.
        examples_used: Training examples that are used, drawn with the seed; None for all.
        output: Key or index of the scores, where the network returns a dict or a tuple.
        seed: Of everything drawn.
        device: ``auto``, ``cpu`` or ``cuda``.
        one_output: Whether a network with one output serves for two classes.

    Raises:
        InputError: A name, file or network that cannot be used, or fewer than one example.
    """
    problem = data if isinstance(data, Problem) else load(data)
    clean = problem
    if corruption is not None:
        problem = problem.corrupt(corruption, level=level, seed=seed)
    corrupt = None if corruption is None else problem.train.y != clean.train.y
    chosen = None
    if examples_used is not None:
        if examples_used < 1:
            raise InputError(f"{examples_used} examples.", expected="at least one")
        chosen = drawn(len(problem.train), examples_used, seed)
        step = {"step": "sample", "n_train": len(chosen), "seed": seed}
        problem = problem.derive(step, train=Split(problem.train.x[chosen], problem.train.y[chosen]))
        corrupt = None if corrupt is None else corrupt[chosen]
    network = saved_network(model, weights, problem, weights_key).to(torch.device(resolve_device(device))).eval()
    check_finite(network, "the network")
    few = examples(problem, slice(2), network)[0]
    return_scores(network, output, few, problem.n_classes, one_output=one_output)
    words = {
        "model": model,
        "weights": str(model if weights is None else weights),
        "data": problem.name,
        "seen_as": problem.seen_as,
        "steps": [dict(step) for step in problem.steps],
        "n": len(problem.train),
        "seed": seed,
    }
    return ProbeSubject(network, problem, corrupt, words, chosen, examples_used)


def drawn(n: int, count: int, seed: int) -> Ints:
    """Indices of so many of n examples, ascending."""
    return np.sort(generator(seed, "probe", "examples").permutation(n)[:count])
