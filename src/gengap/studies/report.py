"""The report of a study, or of a paper's, in a folder: page, pictures, rows, and where they were made."""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gengap import __version__
from gengap.machine import cpu_name
from gengap.studies.outcome import Outcome
from gengap.studies.study import Scale


def write_report(
    name: str, scale: Scale, outcomes: Sequence[Outcome], out: Path, provenance: Mapping[str, str] | None = None
) -> Path:
    """Writes the report and returns the path of its page.

    Args:
        name: The paper, or the artifact.
        scale: At which the rows were made.
        outcomes: The studies with their rows.
        out: The folder.
        provenance: Where and when the rows were made, where that was not now and here.

    Raises:
        InputError: The folder cannot be written.
    """
    import pandas as pd

    from gengap.report import write_page
    from gengap.studies.page import study_page

    page = study_page(name, scale, [outcome.artifact() for outcome in outcomes])
    rows = pd.concat([pd.DataFrame(o.rows).assign(study=o.study.name) for o in outcomes], ignore_index=True)
    made = here_and_now(name, scale) if provenance is None else dict(provenance)
    data = {
        "name": name,
        "scale": scale,
        "provenance": made,
        "studies": [outcome.to_json() for outcome in outcomes],
    }
    return write_page(page, out, rows, data)


def here_and_now(name: str, scale: Scale) -> dict[str, str]:
    """Date, machine, versions and command of a study that is run now."""
    from importlib.metadata import version

    versions = f"gengap {__version__}, Python {platform.python_version()}, torch {version('torch')}"
    return {
        "command": f"gengap study run {name} --scale {scale}",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{cpu_name()}, {os.cpu_count()} cores",
        "versions": versions,
    }
