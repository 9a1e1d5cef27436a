"""The paper's digitised curves; ``curves/README.md`` gives their origin."""

import csv
from importlib.resources import files

PAPER = (
    "Belkin, Hsu, Ma and Mandal 2019, Reconciling modern machine-learning practice and the classical bias-variance "
    "trade-off, PNAS 116(32), arXiv:1812.11118v2"
)
# The paper's word for a curve -> the column of our rows, and the factor to our unit.
QUANTITIES = {
    "test 01 %": ("test_error", 0.01),
    "train 01 %": ("train_error", 0.01),
    "test squared": ("test_loss", 1.0),
    "train squared": ("train_loss", 1.0),
    "coef l2 norm": ("norm", 1.0),
    "kernel test 01 %": ("test_error", 0.01),
    "kernel test squared": ("test_loss", 1.0),
    "kernel norm": ("norm", 1.0),
}
WORDS = {
    "test_error": "test error",
    "train_error": "training error",
    "test_loss": "squared test loss",
    "train_loss": "squared training loss",
    "norm": "coefficient norm",
}


def points(figure: str) -> list[dict[str, str]]:
    """The points of one figure's curves, as in its file: every column as text."""
    file = files("gengap.studies.belkin2019") / "curves" / f"belkin2019_{figure}.csv"
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def curve(figure: str, capacity: str) -> list[dict[str, float | str]]:
    """A figure's points in our units: ``capacity``, ``quantity`` and ``value``, negative round-off taken for zero.

    Args:
        figure: ``"fig2_rff"``, ``"fig3_nn"`` or ``"fig4_rf"``.
        capacity: The column that holds the capacity.
    """
    series: list[dict[str, float | str]] = []
    for point in points(figure):
        quantity, factor = QUANTITIES[point["series"]]
        value = max(0.0, factor * float(point["value"]))
        series.append({"capacity": float(point[capacity]), "quantity": quantity, "value": value})
    return series
