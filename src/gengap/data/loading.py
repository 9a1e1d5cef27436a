"""``load``: a Problem from a data set's name or from a path."""

import os
from pathlib import Path
from typing import Literal

from gengap.data.problem import Preprocessing, Problem, Scale
from gengap.data.registry import DATA_SETS
from gengap.errors import unknown

Default = Literal["default"]


def load(
    name: str | Path,
    *,
    data_dir: str | Path | None = None,
    crop: int | Default | None = "default",
    scale: Scale | Default = "default",
    label_column: str | None = None,
    split_column: str | None = None,
) -> Problem:
    """A Problem."""
    entry = DATA_SETS.get(str(name))
    if entry is None:
        raise unknown("data set", str(name), DATA_SETS)
    folder = Path(data_dir or os.environ.get("GENGAP_DATA", ".")) / entry.name
    train, test = entry.read(folder)
    chosen = Preprocessing(
        entry.preprocessing.crop if crop == "default" else crop,
        entry.preprocessing.scale if scale == "default" else scale,
    )
    return Problem(entry.name, train, test, entry.classes, entry.title, chosen)
