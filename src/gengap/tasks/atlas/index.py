"""The index of the atlas: claims by question."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from gengap.report import Formatted, Section, SitePage, Text
from gengap.studies.account import QUESTIONS, Account
from gengap.studies.evidence import Recorded
from gengap.studies.study import Study
from gengap.tasks.atlas.study_page import address, heading
from gengap.tasks.atlas.words import HOW_TO_READ, LEAD, SITE, state

if TYPE_CHECKING:
    from gengap.tasks.atlas.live import Piece

Entry = tuple[Study, Account | None]
OTHER = "Other studies"


def ordered_by_question(entries: Sequence[Entry]) -> list[Entry]:
    """The studies in the order of the index: by question, those without an account last."""
    order = [*QUESTIONS, None]
    return sorted(entries, key=lambda entry: (order.index(entry[1].question if entry[1] else None), entry[0].name))


def index_page(entries: Sequence[Entry], recorded: Mapping[str, Recorded], pieces: Sequence["Piece"]) -> SitePage:
    """The first page: what can be tried, then a list of claims for each question."""
    sections = [Section("Try it", [_pieces(pieces)])] if pieces else []
    for question, title in [*QUESTIONS.items(), (None, OTHER)]:
        group = [(study, words) for study, words in entries if (words.question if words else None) == question]
        if group:
            sections.append(Section(title, [_claims(group, recorded)]))
    sections.append(Section("How to read the numbers", [Text([HOW_TO_READ])]))
    return SitePage("index.html", SITE, LEAD, sections)


def _claims(entries: Sequence[Entry], recorded: Mapping[str, Recorded]) -> Formatted:
    items = [
        f'<li><a href="{escape(address(study))}">{escape(heading(study, words))}</a> '
        f"{_mark(recorded.get(study.name))}<p>{escape(study.claim)}</p></li>"
        for study, words in entries
    ]
    return Formatted('<ul class="claims">' + "".join(items) + "</ul>")


def _mark(recorded: Recorded | None) -> str:
    return f'<span class="mark">{escape(state(recorded))}</span>'


def _pieces(pieces: Sequence["Piece"]) -> Formatted:
    items = [
        f'<li><a href="{escape(piece.path)}">{escape(piece.title)}</a> {_mark(piece.judged) if piece.judged else ""}'
        f"<p>{escape(piece.lead)}</p></li>"
        for piece in pieces
    ]
    return Formatted('<ul class="claims">' + "".join(items) + "</ul>")
