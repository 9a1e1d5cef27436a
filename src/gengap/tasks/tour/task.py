"""``tour``: the stops one after the other, and the page at the end."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gengap.errors import InputError
from gengap.report import Formatted, Page, Section, Text, check_folder, formatted, write_page
from gengap.tasks.tour.stop import Setting, Stop
from gengap.tasks.tour.stops import stops

Progress = Callable[[int, int | None, str], None]
NEXT = (
    "gengap audit mynet:make --weights trained.pt --data my.npz --tried 50",
    "gengap randomize --data my.npz --model mynet:make",
    "gengap certify --predictions val.csv --tried 300",
)
TITLE = "A tour of generalization"
LEAD = (
    "Networks that can memorise anything still learn. Eleven claims of the field, each shown on the digits that come "
    "with gengap: small settings that only show what is meant. The atlas has the papers' own settings and numbers."
)


@dataclass(frozen=True)
class Tour:
    """A finished tour.

    Attributes:
        page: Path of its page.
        stops: A record for each stop: ``name``, ``title``, ``sentence``, ``seconds``, ``status``, ``reason``.
    """

    page: Path
    stops: Sequence[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """The page, the stops, and the three commands to try next."""
        return {"page": str(self.page), "stops": list(self.stops), "next": list(NEXT)}


def tour(
    out: str | Path,
    *,
    force: bool = False,
    setting: Setting | None = None,
    progress: Progress | None = None,
    on_stop: Callable[[dict[str, Any]], None] | None = None,
) -> Tour:
    """Shows every headline claim on embedded data and writes one page.

    A stop that fails does not end the tour: its section says why.

    Args:
        out: Folder for the page; the audit's own report is in its folder ``audit``.
        force: Write also into a folder that holds other files than a tour's.
        setting: How much is trained; None takes the usual setting, of about two minutes on two cores.
        progress: Called with (seconds done, seconds in all, what is shown now), by the times usual on two cores.
        on_stop: Called with the record of each stop as soon as it is there.

    Raises:
        InputError: The folder cannot be written, or holds other files and ``force`` is not given.
    """
    check_folder(out)
    folder = Path(out)
    if not force:
        _check_own(folder)
    planned = stops()
    total = round(sum(stop.seconds for stop in planned))
    sections, records, done = [], [], 0.0
    for stop in planned:
        if progress is not None:
            progress(round(done), total, stop.title)
        section, record = _visit(stop, setting or Setting(), folder)
        sections.append(section)
        records.append(record)
        if on_stop is not None:
            on_stop(record)
        done += stop.seconds
    if progress is not None:
        progress(total, total, "writing the page")
    commands = formatted("\n".join(["```", *NEXT, "```"]))
    after = Section("What to try next", [Text(["On your own model:"]), commands])
    page = Page(TITLE, LEAD, [*sections, after])
    data = {"stops": records, "next": NEXT, "files": _files(page, folder)}
    return Tour(write_page(page, folder, data=data), records)


def _files(page: Page, folder: Path) -> list[str]:
    """The tour's own files, by which a later tour knows what it may write over."""
    pictures = [f"{figure.name}.{form}" for figure in page.figures() for form in ("png", "svg")]
    audit = [path.relative_to(folder).as_posix() for path in (folder / "audit").rglob("*") if path.is_file()]
    return sorted(["report.html", "report.json", *pictures, *audit])


def _check_own(folder: Path) -> None:
    """Refuses a folder with files that no earlier tour has written."""
    try:
        document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        own = set(document["files"]) if document["title"] == TITLE else set()
    except (OSError, ValueError, KeyError, TypeError):
        own = set()
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if others := sorted(present - own):
        more = f" and {len(others) - 1:,} more" if len(others) > 1 else ""
        raise InputError(
            f"{folder} holds files that are not of a tour: {others[0]}{more}.",
            expected="an empty folder, or one with an earlier tour",
            next_step="choose another --out, or add --force to write beside them",
        )


def _further(stop: Stop) -> list[Formatted]:
    if stop.study is None:
        return []
    return [formatted(f"The study of this claim: `gengap study show {stop.study}`, or its page in the atlas.")]


def _visit(stop: Stop, setting: Setting, folder: Path) -> tuple[Section, dict[str, Any]]:
    """The section of a stop, and its record."""
    start = time.perf_counter()
    record: dict[str, Any] = {"name": stop.name, "title": stop.title}
    try:
        shown = stop.show(setting, folder)
    except InputError as error:
        record |= {"sentence": None, "status": "failed", "reason": str(error)}
        parts: list[Any] = [Text([stop.explanation, f"This did not work here: {error}"])]
    else:
        record |= {"sentence": shown.sentence, "status": "done", "reason": None}
        parts = [Text([stop.explanation, shown.sentence]), *shown.blocks, *_further(stop)]
    record["seconds"] = round(time.perf_counter() - start, 1)
    return Section(stop.title, parts), record
