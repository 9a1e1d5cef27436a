"""The paper's digitised curves; ``curves/README.md`` gives their origin."""

import csv
from importlib.resources import files

PAPER = (
    "Neyshabur, Li, Bhojanapalli, LeCun and Srebro 2019, The role of over-parametrization in generalization of neural "
    "networks, ICLR, arXiv:1805.12076"
)
PANEL = "two layer ReLU CIFAR-10"
# The paper's curve -> the column of our rows.
SERIES = {
    (PANEL, "test error"): "test_error",
    (PANEL, "train error"): "train_error",
    ("mean unit capacity", "capacity"): "unit_capacity",
    ("mean unit impact", "impact"): "unit_impact",
}
MEASURES = {
    "(2) ||U||_inf,1 ||V||_inf,1": "l1max",
    "(3) ||U||_F ||V||_F": "frobenius",
    "(4) sum": "spectral_l1",
    "(5) sum": "spectral_frobenius",
    "(6) sum (without sqrt h)": "distance_without_width",
}


def curves() -> list[tuple[str, int, float]]:
    """All points of the networks with one hidden layer: column of our rows, width, value."""
    folder = files("gengap.studies.neyshabur2019") / "curves"
    points = []
    for row in csv.DictReader((folder / "neyshabur2019_fig1.csv").read_text(encoding="utf-8").splitlines()):
        column = SERIES.get((row["panel"], row["series"]))
        if column:
            points.append((column, int(row["x"]), float(row["value"])))
    for row in csv.DictReader((folder / "neyshabur2019_fig_measures.csv").read_text(encoding="utf-8").splitlines()):
        points.append((MEASURES[row["measure"]], int(row["h"]), float(row["value"])))
    return points
