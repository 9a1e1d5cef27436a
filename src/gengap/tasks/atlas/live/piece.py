"""A live piece: its text, its script, and what the script reads."""

# NAME.md beside this file says what to try and what it means; NAME.js draws it.

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from gengap.report import Formatted, Section, SitePage, Text, formatted
from gengap.studies.evidence import Recorded
from gengap.tasks.atlas.study_page import address
from gengap.tasks.atlas.words import state

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Piece:
    """Something to touch: one handle, one answer.

    Attributes:
        name: Stem of its page, of its script and of its explanation, ``NAME.js`` and ``NAME.md`` beside this file.
        title, lead: Heading and first sentence.
        alternative: What it shows, for somebody who cannot see or move it.
        data: What the script reads, from recorded rows.
        sources: Where the rows are from, a sentence each.
        judged: The recorded study whose claim the piece shows, if it shows one.
    """

    name: str
    title: str
    lead: str
    alternative: str
    data: Any
    sources: Sequence[str]
    judged: Recorded | None = None

    @property
    def path(self) -> str:
        """The path of its page."""
        return f"live/{self.name}.html"

    def page(self) -> SitePage:
        """Its page of the atlas."""
        place = Formatted(f'<div class="piece" id="piece" data-piece="{self.name}"></div>')
        sections = [
            Section("Try it", [*self._finding(), place, Text([self.alternative])]),
            Section("What it means", [formatted((FOLDER / f"{self.name}.md").read_text(encoding="utf-8"))]),
            Section("Where the numbers are from", [Text(list(self.sources))]),
        ]
        return SitePage(self.path, self.title, self.lead, sections, ("piece.js", f"{self.name}.js"), self.data)

    def _finding(self) -> list[Formatted]:
        """What the rows say of the study's claim, which a lead of one sentence cannot."""
        if self.judged is None:
            return []
        study = self.judged.outcome.study
        return [
            Formatted(
                f'<p>The claim of <a href="../{escape(address(study))}">{escape(study.name)}</a> in these rows: '
                f'<span class="mark">{escape(state(self.judged))}</span></p>'
            )
        ]

    def files(self) -> dict[str, bytes]:
        """The scripts of its page, by path."""
        return {f"assets/{name}": (FOLDER / name).read_bytes() for name in ("piece.js", f"{self.name}.js")}
