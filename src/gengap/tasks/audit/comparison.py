"""Two checkpoints side by side: what changed, with intervals, and which to ship."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gengap.bars import Update, reported
from gengap.bounds import clopper_pearson_interval, paired_difference
from gengap.data import Problem, load
from gengap.errors import InputError
from gengap.json_text import json_ready
from gengap.probes import disagreement
from gengap.report import (
    Page,
    check_folder,
    fragment,
    percent,
    plain,
    write_page,
)
from gengap.tasks.audit.pair_page import DIFFERING, SHARES, pair_page
from gengap.tasks.audit.part import Budget
from gengap.tasks.audit.promises import evaluation_of
from gengap.tasks.audit.result import Audit
from gengap.tasks.audit.subject import AuditSubject, audit_subject
from gengap.tasks.audit.task import QUICK_SECONDS, SECONDS, Extra, audited, check_settings
from gengap.tasks.certify.compare import Comparison, compare_pair
from gengap.tasks.certify.words import percent as three_digits
from gengap.tasks.files import opened_model

# What is laid side by side: name -> part, and path in its values.
QUANTITIES = {
    "training accuracy": ("accuracy", "train"),
    "test accuracy": ("accuracy", "test"),
    "share that carries over": ("verdict", "share"),
    "true error at most": ("certificate", "upper"),
    "expected calibration error": ("calibration", "ece"),
    "normalised training loss": ("normalised_loss", "train"),
    "normalised test loss": ("normalised_loss", "test"),
    "m-coherence": ("coherence", "m_coherence"),
    "trace of the Hessian": ("curvature", "trace"),
}
Ends = tuple[float | None, float | None]
NO_INTERVAL: Ends = (None, None)
BAD = ("memorised", "learned nothing")


@dataclass(frozen=True)
class AuditPair:
    """Two models on the same data.

    Attributes:
        names: What they are called.
        audits: The audit of each.
        comparison: Their errors on the same test examples; its verdict says which to ship.
        changes: A row a quantity: ``quantity``, ``a``, ``b``, ``difference`` (B minus A), ``low``, ``high`` of the
            difference where there is an interval, ``interval`` saying which. Each interval misses with probability
            ``delta / pairs`` of the comparison.
        classes: A row a class: accuracy of both, difference B minus A with its interval, for all classes at once.
    """

    names: tuple[str, str]
    audits: tuple[Audit, Audit]
    comparison: Comparison
    changes: pd.DataFrame
    classes: pd.DataFrame

    @property
    def verdict(self) -> str:
        """``ship A``, ``ship B``, ``ship neither`` or ``cannot tell``.

        That of the test on the same examples, unless a model has memorised or learned nothing by its own verdict.
        """
        bad = [audit.verdict in BAD for audit in self.audits]
        if all(bad):
            return "ship neither"
        if self.comparison.verdict != "cannot tell" and bad["AB".index(self.comparison.verdict[-1])]:
            return "cannot tell"
        return self.comparison.verdict

    @property
    def inputs(self) -> str:
        """What both are fed, and how accurate each is."""
        a, b = (audit.subject for audit in self.audits)
        warnings = " ".join(dict.fromkeys(text for text in (a["warning"], b["warning"]) if text))
        return f"Seen as: {a['seen_as']}. {warnings}".rstrip()

    @property
    def sentence(self) -> str:
        """Which to ship, and why."""
        own = [audit.verdict or "without a verdict" for audit in self.audits]
        first = "" if self.verdict == self.comparison.verdict else f"{self.verdict[0].upper()}{self.verdict[1:]}. "
        return f"{first}{self.comparison.sentence} By their own verdicts: A {own[0]}, B {own[1]}."

    @property
    def page(self) -> Page:
        """The report."""
        return pair_page(self)

    def to_json(self) -> dict[str, Any]:
        """What ``gengap audit A B --json`` prints, free of NaN."""
        a, b = self.audits
        document: dict[str, Any] = json_ready(
            {
                "verdict": self.verdict,
                "names": list(self.names),
                "comparison": self.comparison.to_json(),
                "changes": self.changes,
                "classes": self.classes,
                "a": a.to_json(),
                "b": b.to_json(),
            }
        )
        return document

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        page = self.page
        return fragment(page.title, page.lead, page.sections[:2])

    def write(self, out: str | Path) -> Path:
        """Writes the report, and those of the two in its folders ``a`` and ``b``; returns the path of the first."""
        for name, audit in zip("ab", self.audits, strict=True):
            audit.write(Path(out) / name)
        return write_page(self.page, out, self.changes, self.to_json())


def audit_pair(
    first: Any,
    second: Any,
    weights: tuple[str | Path | None, str | Path | None] = (None, None),
    *,
    data: str | Path | Problem = "digits",
    weights_key: str | None = None,
    output: str | None = None,
    tried: int | None = None,
    delta: float = 0.05,
    expect_accuracy: float | None = None,
    allow_overlap: bool = False,
    quick: bool = False,
    full: bool = False,
    seed: int = 0,
    device: str = "auto",
    progress: Update | bool | None = None,
    out: str | Path | None = None,
) -> AuditPair:
    """Audits two models on the same data and compares them on the same test examples.

    Args:
        first: Model A, as for ``audit``.
        second: Model B.
        weights: Files of the weights of A and B.
        tried: Models that were compared on the test examples, A and B among them; None counts these two.
        data: The Problem that both were trained on, or what ``gengap.load`` takes.
        weights_key: As for ``audit``; so are all that follow.
        output: Key or index of the scores.
        delta: Probability that a promise fails.
        expect_accuracy: The test accuracy that both are known to have.
        allow_overlap: Whether test examples that are in the training split too count.
        quick: Without what takes long. Each of the two takes half of the time of one audit.
        full: Every part on all examples.
        seed: Of everything drawn.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: As for ``audit``.
        out: Folder for the reports.

    Raises:
        InputError: As ``audit``, or fewer than two models tried.
    """
    check_settings(tried=tried, delta=delta, quick=quick, full=full, expect_accuracy=expect_accuracy, seed=seed)
    if tried is not None and tried < 2:
        raise InputError(f"tried = {tried}, but two models are compared.", expected="at least 2")
    problem = data if isinstance(data, Problem) else load(data).preprocess(crop=None, scale="none")
    if out is not None:
        check_folder(out)
    seconds = None if full else (QUICK_SECONDS if quick else SECONDS) / 2
    opened = [opened_model(m, w, problem, weights_key) for m, w in zip((first, second), weights, strict=True)]
    names = _names((first, second), weights, opened)
    subjects, audits = [], []
    with reported(progress, "reading the models") as report:
        for letter, model, name, file in zip("AB", opened, names, weights, strict=True):
            budget = Budget(seconds, _lettered(report, letter))
            subject = audit_subject(
                model,
                name,
                problem,
                budget,
                weights=file,
                output=output,
                expect_accuracy=expect_accuracy,
                allow_overlap=allow_overlap,
                seed=seed,
                device=device,
            )
            subjects.append(subject)
            shared: dict[str, Any] = {"tried": tried, "assumed": 2, "delta": delta, "quick": quick, "full": full}
            audits.append(audited(subject, budget, groups={}, extra=Extra(), **shared))
    one, other = subjects
    a, b = evaluation_of(one), evaluation_of(other)
    comparison = compare_pair(a, b, tried=tried or 2, delta=delta, order_seed=seed, names=names, remarks=[])
    pair = AuditPair(
        names,
        (audits[0], audits[1]),
        comparison,
        _changes(audits[0], audits[1], one, other, comparison),
        _classes(one, other, delta),
    )
    if out is not None:
        pair.write(out)
    return pair


def _lettered(progress: Update, letter: str) -> Update:
    def told(done: int, total: int | None, text: str) -> None:
        half = 0 if letter == "A" else 100
        progress((done + half) // 2, total, f"{letter}: {text}")

    return told


def _names(models: tuple[Any, Any], weights: tuple[Any, Any], opened: list[Any]) -> tuple[str, str]:
    """Two names that differ: those of the weights' files where both are one model."""
    names = [str(m) if isinstance(m, str | Path) else type(o).__name__ for m, o in zip(models, opened, strict=True)]
    if names[0] == names[1] and None not in weights:
        names = [Path(file).name for file in weights]
    if names[0] == names[1]:
        names = [f"{names[0]} ({letter})" for letter in "AB"]
    return names[0], names[1]


