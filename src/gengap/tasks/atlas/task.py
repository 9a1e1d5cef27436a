"""The task: read what is recorded, make the pages, write the site."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gengap.report import SitePage, write_site
from gengap.studies.account import account
from gengap.studies.evidence import recorded_results, results_folder
from gengap.studies.study import all_studies
from gengap.tasks.atlas.index import index_page, ordered_by_question
from gengap.tasks.atlas.live import live_pieces
from gengap.tasks.atlas.study_page import rows_files, study_page
from gengap.tasks.atlas.words import SITE

Progress = Callable[[int, int | None, str], None]


@dataclass(frozen=True)
class Atlas:
    """A written atlas.

    Attributes:
        index: Path of its first page.
        studies: Number of studies that have a page.
        recorded: Of these, how many have recorded results.
        live: Names of the live pieces.
    """

    index: Path
    studies: int
    recorded: int
    live: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The attributes, for one JSON document."""
        return {"index": str(self.index), "studies": self.studies, "recorded": self.recorded, "live": list(self.live)}


def atlas(
    out: str | Path, *, results: str | Path | None = None, force: bool = False, progress: Progress | None = None
) -> Atlas:
    """Writes the atlas: an index of claims by question, a page for each study, and the live pieces.

    Nothing is trained: what is shown are recorded results. A study without any says so and names the command.

    Args:
        out: The folder of the site.
        results: Folder with reports of studies; None for the results that come with gengap.
        force: Write also into a folder that holds other files.
        progress: Called with (pages made, pages in all, what is made now).

    Raises:
        InputError: The results cannot be read, or the folder holds other files or cannot be written.
    """
    folder = results_folder() if results is None else Path(results)
    recorded = recorded_results(None if results is None else folder)
    entries = ordered_by_question([(study, account(study)) for study in all_studies()])
    pieces = live_pieces(recorded, folder)
    files: dict[str, bytes] = {}
    pages: list[SitePage] = []
    total = len(entries) + len(pieces)
    for study, words in entries:
        if progress is not None:
            progress(len(pages), total, study.name)
        found = recorded.get(study.name)
        pages.append(study_page(study, words, found))
        if found is not None and folder is not None:
            files |= rows_files(study, found, folder)
    for piece in pieces:
        pages.append(piece.page())
        files |= piece.files()
    pages = _linked(pages)
    index = index_page(entries, recorded, pieces)
    path = write_site(SITE, [index, *pages], files, out, force=force)
    return Atlas(path, len(entries), len(recorded), tuple(piece.name for piece in pieces))


def _linked(pages: Sequence[SitePage]) -> list[SitePage]:
    """The pages, each with the one before and after it."""
    titles = [(page.path, page.title) for page in pages]
    before, after = [None, *titles[:-1]], [*titles[1:], None]
    return [replace(p, previous=b, next=a) for p, b, a in zip(pages, before, after, strict=True)]
