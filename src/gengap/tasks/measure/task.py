"""Every measure of a network whose weights are in a file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from gengap.arguments import real_number
from gengap.bars import Update
from gengap.data import Problem, load
from gengap.json_text import json_ready
from gengap.measures import find_measures, measure, record
from gengap.network import plain_copy, return_scores
from gengap.network.inputs import examples
from gengap.network.passes import accuracies
from gengap.report import Page, check_folder, write_page
from gengap.tasks.files import expected_accuracy, read_history, saved_network
from gengap.tasks.measure.page import measures_page
from gengap.tasks.measure.words import accuracy_warning, inputs_sentence, sentence
from gengap.train import resolve_device


@dataclass(frozen=True)
class Measurements:
    """The measures of one network.

    Attributes:
        rows: What ``gengap.measure`` returns.
        subject: What was measured: ``model``, ``weights``, ``initial``, ``history``, ``data``, ``n``; ``seen_as``, what
            the network is fed; ``accuracy`` on both splits, with the one expected; ``warning``, empty where none.
    """

    rows: pd.DataFrame
    subject: Mapping[str, Any]

    @property
    def sentence(self) -> str:
        """How many measures there are, and of how many something is missing."""
        return sentence(self.rows, self.subject)

    @property
    def inputs(self) -> str:
        """What the network is fed and how accurate it is, with a warning where that is not as expected."""
        return inputs_sentence(self.subject)

    @property
    def page(self) -> Page:
        """The report."""
        return measures_page(self.rows, self.subject)

    def to_json(self) -> dict[str, Any]:
        """What ``gengap measure --json`` prints: ``measures``, each with its record on trial, and what was measured."""
        entries = [record(name) for name in self.rows["name"]]
        records = pd.Series([entry and asdict(entry) for entry in entries], self.rows.index, dtype=object)
        document: dict[str, Any] = json_ready({"measures": self.rows.assign(record=records), **self.subject})
        return document

    def write(self, out: str | Path) -> Path:
        """Writes the report into a folder and returns the path of its ``report.html``."""
        return write_page(self.page, out, self.rows, dict(self.subject))


def measure_saved(
    model: str,
    weights: str | Path | None = None,
    *,
    weights_key: str | None = None,
    initial: str | Path | None = None,
    initial_key: str | None = None,
    history: str | Path | None = None,
    data: str | Path | Problem = "digits",
    measures: Sequence[str] | None = None,
    output: str | None = None,
    seed: int = 0,
    device: str = "auto",
    subset: int | None = None,
    full: bool = False,
    expect_accuracy: float | None = None,
    progress: Update | None = None,
    out: str | Path | None = None,
) -> Measurements:
    """Measures a network of the user's, or a named one, with weights from a file.

    Args:
        model: A named model, ``module.path:factory`` or a folder of Hugging Face.
        weights: File with its trained state dict; see ``read_weights``. None takes those of the folder.
        weights_key: Which state dict of that file is meant, if it holds several, e.g. ``"ema"``.
        initial: File with its state dict at initialisation.
        initial_key: As ``weights_key``.
        history: File with the history of its training; see ``read_history``.
        data: The Problem that it was trained on, or what ``gengap.load`` takes.
        measures: Names of those wanted; None for all.
        output: Key or index of the scores, where the network returns a dict or a tuple.
        seed: Of everything drawn.
        device: ``auto``, ``cpu`` or ``cuda``.
        expect_accuracy: The test accuracy that the network is known to have, in [0, 1]: where it has another one here,
            its inputs may be prepared in another way than in its training, which the answer then says. None takes what
            the checkpoint states, if it does.
        subset: How many training examples searches use; None chooses, see ``gengap.measure``.
        full: Every measure, and searches on 1,000 examples, whatever they cost.
        progress: As for ``gengap.measure``.
        out: Folder for the report; checked before anything is measured.

    Raises:
        InputError: A name, file or network that cannot be used.
    """
    find_measures(measures)
    if expect_accuracy is not None:
        real_number(expect_accuracy, "expect_accuracy", least=0, most=1, next_step="give a fraction, as 0.97")
    records = None if history is None else read_history(history)
    problem = data if isinstance(data, Problem) else load(data)
    trained = saved_network(model, weights, problem, weights_key)
    expected = expected_accuracy(expect_accuracy, model if weights is None else weights)
    start = None if initial is None else saved_network(model, initial, problem, initial_key)
    if out is not None:
        check_folder(out)
    rows = measure(
        trained,
        problem,
        start,
        measures=measures,
        output=output,
        seed=seed,
        device=device,
        subset=subset,
        full=full,
        history=records,
        progress=progress,
    )
    accuracy = {**_accuracies(trained, problem, output, device, rows.attrs["train_accuracy"]), **expected}
    subject = {
        "model": model,
        "weights": str(model if weights is None else weights),
        "initial": None if initial is None else str(initial),
        "history": None if history is None else str(history),
        "data": problem.name,
        "seen_as": problem.seen_as,
        "accuracy": accuracy,
        "warning": accuracy_warning(accuracy, len(problem.test), problem.seen_as),
        "steps": [dict(step) for step in problem.steps],
        "n": len(problem.train),
        "subset": rows.attrs["subset"],
        "full": full,
        "seed": seed,
    }
    found = Measurements(rows, subject)
    if out is not None:
        found.write(out)
    return found


def _accuracies(
    model: nn.Module, problem: Problem, output: str | None, device: str, train: float | None
) -> dict[str, float]:
    """Of both splits; ``train`` is the first one, where it is known already."""
    network = plain_copy(model).to(resolve_device(device))
    return_scores(network, output, examples(problem, slice(2), network)[0], problem.n_classes)
    return accuracies(network, problem) if train is None else {"train": train, **accuracies(network, problem, ["test"])}
