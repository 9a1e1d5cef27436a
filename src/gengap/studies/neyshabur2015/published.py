"""The paper's digitised curves; ``curves/README.md`` gives their origin."""

import csv
from importlib.resources import files

PAPER = (
    "Neyshabur, Tomioka and Srebro 2015, In search of the real inductive bias: on the role of implicit regularization "
    "in deep learning, ICLR workshop, arXiv:1412.6614v4"
)
COLUMNS = {
    "train": "train_error",
    "test_convergence": "test_error",
    "test_earlystop": "early_test_error",
    "test_weightdecay": "decayed_test_error",
}
DATA = {"MNIST": "mnist", "CIFAR10": "cifar10", "CIFAR": "cifar10"}


def curves(figure: int) -> list[tuple[str, str, str, int, float]]:
    """All points of a figure: data set, kind of labels, column of our rows, hidden units, error.

    Args:
        figure: 1 or 2.
    """
    file = files("gengap.studies.neyshabur2015") / "curves" / f"neyshabur2015_fig{figure}.csv"
    points = []
    for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines()):
        name, _, labels = row["panel"].replace("-small", "").partition(" ")
        kind = labels.replace("+5%noise", " and noise") or "original"
        points.append((DATA[name], kind, COLUMNS[row["series"]], int(row["H"]), max(0.0, float(row["error"]))))
    return points
