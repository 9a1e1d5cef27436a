"""What the store of format 1, ``stored_before.db`` beside this file, was made of.

Run as a script it stores the same rows in a new file: ``python tests/store/stored_before.py FILE``. The committed file
was made by gengap 0.1.0 at commit 50b67fc, the last one with that format; it is not to be made again.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from gengap.cells import Cell, Options, Trial, capacity_rows, run
from gengap.cells.pretrained import Pretrained, pretrained_rows
from gengap.data import load
from gengap.store import Row, Store
from gengap.studies.rows import measured
from gengap.studies.zhang2017.trainings import MLP_1, Config, cells
from gengap.sweep import Context
from gengap.train import Pretraining, Recipe

FILE = Path(__file__).with_name("stored_before.db")
QUIET = Options(device="cpu", workers=1, progress=False)
PLAIN = {"batch_size": 64, "epochs": 2, "precision": "float32", "memory_format": "contiguous"}
TRIAL = Trial(examples=40, draws=1, twins=1)
WILD = 1e30  # a learning rate with which training diverges
COLUMNS = ("square", "infinite")
STUDY = "made2017/squares"


@dataclass(frozen=True)
class Made:
    """A configuration of a study that trains nothing; negative ones fail."""

    x: int
    group: str = "a"


def squares(configs: list[Made], context: Context) -> list[Row]:
    """The square of x, and what JSON has no word for."""
    if any(config.x < 0 for config in configs):
        raise ValueError("no roots here")
    return [
        {"status": "done", "reason": None, "square": c.x**2, "infinite": float("nan" if c.x else "inf")}
        for c in configs
    ]


def grid() -> list[Cell]:
    """Cells with true and random labels, with a pixel corruption, and one that diverges."""
    problem = load("digits").take(96, 32)
    recipe = Recipe(**PLAIN)
    pairs = [("labels", 0.0), ("labels", 1.0), ("shuffled-pixels", 1.0), ("none", 0.0)]
    wild = Cell(problem, recipe.model_copy(update={"learning_rate": WILD}), 1, "labels", 0.5)
    return [*(Cell(problem, recipe, 0, *pair) for pair in pairs), wild]


def networks() -> list[Pretrained]:
    """Networks with and without a first phase."""
    problem = load("digits").take(96, 32)
    recipe = Recipe(model="convnet-5", decay=1.0, snapshot_loss=1.5, learning_rate=0.02, **PLAIN)
    first = recipe.model_copy(update={"snapshot_loss": None})
    cell = Cell(problem, recipe, 1)
    return [Pretrained(cell, Pretraining(recipe=first, level=0.5)), Pretrained(cell, Pretraining(initial_std=0.1))]


def store_all(file: Path) -> None:
    """Stores one of each kind of row."""
    with Store(file) as store:
        run(grid(), store, QUIET)
        pretrained_rows(networks(), store, QUIET)
        capacity_rows(grid()[:2], store, TRIAL, QUIET)
    os.environ["GENGAP_HOME"] = str(file.parent)
    measured(STUDY, [Made(0), Made(3), Made(-1)], COLUMNS, squares, QUIET)
    configs = study_configs()
    with Store() as store:
        run(cells(configs), store, QUIET)


def study_configs() -> list[Config]:
    """Two trainings of a study of a paper, at smoke scale."""
    return [Config("smoke", MLP_1, "labels", level) for level in (0.0, 1.0)]


if __name__ == "__main__":
    store_all(Path(sys.argv[1]).resolve())
