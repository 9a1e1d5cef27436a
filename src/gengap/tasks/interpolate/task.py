"""Fit every training label exactly, and see what that costs on the test set."""

import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from gengap.arguments import real_number, whole_number
from gengap.data import Problem, load
from gengap.errors import InputError, unknown
from gengap.interpolate.memory import PeakMemory
from gengap.json_text import json_ready
from gengap.report import check_folder, write_page
from gengap.tasks.interpolate.methods import METHODS, Fit, Setting
from gengap.tasks.interpolate.page import interpolation_page, solution_table
from gengap.tasks.interpolate.points import PREPROCESSING, points_of, whole
from gengap.tasks.interpolate.words import label, seen_as, sentence, value_text

__all__ = ["METHODS", "PREPROCESSING", "Interpolation", "Setting", "interpolate"]

FILTERS = 256  # of the random convolutions, where no number is given


@dataclass(frozen=True)
class Interpolation:
    """An interpolator, its errors and its solution.

    Attributes:
        data, method, preprocess: What was asked for.
        seen_as: What the interpolator is fed, in words.
        n_train, n_test, n_inputs: Examples, and numbers per example after the feature map.
        fit: Errors, norm and the rest.
        seconds: Of the feature map, the fit and the predictions.
        peak_memory_bytes: Largest resident memory of this process meanwhile, libraries and data included.
    """

    data: str
    method: str
    preprocess: str
    seen_as: str
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
        """Both errors, and whether every label is fitted."""
        return sentence(self.fit.train_error, self.fit.test_error, self.n_train)

    @property
    def inputs(self) -> str:
        """What the interpolator is fed, as a sentence."""
        return f"Seen as: {self.seen_as}."

    def facts(self) -> dict[str, str]:
        """Every value in words, with the reason where there is none."""
        return {label(name): text for name, text in self._texts().items()}

    def _texts(self) -> dict[str, str]:
        return {name: value_text(name, value, self.fit.reasons) for name, value in self._values().items()}

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
        """What ``gengap interpolate --json`` prints; ``reasons`` says why a value is null."""
        asked = {"data": self.data, "method": self.method, "preprocess": self.preprocess, "seen_as": self.seen_as}
        counted = {"n_train": self.n_train, "n_test": self.n_test}
        document: dict[str, Any] = json_ready({**asked, **counted, **self._values(), "reasons": self.fit.reasons})
        return document

    def write(self, out: str | Path) -> Path:
        """Writes the report into a folder and returns the path of its ``report.html``."""
        texts = self._texts()
        page = interpolation_page(self.title, f"{self.inputs} {self.sentence}", texts)
        return write_page(page, out, solution_table(texts), self.to_json())


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
        preprocess: A map of images applied first: ``none``, ``gabor``, ``conv`` or ``zca``.
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
    if not isinstance(method, str) or method not in METHODS:
        raise unknown("method", method, METHODS)
    _check_setting(setting, method)
    if filters is not None and preprocess != "conv":
        raise InputError(f"Preprocessing {preprocess} has no filters.", expected="them with preprocessing conv")
    count = FILTERS if filters is None else whole_number(filters, "filters")
    problem = data if isinstance(data, Problem) else load(data, data_dir=data_dir)
    if n is not None:
        problem = _first(problem, n)
    if out is not None:
        check_folder(out)
    started, peak = time.perf_counter(), PeakMemory(torch.device("cpu"))
    points = points_of(problem, preprocess, filters=count, seed=setting.seed)
    before = peak.read()  # fitting a kernel machine resets the peak
    fit = METHODS[method].fit(points, setting)
    seconds = time.perf_counter() - started
    outcome = Interpolation(
        data=problem.name,
        method=method,
        preprocess=preprocess,
        seen_as=seen_as(whole(problem).seen_as, preprocess),
        n_train=len(points.x),
        n_test=len(points.x_test),
        n_inputs=points.x.shape[1],
        fit=fit,
        seconds=seconds,
        peak_memory_bytes=max(before, peak.read()),
    )
    if out is not None:
        outcome.write(out)
    return outcome


def _first(problem: Problem, n: int) -> Problem:
    if whole_number(n, "n") > len(problem.train):
        raise InputError(f"n = {n}, and {problem.name} has {len(problem.train)} training examples.")
    return problem.take(whole_number(n, "n"))


def _check_setting(setting: Setting, method: str) -> None:
    for each in fields(Setting):
        value = getattr(setting, each.name)
        if each.name not in ("seed", "progress") and value is not None and each.name not in METHODS[method].takes:
            takers = [name for name, known in METHODS.items() if each.name in known.takes]
            what = each.name.removeprefix("n_")
            raise InputError(f"Method {method} takes no {what}.", expected=f"{what} with {' or '.join(takers)}")
    for name in ("n_features", "n_trees"):
        if getattr(setting, name) is not None:
            whole_number(getattr(setting, name), name)
    whole_number(setting.seed, "seed", least=0, most=2**32 - 1)
    if setting.bandwidth is not None:
        real_number(setting.bandwidth, "bandwidth", above=0)
