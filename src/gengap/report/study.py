"""The report of a paper's studies: its numbers beside ours, with the verdict, and the figures and tables redrawn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any, Literal

import pandas as pd

from gengap.report.page import Figure, Page, Section, Table, Text

Verdict = Literal["agrees", "disagrees", "not comparable"]
CONFIDENCE = 0.95
HEADINGS = ["what", "unit", "reported", "ours", "n", "verdict", "difference", "tolerance", "low", "high"]
HEADINGS += ["no value because", "place", "source"]
FORMATS = dict.fromkeys(("reported", "ours", "low", "high", "difference", "tolerance"), ".4g")


@dataclass(frozen=True)
class Comparison:
    """A number of a paper with ours beside it.

    Attributes:
        what, place, source: What it is, where the paper has it, and how it was taken from there.
        reported, tolerance, unit: The paper's number, and the largest difference that still agrees, in the unit.
        values: Ours, one a seed, in the unit.
        missing: Why a run gave no value; one reason a run.
        diverged: How many of those runs diverged.
        indicative: Why ours is no reproduction but an indication; empty where the setting is the paper's.
    """

    what: str
    place: str
    source: str
    reported: float
    tolerance: float
    unit: str
    values: tuple[float, ...]
    missing: tuple[str, ...] = ()
    diverged: int = 0
    indicative: str = ""

    @property
    def left_out(self) -> bool:
        """Whether no run was asked for."""
        return not self.values and not self.missing

    @property
    def ours(self) -> float | None:
        """Mean of our values."""
        return mean(self.values) if self.values else None

    @property
    def difference(self) -> float | None:
        """Ours less the paper's."""
        return None if self.ours is None else self.ours - self.reported

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of our mean by Student's t over seeds; None with fewer than two."""
        if len(self.values) < 2:
            return None
        from scipy.special import stdtrit

        n = len(self.values)
        half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * stdev(self.values) / math.sqrt(n)
        return mean(self.values) - half, mean(self.values) + half

    @property
    def verdict(self) -> Verdict:
        """``agrees`` where our mean is within the tolerance, ``disagrees`` where not or where a run diverged.

        ``not comparable`` in a setting that is not the paper's, and where a run that should have a value has none.
        """
        if self.indicative or self.left_out or (self.missing and not self.diverged):
            return "not comparable"
        if self.diverged or self.difference is None:
            return "disagrees"
        return "agrees" if abs(self.difference) <= self.tolerance else "disagrees"

    @property
    def absence(self) -> str:
        """Why there is no value, or not from every run; empty where all gave one."""
        return "this scale leaves the setting out" if self.left_out else "; ".join(dict.fromkeys(self.missing))

    def record(self) -> dict[str, Any]:
        """All of it under one name each, for a table or JSON."""
        low, high = self.interval or (None, None)
        return {
            "what": self.what,
            "place": self.place,
            "source": self.source,
            "reported": self.reported,
            "ours": self.ours,
            "low": low,
            "high": high,
            "n": len(self.values),
            "difference": self.difference,
            "tolerance": self.tolerance,
            "unit": self.unit,
            "verdict": self.verdict,
            "reason": self.absence or self.indicative or None,
        }


@dataclass(frozen=True)
class Artifact:
    """One table or figure of a paper as a section of the report.

    Attributes:
        name: ``paper/artifact``.
        title: What the paper calls it.
        claim, paper: What it shows, and where it is from.
        views: It, redrawn from our rows.
        comparisons: The paper's numbers beside ours.
        unfinished: Runs that diverged or gave no result, with their reasons.
        differences: What was done otherwise.
        indicative: As in ``Comparison``.
    """

    name: str
    title: str
    claim: str
    paper: str
    views: Sequence[Figure | Table]
    comparisons: Sequence[Comparison]
    unfinished: pd.DataFrame
    differences: Sequence[str]
    indicative: str = ""


def study_page(name: str, scale: str, artifacts: Sequence[Artifact]) -> Page:
    """The report of one artifact, or of all that a paper has, at a scale."""
    comparisons = [comparison for artifact in artifacts for comparison in artifact.comparisons]
    sections = [*map(_section, artifacts), _differences(artifacts), _sources(artifacts)]
    return Page(f"{name} at {scale} scale", _lead(comparisons, scale), sections)


def _lead(comparisons: Sequence[Comparison], scale: str) -> str:
    total, beside = len(comparisons), sum(c.ours is not None for c in comparisons)
    if not comparisons:
        return "Figures and tables show what the paper claims; it has no number here to be set beside ours."
    if scale != "paper":
        return (
            f"Beside {beside} of the {total} numbers that the paper reports stands one of ours. This is {scale} scale: "
            "the setting is not the paper's, so nothing is judged, and ours are indications."
        )
    counts = {word: sum(c.verdict == word for c in comparisons) for word in ("agrees", "disagrees", "not comparable")}
    told = ", ".join(f"{word}: {count}" for word, count in counts.items())
    return f"Of the {total} numbers that the paper reports, ours stand beside {beside}. Verdicts: {told}."


def _section(artifact: Artifact) -> Section:
    claim = [artifact.claim, *([f"Indicative only: {artifact.indicative}"] if artifact.indicative else [])]
    parts: list[Text | Figure | Table] = [Text(claim), *artifact.views]
    if artifact.comparisons:
        parts.append(_numbers(artifact.comparisons))
    if len(artifact.unfinished):
        caption = "Runs that diverged or failed, and why; only those that diverged count as results"
        parts.append(Table(artifact.unfinished, caption))
    return Section(f"{artifact.title} ({artifact.name})", parts)


def _differences(artifacts: Sequence[Artifact]) -> Section:
    """Each difference once, with the artifacts that it concerns where these are not all."""
    concerned: dict[str, list[str]] = {}
    for artifact in artifacts:
        for text in artifact.differences:
            concerned.setdefault(text, []).append(artifact.title)
    told = [
        f"{number}. {text}" + ("" if len(titles) == len(artifacts) else f" ({', '.join(titles)})")
        for number, (text, titles) in enumerate(concerned.items(), start=1)
    ]
    return Section("Differences from the paper", [Text(told or ["None is known."])])


def _sources(artifacts: Sequence[Artifact]) -> Section:
    return Section("Source", [Text(list(dict.fromkeys(artifact.paper for artifact in artifacts)))])


def _numbers(comparisons: Sequence[Comparison]) -> Table:
    """Those with a value first; the others keep their place and their reason below."""
    ordered = sorted(comparisons, key=lambda comparison: comparison.ours is None)
    own = [{"verdict": _verdict(c), "no value because": c.absence} for c in ordered]
    frame = pd.DataFrame([c.record() | words for c, words in zip(ordered, own, strict=True)], columns=HEADINGS)
    caption = (
        "The paper's numbers and ours: the mean over n seeds with its 95 % interval (Student's t), and the difference"
    )
    return Table(frame, caption, FORMATS)


def _verdict(comparison: Comparison) -> str:
    if comparison.verdict == "not comparable" and comparison.values:
        return "not comparable (indicative)"
    return comparison.verdict
