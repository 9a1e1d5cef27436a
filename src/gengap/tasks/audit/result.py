"""What an audit found, as a page, as JSON, as a section of a model card and in a notebook."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from gengap.json_text import json_ready
from gengap.report import Page, fragment, write_page, write_text
from gengap.tasks.audit.card import model_card
from gengap.tasks.audit.page import audit_page
from gengap.tasks.audit.part import Part
from gengap.tasks.audit.words import inputs_sentence, lead, next_steps, not_covered


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
                "capacity": values.get("capacity") or None,
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

    def model_card(self) -> str:
        """A section for the card of a model on Hugging Face, in Markdown."""
        return model_card(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: the answer, the numbers worth a glance, and the state of each part."""
        page = self.page
        shown = [section for section in page.sections if section.title in ("In short", "The parts")]
        return fragment(page.title, page.lead, shown)

    def write(self, out: str | Path) -> Path:
        """Writes the report into a folder and returns the path of ``report.html``.

        ``rows.csv`` has the suspects, ``model-card.md`` a section for the model's card.
        """
        document = self.to_json()
        written = write_page(self.page, out, self.suspects if len(self.suspects) else None, document)
        write_text(written.with_name("model-card.md"), self.model_card())
        return written


def _without_values(part: Part) -> dict[str, Any]:
    return {name: value for name, value in part.record().items() if name not in ("name", "values")}
