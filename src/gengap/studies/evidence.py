"""Results that were recorded earlier: the rows of a study's report, found again and shown anew."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gengap.errors import InputError
from gengap.studies.outcome import Outcome
from gengap.studies.study import SCALES, Study, all_studies

PACKAGE = Path(__file__).parents[1]
RESULTS_FOLDERS = (PACKAGE / "results", PACKAGE.parents[1] / "docs" / "results")  # of a wheel, of a checkout


@dataclass(frozen=True)
class Recorded:
    """The recorded results of a study.

    Attributes:
        outcome: The study with its rows, at the scale at which they were made.
        folder: Where the report stands, relative to the folder of all results.
        place: The same for people, as ``place`` gives it.
        provenance: Where and when it was made (``date``, ``machine``, ``versions``); empty in older reports.
    """

    outcome: Outcome
    folder: Path
    place: str
    provenance: Mapping[str, str]


def results_folder() -> Path | None:
    """The folder of the results that come with gengap; None in an installation without them."""
    return next((folder for folder in RESULTS_FOLDERS if folder.is_dir()), None)


def place(results: Path, path: Path) -> str:
    """Where a recorded file is, for people: ``docs/results/…`` of gengap's own, of others the path as it was given.

    Args:
        results: The folder of results.
        path: The file, relative to it.
    """
    own = results_folder()
    if own is not None and results.resolve() == own.resolve():
        return (Path("docs") / "results" / path).as_posix()
    return (results / path).as_posix()


def recorded_results(results: Path | None = None) -> dict[str, Recorded]:
    """Study name -> its recorded results, at the largest scale where there are several.

    Args:
        results: Folder that is searched for reports, at any depth; None for those that come with gengap.

    Raises:
        InputError: There is no such folder, or a report in it cannot be read.
    """
    folder = results_folder() if results is None else results
    if folder is None:
        return {}
    if not folder.is_dir():
        wrong = f"{folder} is a file." if folder.is_file() else f"There is no folder {folder}."
        raise InputError(
            wrong,
            expected="a folder with reports of studies",
            next_step="name one that `gengap study run … --out` wrote, or leave out --results",
        )
    return _recorded(folder)


@cache
def _recorded(folder: Path) -> dict[str, Recorded]:
    known = {study.name: study for study in all_studies()}
    newest: dict[str, Recorded] = {}
    for path in sorted(folder.rglob("report.json")):
        for recorded in _read(path, folder, known):
            name, before = recorded.outcome.study.name, newest.get(recorded.outcome.study.name)
            if before is None or SCALES.index(recorded.outcome.scale) >= SCALES.index(before.outcome.scale):
                newest[name] = recorded
    return newest


def _read(path: Path, folder: Path, known: Mapping[str, Study]) -> list[Recorded]:
    """What a report holds of the studies that exist; reports of other commands hold none."""
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {path}: {error}.", next_step="mend or remove it") from error
    if not isinstance(document, dict) or "studies" not in document:
        return []
    try:
        names = [str(each["name"]) for each in document["studies"]]
        scale = SCALES[SCALES.index(document["scale"])]
        rows: list[dict[str, Any]] = [{**row, "study": row["study"]} for row in document["rows"]]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} has studies, but not as a report of them has: {type(error).__name__}, {error}.",
            expected="what `gengap study run … --out` writes",
            next_step="mend or remove it",
        ) from error
    return [
        Recorded(
            Outcome(known[name], scale, [row for row in rows if row["study"] == name]),
            path.parent.relative_to(folder),
            place(folder, path.parent.relative_to(folder)),
            document.get("provenance") or {},
        )
        for name in names
        if name in known
    ]
