"""The paper's digitised curves; ``curves/README.md`` gives their origin."""

import csv
from importlib.resources import files
from typing import TYPE_CHECKING

from gengap.studies.zhang2017.trainings import ALEXNET, INCEPTION, MLP_1

if TYPE_CHECKING:
    import pandas as pd

MODELS = {"Inception": INCEPTION, "AlexNet": ALEXNET, "MLP1x512": MLP_1}  # the name there -> ours
FIGURES = ("fig1a", "fig1b", "fig1c", "fig2b")


def points(figure: str) -> list[dict[str, str]]:
    """The points of one figure's curves, as in its file: every column as text."""
    file = files("gengap.studies.zhang2017") / "curves" / f"zhang2017_{figure}.csv"
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def curves() -> "dict[str, pd.DataFrame]":
    """Figure -> its points, numbers as numbers, models by gengap's names.

    ``fig1a`` has the columns ``series``, ``thousand_steps``, ``epochs_if_batch128``, ``train_loss``; ``fig1b``
    ``model``, ``label_corruption``, ``relative_time_to_overfit``; ``fig1c`` the same with ``test_error``; ``fig2b``
    ``series``, ``thousand_steps``, ``accuracy``.
    """
    import pandas as pd

    frames = {figure: pd.DataFrame(points(figure)) for figure in FIGURES}
    return {
        figure: frame.astype({column: float for column in frame if column not in ("series", "model")}).replace(
            {"model": MODELS}
        )
        for figure, frame in frames.items()
    }
