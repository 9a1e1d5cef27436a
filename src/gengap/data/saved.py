"""A Problem as a folder of arrays, which several processes read; inputs that are in files stay there."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gengap.data.problem import Problem
from gengap.data.rows import Rows, rows_of
from gengap.data.split import Preprocessing, Split

_ARRAYS = ("train_x", "train_y", "test_x", "test_y")


def save_problem(problem: Problem, folder: Path) -> None:
    """Writes a Problem's arrays as ``.npy`` files, and what else it knows as JSON, into an existing folder.

    Of inputs that stay in files, only where they are is written.
    """
    arrays: tuple[Any, ...] = (problem.train.x, problem.train.y, problem.test.x, problem.test.y)
    documents = {name: x.document() for name, x in zip(_ARRAYS, arrays, strict=True) if isinstance(x, Rows)}
    for name, array in zip(_ARRAYS, arrays, strict=True):
        if name not in documents:
            np.save(folder / f"{name}.npy", array)
    rest = {
        "name": problem.name,
        "classes": problem.classes,
        "origin": problem.origin,
        "preprocessing": asdict(problem.preprocessing),
        "steps": problem.steps,
        "parent_hash": problem.parent_hash,
        "layout": problem.layout,
        "vocabulary": problem.vocabulary,
        "rows": documents,
    }
    (folder / "problem.json").write_text(json.dumps(rest))


def open_problem(folder: Path, *, private: bool = False) -> Problem:
    """The Problem that ``save_problem`` wrote, its arrays mapped from the files and shared between processes.

    Args:
        folder: Where it was written.
        private: Whether what a process writes into the arrays is allowed and stays its own, as for code that wraps them
            in tensors, which know no read-only arrays.
    """
    mode: Literal["r", "c"] = "c" if private else "r"
    rest = json.loads((folder / "problem.json").read_text())
    rows = {name: rows_of(document) for name, document in rest["rows"].items()}
    arrays: list[Any] = [
        rows[name] if name in rows else np.load(folder / f"{name}.npy", mmap_mode=mode) for name in _ARRAYS
    ]
    train_x, train_y, test_x, test_y = arrays
    return Problem(
        name=rest["name"],
        train=Split(train_x, train_y),
        test=Split(test_x, test_y),
        classes=tuple(rest["classes"]),
        origin=rest["origin"],
        preprocessing=_preprocessing(rest["preprocessing"]),
        steps=tuple(rest["steps"]),
        parent_hash=rest["parent_hash"],
        layout=rest["layout"],
        vocabulary=rest["vocabulary"],
    )


def _preprocessing(fields: dict[str, Any]) -> Preprocessing:
    """JSON has lists where it has tuples."""
    numbers = {name: None if fields[name] is None else tuple(fields[name]) for name in ("mean", "std")}
    return Preprocessing(**{**fields, **numbers})