def _changes(a: Audit, b: Audit, one: AuditSubject, other: AuditSubject, comparison: Comparison) -> pd.DataFrame:
    rows = [_change("verdict", a.verdict or "none", b.verdict or "none")]
    level = comparison.delta / comparison.pairs
    for name, (part, key) in QUANTITIES.items():
        first, second = (audit.parts[part].values.get(key) for audit in (a, b))
        if first is None and second is None:
            continue
        ends, which = NO_INTERVAL, "none"
        if name == "test accuracy":  # the risk of A minus that of B is the accuracy of B minus that of A
            ends, which = comparison.interval, "paired, on the same test examples"
        elif name == "training accuracy" and (paired := _paired_training(one, other, level)) is not None:
            ends, which = paired, "paired, on the same training examples"
        written = _at_most if name == "true error at most" else percent if name in SHARES else plain
        a_text, b_text = ("–" if value is None else written(value) for value in (first, second))
        difference = None if first is None or second is None else second - first
        rows.append(_change(name, a_text, b_text, difference, ends, which))
    share = disagreement(one.test.predicted, other.test.predicted)
    ends = clopper_pearson_interval(round(share.share * share.n), share.n, delta=level)
    which = "of the share (Clopper-Pearson)"
    rows.append(_change(DIFFERING, "", "", share.share, ends, which))
    return pd.DataFrame(rows)


def _at_most(value: float) -> str:
    return three_digits(value, up=True)


def _change(
    quantity: str, a: str, b: str, difference: float | None = None, ends: Ends = NO_INTERVAL, interval: str = ""
) -> dict[str, Any]:
    names = ("quantity", "a", "b", "difference", "low", "high", "interval")
    return dict(zip(names, (quantity, a, b, difference, *ends, interval), strict=True))


def _paired_training(one: AuditSubject, other: AuditSubject, delta: float) -> tuple[float, float] | None:
    """The interval of B's training accuracy minus A's, over the examples on which both were evaluated."""
    rows, first, second = np.intersect1d(one.trained().rows, other.trained().rows, return_indices=True)
    if not len(rows):
        return None
    a, b = one.trained().correct[first], other.trained().correct[second]
    found = paired_difference(int((~a & b).sum()), int((a & ~b).sum()), len(rows), delta)
    return float(found.lower), float(found.upper)


def _classes(one: AuditSubject, other: AuditSubject, delta: float) -> pd.DataFrame:
    """Accuracy of both by class, and the paired interval of the difference, for all classes at once."""
    present = np.unique(one.test.labels).tolist()
    rows = []
    for index in present:
        here = one.test.labels == index
        a, b = one.test.correct[here], other.test.correct[here]
        found = paired_difference(int((~a & b).sum()), int((a & ~b).sum()), len(a), delta / len(present))
        rows.append(
            {
                "class": one.problem.classes[index],
                "n": len(a),
                "a": float(a.mean()),
                "b": float(b.mean()),
                "difference": float(b.mean() - a.mean()),
                "low": float(found.lower),
                "high": float(found.upper),
            }
        )
    return pd.DataFrame(rows)
