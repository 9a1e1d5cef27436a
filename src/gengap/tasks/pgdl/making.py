"""Makes a small zoo: perceptrons of a grid of hyperparameters, trained to one cross entropy."""

import json
import math
from collections.abc import Callable
from itertools import groupby, product
from pathlib import Path
from typing import Any

import torch

from gengap.data import load
from gengap.errors import InputError
from gengap.report import make_folder
from gengap.tasks.pgdl.zoo import FILE, FORMAT, Zoo, read_zoo
from gengap.train import Execution, Recipe, Run, train_replicas

EXAMPLES = 400  # training examples, at most
GRID: dict[str, tuple[Any, ...]] = {
    **{"width": (16, 64), "depth": (1, 2), "dropout": (0.0, 0.3), "learning_rate": (1e-3, 5e-3)},
    "weight_decay": (0.0, 3e-3),
}
RECIPE: dict[str, Any] = {
    **{"batch_size": 50, "optimizer": "adam", "schedule": "constant", "epochs": 300, "target_loss": 0.05},
    **{"snapshots": (0,), "precision": "float32", "memory_format": "contiguous"},
}
Progress = Callable[[int, int, str], None]


def make_zoo(
    folder: str | Path,
    *,
    data: str = "digits",
    seed: int = 0,
    progress: Progress = lambda done, total, text: None,
) -> Zoo:
    """Trains the networks of a grid and writes them, with ``zoo.json``, into a folder.

    Networks that do not reach the cross entropy of 0.05 in 300 epochs are left out.

    Args:
        folder: An empty folder, or one that is made.
        data: A named data set, of which the first 400 training examples are used.
        seed: Of weights and orders.
        progress: Called with (done, total, text).

    Raises:
        InputError: A folder that is not empty or cannot be written, data that cannot be used.
    """
    place = Path(folder)
    if place.is_dir() and any(place.iterdir()):
        raise InputError(f"{place} is not empty.", expected="an empty folder, or the name of a new one")
    scale = {"scale": "unit"}
    problem = load(data, **scale).take(EXAMPLES)  # type: ignore[arg-type]
    make_folder(place)
    points = [dict(zip(GRID, values, strict=True)) for values in product(*GRID.values())]
    entries: list[dict[str, Any]] = []
    for together, group in groupby(points, lambda point: (point["width"], point["depth"], point["dropout"])):
        here = list(group)
        done = len(entries)
        runs = train_replicas(
            [(problem.take(None, 1), _recipe(point), seed) for point in here],
            execution=Execution("cpu", "float32", "contiguous"),
            report=lambda _, __, text, done=done: progress(done, len(points), text),  # type: ignore[misc]
        )
        reached = [(point, run) for point, run in zip(here, runs, strict=True) if _reached(run)]
        entries += [_written(place, f"n{done + i:02}", point, run) for i, (point, run) in enumerate(reached)]
        progress(len(entries), len(points), f"width, depth, dropout {together}")
    document = {"format": FORMAT, "data": {"name": data, "take": [EXAMPLES, None], **scale}, "networks": entries}
    (place / FILE).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return read_zoo(place)


def planned() -> int:
    """How many networks a zoo is made from."""
    return math.prod(len(values) for values in GRID.values())


def _recipe(point: dict[str, Any]) -> Recipe:
    varied = {name: point[name] for name in ("dropout", "learning_rate", "weight_decay")}
    return Recipe.parse({**RECIPE, "model": f"mlp-{point['depth']}x{point['width']}", **varied})


def _reached(run: Run) -> bool:
    return run.status == "done" and run.history[-1]["train_loss"] <= RECIPE["target_loss"]


def _written(folder: Path, name: str, point: dict[str, Any], run: Run) -> dict[str, Any]:
    files = {"weights": f"{name}.pt", "initial": f"{name}-initial.pt", "history": f"{name}.json"}
    torch.save(run.weights, folder / files["weights"])
    torch.save(run.snapshots[0], folder / files["initial"])
    history = [{key: record[key] for key in ("epoch", "steps", "train_loss")} for record in run.history]
    (folder / files["history"]).write_text(json.dumps(history) + "\n", encoding="utf-8")
    return {"name": name, "model": run.recipe.model, **files, "dropout": run.recipe.dropout, "hyperparameters": point}
