"""Fit every training label exactly, and see what that costs on the test set."""

import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from gengap.data import Problem, load
from gengap.errors import InputError, unknown
from gengap.interpolate.memory import PeakMemory
from gengap.json_text import json_ready
from gengap.report import Fact, Facts, Page, Section, Table, make_folder, write_page
from gengap.report.plain import plain
from gengap.tasks.interpolate.methods import METHODS, Fit, Setting
from gengap.tasks.interpolate.points import PREPROCESSING, points_of

__all__ = ["METHODS", "PREPROCESSING", "Interpolation", "Setting", "interpolate"]

NAMES = {"train_error": "training error", "peak_memory_bytes": "peak memory", "n_inputs": "inputs"}
FILTERS = 256  # of the random convolutions, where no number is given


@dataclass(frozen=True)
class Interpolation:
    """An interpolator and how it did.

    Attributes:
        data, method, preprocess: What was asked for.
        n_train, n_test, n_inputs: Examples, and numbers per example after the feature map.
        fit: Errors, norm and the rest.
        seconds: Of the feature map, the fit and the predictions.
        peak_memory_bytes: Largest resident memory of this process meanwhile, libraries and data included.
    """

    data: str
    method: str
    preprocess: str
    n_train: int
    n_test: int
    n_inputs: int
    fit: Fit
    seconds: float
    peak_memory_bytes: int

    @property
    def title(self) -> str:
        """What was done, in a line."""
        mapped = "" if self.preprocess == "none" else f" after {self.preprocess}"
        return f"{self.method}{mapped} on {self.data}: {self.n_train:,} + {self.n_test:,} examples"

    @property
    def sentence(self) -> str:
        """Whether it interpolates, and what it is worth."""
        errors = f"Training error {self.fit.train_error:.2%}, test error {self.fit.test_error:.2%}"
        missed = round(self.fit.train_error * self.n_train)
        told = (
            f"{missed:,} of {self.n_train:,} training labels are not fitted"
            if missed
            else "every training label is fitted"
        )
        return f"{errors}: {told}."

    def facts(self) -> dict[str, str]:
        """Every value in words, with the reason where there is none."""
        return {
            NAMES.get(name, name.replace("_", " ")): _told(name, value, self.fit.reasons)
            for name, value in self._values().items()
        }

    def _values(self) -> dict[str, Any]:
        fit = self.fit
        return {
            "train_error": fit.train_error,
            "test_error": fit.test_error,
            "norm": fit.norm,
            "residual": fit.residual,
            "jitter": fit.jitter,
            "solver": fit.solver,
            "seconds": self.seconds,
            "peak_memory_bytes": self.peak_memory_bytes,
            "n_inputs": self.n_inputs,
            **fit.details,
        }

    def to_json(self) -> dict[str, Any]:
        """What ``gengap interpolate --json`` prints; ``reasons`` tells why a value is null."""
        asked = {"data": self.data, "method": self.method, "preprocess": self.preprocess}
        counted = {"n_train": self.n_train, "n_test": self.n_test}
        document: dict[str, Any] = json_ready({**asked, **counted, **self._values(), "reasons": self.fit.reasons})
        return document

    def write(self, out: str | Path) -> Path:
        """Writes the report into a folder and returns the path of its ``report.html``."""
        errors = [
            Fact("Training error", f"{self.fit.train_error:.2%}"),
            Fact("Test error", f"{self.fit.test_error:.2%}"),
        ]
        facts = pd.DataFrame([*self.facts().items()][len(errors) :], columns=["what", "value"])
        sections = [
            Section("Errors", [Facts(errors)]),
            Section("The fit", [Table(facts, "The solution, and what it took")]),
        ]
        return write_page(Page(self.title, self.sentence, sections), out, facts, self.to_json())


def interpolate(
    data: str | Path | Problem = "digits",
    *,
    method: str = "kernel",
    preprocess: str = "none",
    setting: Setting | None = None,
    n: int | None = None,
    filters: int | None = None,
    data_dir: str | Path | None = None,
    out: str | Path | None = None,
) -> Interpolation:
    """Fits every training label of some data, and measures the error on the test set.

    Images enter whole, with pixels in [0, 1], whatever crop and scale the Problem declares for networks; labels as
    indicator vectors.

    Args:
        data: A Problem, or what ``gengap.load`` takes.
        method: ``kernel``, ``random-features``, ``relu``, ``pert``, ``forest``, ``boosting`` or ``1-nn``.
        preprocess: A map of images before it: ``none``, ``gabor``, ``conv`` or ``zca``.
        setting: The method's; a field that the method does not use must be None.
        n: The first so many training examples; None takes all.
        filters: Of the random convolutions, 256 by default; None without them.
        data_dir: Folder of the named data sets.
        out: Folder for the report; checked before anything is fitted.

    Raises:
        InputError: A name or number that cannot be used, one class, constant features, equal examples with different
            labels, more than fits in memory.
    """
    setting = setting or Setting()
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    _check_setting(setting, method)
    if filters is not None and preprocess != "conv":
        raise InputError(f"Preprocessing {preprocess} has no filters.", expected="them with preprocessing conv")
    problem = data if isinstance(data, Problem) else load(data, data_dir=data_dir)
    if n is not None:
        problem = _first(problem, n)
    if out is not None:
        make_folder(out)
    started, peak = time.perf_counter(), PeakMemory(torch.device("cpu"))
    points = points_of(problem, preprocess, filters=filters or FILTERS, seed=setting.seed)
    held = peak.read()  # a kernel machine begins to measure anew
    fit = METHODS[method].fit(points, setting)
    seconds = time.perf_counter() - started
    found = Interpolation(
        data=problem.name,
        method=method,
        preprocess=preprocess,
        n_train=len(points.x),
        n_test=len(points.x_test),
        n_inputs=points.x.shape[1],
        fit=fit,
        seconds=seconds,
        peak_memory_bytes=max(held, peak.read()),
    )
    if out is not None:
        found.write(out)
    return found


def _first(problem: Problem, n: int) -> Problem:
    if n < 1:
        raise InputError(f"n = {n}.", expected="at least 1")
    if n > len(problem.train):
        raise InputError(f"n = {n}, and {problem.name} has {len(problem.train)} training examples.")
    return problem.take(n)


def _check_setting(setting: Setting, method: str) -> None:
    for each in fields(Setting):
        value = getattr(setting, each.name)
        if each.name not in ("seed", "progress") and value is not None and each.name not in METHODS[method].takes:
            takers = [name for name, known in METHODS.items() if each.name in known.takes]
            what = each.name.removeprefix("n_")
            raise InputError(f"Method {method} takes no {what}.", expected=f"{what} with {' or '.join(takers)}")
    for name in ("n_features", "n_trees"):
        value = getattr(setting, name)
        if value is not None and value < 1:
            raise InputError(f"{name} = {value}.", expected="at least 1")
    if setting.bandwidth is not None and not 0 < setting.bandwidth < float("inf"):
        raise InputError(f"bandwidth = {setting.bandwidth}.", expected="a number above 0")


def _told(name: str, value: Any, reasons: dict[str, str]) -> str:
    if value is None:
        return f"– ({reasons[name]})" if name in reasons else "–"
    if name.endswith("error"):
        return f"{value:.2%}"
    if name == "peak_memory_bytes":
        return f"{value / 2**20:,.0f} MiB"
    if name == "condition":
        return f"at least {plain(value)}"
    return plain(value) if isinstance(value, int | float) else str(value)
