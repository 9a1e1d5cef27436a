"""The report of a paper's studies: its numbers beside ours, with the verdict, and the figures and tables redrawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from gengap.report import Figure, Page, Section, Table, Text
from gengap.verdicts import ClaimPart, Comparison, whole_claim

INDICATIVE = "indicative"
FORMATS = {"paper": ".4g", "ours": ".4g", "difference": "+.4g"}


@dataclass(frozen=True)
class Artifact:
    """One table or figure of a paper as a section of the report.

    Attributes:
        name: ``paper/artifact``.
        title: What the paper calls it.
        claim, paper: What it shows, and where it is from.
        views: It, redrawn from our rows.
        claim_parts: The parts of the claim, and whether each holds in our rows.
        comparisons: The paper's numbers beside ours.
        unfinished: Runs that diverged or gave no result, with their reasons.
        differences: What was done otherwise.
        indicative: As in ``Comparison``.
        seen_as: What models are fed, in words.
    """

    name: str
    title: str
    claim: str
    paper: str
    views: Sequence[Figure | Table]
    claim_parts: Sequence[ClaimPart]
    comparisons: Sequence[Comparison]
    unfinished: pd.DataFrame
    differences: Sequence[str]
    indicative: str = ""
    seen_as: Sequence[str] = ()


def study_page(name: str, scale: str, artifacts: Sequence[Artifact]) -> Page:
    """The report of one artifact, or of all that a paper has, at a scale."""
    comparisons = [comparison for artifact in artifacts for comparison in artifact.comparisons]
    sections = [*(_section(artifact, scale) for artifact in artifacts), _differences(artifacts), _sources(artifacts)]
    lead = f"{_lead(comparisons, scale)} {_claims(artifacts, scale)}".rstrip()
    return Page(f"{name} at {scale} scale", lead, sections)


def _lead(comparisons: Sequence[Comparison], scale: str) -> str:
    if scale == "smoke":
        return (
            "Smoke scale only shows that this study runs, on small embedded data and for seconds: nothing here speaks "
            "for or against what the paper claims, whatever the check of the claim finds below. Desk scale gives "
            "indications; only paper scale is judged against the paper."
        )
    total, beside = len(comparisons), sum(c.ours is not None for c in comparisons)
    if not comparisons:
        return "Figures and tables show what the paper claims; it has no number here to be set beside ours."
    if scale != "paper":
        return (
            f"Beside {beside} of the {total} numbers that the paper reports stands one of ours. This is {scale} scale: "
            "the setting is not the paper's, so nothing is judged, and ours are indications."
        )
    counts = {word: sum(c.verdict == word for c in comparisons) for word in ("agrees", "disagrees", "not comparable")}
    summary = ", ".join(f"{word}: {count}" for word, count in counts.items())
    return f"Of the {total} numbers that the paper reports, ours stand beside {beside}. Verdicts: {summary}."


def _claims(artifacts: Sequence[Artifact], scale: str) -> str:
    """How many claims hold in the rows of this run; at smoke scale nothing."""
    if scale == "smoke":
        return ""
    findings = [whole_claim(artifact.claim_parts) for artifact in artifacts]
    counts = ", ".join(f"{word}: {findings.count(word)}" for word in dict.fromkeys(findings))
    return f"Claims in the rows of this run: {counts}."


def claim_table(artifact: Artifact, scale: str) -> Table:
    """The parts of a claim, and whether each holds in the rows."""
    frame = pd.DataFrame(
        [(part.part, part.finding, part.figures) for part in artifact.claim_parts],
        columns=["the claim, part by part", "in these rows", "figures"],
    )
    if scale == "smoke":
        caption = "The check of the claim, tried on these rows: no finding, smoke scale only shows that the study runs"
    else:
        caption = f"The claim against the rows of this run: {whole_claim(artifact.claim_parts)}"
    return Table(frame, caption, cards=True)


def _section(artifact: Artifact, scale: str) -> Section:
    seen = [f"Seen as: {' / '.join(artifact.seen_as)}."] if artifact.seen_as else []
    claim = [artifact.claim, *seen, *([f"Indicative only: {artifact.indicative}"] if artifact.indicative else [])]
    parts: list[Text | Figure | Table] = [Text(claim), claim_table(artifact, scale), *artifact.views]
    shown = [c for c in artifact.comparisons if scale != "smoke" or c.ours is not None]
    if shown:
        parts.append(numbers(shown))
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
    summary = [
        f"{number}. {text}" + ("" if len(titles) == len(artifacts) else f" ({', '.join(titles)})")
        for number, (text, titles) in enumerate(concerned.items(), start=1)
    ]
    return Section("Differences from the paper", [Text(summary or ["None is known."])])


def _sources(artifacts: Sequence[Artifact]) -> Section:
    return Section("Source", [Text(list(dict.fromkeys(artifact.paper for artifact in artifacts)))])


def numbers(comparisons: Sequence[Comparison]) -> Table:
    """The paper's numbers and ours; those with a value of ours first, the others in their order below."""
    ordered = sorted(comparisons, key=lambda comparison: comparison.ours is None)
    frame = pd.DataFrame(
        [(_quantity(c), c.reported, c.ours, c.difference, _verdict(c)) for c in ordered],
        columns=["quantity", "paper", "ours", "difference", "verdict"],
    )
    indicative = any(_verdict(c) == INDICATIVE for c in comparisons)
    caption = "The paper's numbers and ours" + (f"; {INDICATIVE}: the setting is not the paper's" if indicative else "")
    return Table(frame, caption, FORMATS, [_details(c) for c in ordered], cards=True)


def _quantity(comparison: Comparison) -> str:
    return comparison.what if comparison.unit in ("", "1") else f"{comparison.what} ({comparison.unit})"


def _details(comparison: Comparison) -> str:
    """Where the paper has the number, what ours rests on, and why it has no value."""
    words = [f"{comparison.place}, {comparison.source}"]
    if comparison.values:
        words.append(_runs(comparison))
    if comparison.verdict != "not comparable":
        words.append(f"tolerance {comparison.tolerance:.4g}")
    if comparison.absence:
        words.append(f"{'some runs lack one' if comparison.values else 'no value'}: {comparison.absence}")
    return "; ".join(words)


def _runs(comparison: Comparison) -> str:
    """From how many seeds our mean is, with its interval by Student's t."""
    if comparison.interval is None:
        return "ours from one seed"
    low, high = comparison.interval
    return f"ours from {len(comparison.values)} seeds, 95 % interval {low:.4g} to {high:.4g}"


def _verdict(comparison: Comparison) -> str:
    """The verdict; a value in a setting that is not the paper's is an indication."""
    if comparison.verdict == "not comparable" and comparison.values:
        return INDICATIVE
    return comparison.verdict
