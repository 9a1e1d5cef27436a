"""What every probe answers: values, how far they can be trusted, and a page with a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from gengap.json_text import json_ready
from gengap.report import Fact, Facts, Figure, Page, Section, Table, Text, fragment, write_page

NOT_TRAINED = "some parameters are not trained: frozen, or without influence on the loss"


@dataclass(frozen=True)
class ProbeAnswer:
    """The answer of one probe.

    Attributes:
        probe: Its name, e.g. ``coherence``.
        sentence: The answer in one or two sentences.
        values: Name -> number, or None where there is none.
        rows: What the picture shows: a row a layer, an example or an epoch.
        figure: The picture.
        status: ``ok``, ``partial`` where something is not covered, ``not converged``, or ``undefined``.
        reason: Why the status is not ``ok``.
        not_covered: Names of what the values leave out.
        seconds: How long it took.
        subject: What was probed: ``model``, ``weights``, ``data``, ``n`` and the like.
        facts: The numbers worth a glance.
        notes: What to know before the values are believed.
        legend: What the names of the values mean, where they do not say it; printed beneath the values.
    """

    probe: str
    sentence: str
    values: Mapping[str, Any]
    rows: pd.DataFrame
    figure: Figure
    seconds: float
    subject: Mapping[str, Any]
    status: str = "ok"
    reason: str | None = None
    not_covered: Sequence[str] = ()
    facts: Sequence[Fact] = field(default_factory=tuple)
    notes: Sequence[str] = ()
    legend: str = ""

    def _repr_html_(self) -> str:
        """What a notebook shows: the page's text, tables and charts."""
        return fragment(self.page.title, self.page.lead, self.page.sections)

    def to_json(self) -> dict[str, Any]:
        """What ``--json`` prints, free of NaN."""
        document: dict[str, Any] = json_ready(
            {
                "probe": self.probe,
                "values": dict(self.values),
                "status": self.status,
                "reason": self.reason,
                "not_covered": list(self.not_covered),
                "seconds": self.seconds,
                "rows": self.rows,
                "notes": list(self.notes),
                "legend": self.legend or None,
                **self.subject,
            }
        )
        return document

    @property
    def inputs(self) -> str:
        """What the network is fed."""
        return f"Seen as: {self.subject['seen_as']}." if "seen_as" in self.subject else ""

    @property
    def page(self) -> Page:
        """The report."""
        state = self.status if self.reason is None else f"{self.status}: {self.reason}"
        facts = [*self.facts, Fact("Status", state), Fact("Time", f"{self.seconds:.1f} s")]
        if self.not_covered:
            facts.append(Fact("Not covered", ", ".join(self.not_covered)))
        texts = [text for text in (self.legend, *self.notes) if text]
        sections = [
            Section("In short", [Facts(facts), *([Text(texts)] if texts else [])]),
            Section("Picture", [self.figure]),
            Section("Rows", [Table(self.rows, "What the picture shows", self.figure.formats)]),
        ]
        name = self.probe.replace("-", " ").capitalize()
        return Page(f"{name} of {self.subject['model']}", f"{self.sentence} {self.inputs}".rstrip(), sections)

    def write(self, out: str | Path) -> Path:
        """Writes the report into a folder and returns the path of its ``report.html``."""
        document = {key: value for key, value in self.to_json().items() if key != "rows"}
        return write_page(self.page, out, self.rows, document)
