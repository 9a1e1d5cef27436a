"""R = 64 networks trained in one step on a GPU, against the same runs one after the other."""

import time
from collections.abc import Sequence
from typing import Any

from benchmarks.images import images
from benchmarks.table import Line, spread, told, verdict
from gengap.train import Execution, Trio, fastest_setting, preset
from gengap.train.training import Training

R, IMAGES, WARM_UP, WANTED = 64, 50_000, 256, 20.0


def run(count: int | None, rounds: int, *, device: str = "cuda", replicas: int = R) -> dict[str, Any]:
    """Times both in turn, ``rounds`` times: one epoch of ``mlp-1x512`` with seeds 0, 1, …, evaluation left out."""
    problem, recipe = images(count or IMAGES), preset("zhang2017-mlp")
    execution = Execution(**fastest_setting(problem, recipe, device)["chosen"])
    trios: list[Trio] = [(problem, recipe, seed) for seed in range(replicas)]
    warm_up = [(images(WARM_UP), recipe, seed) for seed in range(replicas)]
    _seconds(warm_up, execution), _seconds(warm_up[:1], execution)
    together, apart = [], []
    for _ in range(rounds):
        together.append(_seconds(trios, execution))
        apart.append(sum(_seconds([trio], execution) for trio in trios))
    return {
        "network": recipe.model,
        "data": problem.name,
        "images": len(problem.train),
        "replicas": replicas,
        "precision": execution.precision,
        "together_seconds": spread(together),
        "one_after_the_other_seconds": spread(apart),
        "ratio": spread([b / a for a, b in zip(together, apart, strict=True)]),
    }


def lines(found: dict[str, Any]) -> list[Line]:
    """One line."""
    return [
        Line(
            f"{found['replicas']} x {found['network']} on a GPU, an epoch of {found['images']:,} images",
            f"{told(found['together_seconds'], 's')}, {found['precision']}",
            "one after the other",
            told(found["one_after_the_other_seconds"], "s"),
            told(found["ratio"], "x"),
            verdict(found["ratio"]["median"], WANTED),
        )
    ]


def _seconds(trios: Sequence[Trio], execution: Execution) -> float:
    """Of one epoch; its averages are read from the device at the end, so that nothing is still under way."""
    training = Training.begin(trios, execution)
    begin = time.perf_counter()
    training.train_epoch()
    return time.perf_counter() - begin
