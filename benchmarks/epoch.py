"""One epoch of CIFAR-10: gengap against plain PyTorch, which take turns.

Each side lives in a process of its own with all cores, so that how gengap sets its process up does not help the plain
versions. A side idles while another is at work. An epoch is training alone; evaluation and the
data's arrival in memory are outside the time. All sides begin a round from weights of one distribution, with the
same learning rate and batches of 128, and are evaluated by the same code afterwards.
"""

import math
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import machine, plain_pytorch
from benchmarks.images import images
from benchmarks.table import Line, spread, told, verdict
from gengap import models
from gengap.data import Problem
from gengap.sweep import available_cores
from gengap.train import Execution, Recipe, default_preset, fastest_setting, preset
from gengap.train.training import Training

WARM_UP = 256


@dataclass(frozen=True)
class Network:
    """A network to time: on how many images, and by what factor gengap is wanted to be faster than each opponent.

    ``test_images`` are evaluated after each epoch in float32, which is outside the time, but for Inception takes long.
    """

    name: str
    images: int
    wanted: dict[str, float]
    test_images: int = 10_000


NETWORKS = {
    network.name: network
    for network in (
        Network("mlp-1x512", 50_000, {"DataLoader": 3.0, "in memory": 1.3}),
        Network("alexnet-small", 12_800, {"DataLoader": 2.5}),
        Network("inception-small", 2_560, {"DataLoader": 2.5}, test_images=1_000),
    )
}


@dataclass(frozen=True)
class Outcome:
    """An epoch: seconds, test accuracy in [0, 1] after it, how it was computed, and when it began.

    ``began`` is read from a clock that all processes share; the plain versions do not tell.
    """

    seconds: float
    accuracy: float
    precision: str = "float32"
    memory_format: str = "contiguous"
    began: float = math.nan


def gengap_epoch(name: str, count: int, seed: int) -> Outcome:
    """gengap as a user gets it: precision and layout by its own trial on this machine."""
    execution = _execution(name)
    problem = _images(name, count)
    training = Training.begin([(problem, _recipe(name), seed)], execution)
    began = time.perf_counter()
    training.train_epoch()
    seconds = time.perf_counter() - began
    model = models.build(name, problem.input_shape, problem.n_classes)
    model.load_state_dict(training.replicas.weights(0))
    accuracy = plain_pytorch.accuracy(model, torch.tensor(problem.test.x), torch.tensor(problem.test.y))
    return Outcome(seconds, accuracy, execution.precision, execution.memory_format, began)


def dataloader_epoch(name: str, count: int, seed: int) -> Outcome:
    return _plain_epoch(plain_pytorch.train_epoch_dataloader, name, count, seed)


def in_memory_epoch(name: str, count: int, seed: int) -> Outcome:
    return _plain_epoch(plain_pytorch.train_epoch_in_memory, name, count, seed)


SIDES: dict[str, Callable[[str, int, int], Outcome]] = {
    "gengap": gengap_epoch,
    "DataLoader": dataloader_epoch,
    "in memory": in_memory_epoch,
}


def run(network: Network, count: int | None, rounds: int) -> dict[str, Any]:
    """Times all sides in turn, ``rounds`` times, on ``count`` images (None: the network's own number)."""
    count, cores = count or network.images, available_cores()
    with ExitStack() as stack:
        processes = {side: stack.enter_context(_process(cores)) for side in SIDES}
        for side, process in processes.items():
            process.submit(SIDES[side], network.name, WARM_UP, 0).result()
        outcomes: dict[str, list[Outcome]] = {side: [] for side in SIDES}
        for seed in range(rounds):
            for side, process in processes.items():
                outcomes[side].append(process.submit(SIDES[side], network.name, count, seed).result())
    flops = flops_per_image(network.name)
    return {
        "network": network.name,
        "data": images(count).name,
        "images": len(images(count).train),
        "test_images": len(_images(network.name, count).test),
        "learning_rate": _recipe(network.name).learning_rate,
        "batch_size": plain_pytorch.BATCH,
        "training_flops_per_image": flops,
        "peak_flops_per_second": {name: machine.peak(name) for name in ("float32", "bfloat16")},
        "sides": {side: _summary(done, count, flops) for side, done in outcomes.items()},
        "ratios": {side: _ratio(network, side, outcomes) for side in SIDES if side != "gengap"},
        "one_cell_a_core": _one_cell_a_core(network.name, count, cores),
    }


def lines(found: dict[str, Any]) -> list[Line]:
    """A line for each opponent, and one for as many cells at once as there are cores."""
    what = f"{found['network']}, an epoch of {found['images']:,} images of {found['data']}"
    sides = found["sides"]
    work, peak = found["images"] * found["training_flops_per_image"], found["peak_flops_per_second"]
    limit = f"{work / peak[sides['gengap']['precision']]:.3g} s at the peak of {sides['gengap']['precision']}"
    opponents = [
        Line(what, _told(sides["gengap"]), side, _told(sides[side]), told(ratio, "x"), ratio["verdict"], limit)
        for side, ratio in found["ratios"].items()
    ]
    rates, alone = found["one_cell_a_core"], sides["gengap"]["images_per_second"]
    many = Line(
        f"{rates['cells']} cells at once, a core each",
        f"{rates['images_per_second']:,.0f} images/s",
        "gengap, one cell on all cores",
        f"{alone:,.0f} images/s",
        f"{rates['images_per_second'] / alone:.3g} x",
    )
    return [*opponents, many]


def flops_per_image(name: str) -> float:
    """Floating-point operations of products and convolutions in one training step, by image."""
    model = plain_pytorch.plain_model(name)
    x = torch.randn(plain_pytorch.BATCH, 3, plain_pytorch.SIDE, plain_pytorch.SIDE)
    y = torch.zeros(plain_pytorch.BATCH, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        plain_pytorch.step(model, torch.optim.SGD(model.parameters(), lr=0.0), x, y)
    return counter.get_total_flops() / plain_pytorch.BATCH


def _plain_epoch(train: Callable[..., plain_pytorch.Epoch], name: str, count: int, seed: int) -> Outcome:
    torch.manual_seed(seed)
    problem = _images(name, count)
    arrays = (problem.train.x, problem.train.y, problem.test.x, problem.test.y)
    model = plain_pytorch.plain_model(name)
    epoch = train(model, *map(torch.tensor, arrays), lr=plain_pytorch.LEARNING_RATES[name])
    return Outcome(epoch.seconds, epoch.accuracy)


def _images(name: str, count: int) -> Problem:
    """``count`` training images, and no more test images than training images."""
    return images(count, min(count, NETWORKS[name].test_images))


def _recipe(name: str) -> Recipe:
    return preset(default_preset("cifar10", name)).model_copy(update={"model": name})


@cache
def _execution(name: str) -> Execution:
    return Execution(**fastest_setting(images(WARM_UP), _recipe(name), "cpu")["chosen"])


def _process(threads: int) -> ProcessPoolExecutor:
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=spawn, initializer=torch.set_num_threads, initargs=(threads,))


def _one_cell_a_core(name: str, count: int, cores: int) -> dict[str, float]:
    """Images that gengap trains on in a second when each core has a cell of its own."""
    with ExitStack() as stack:
        processes = [stack.enter_context(_process(1)) for _ in range(cores)]

        def together(count: int) -> list[Outcome]:
            futures = [process.submit(gengap_epoch, name, count, seed) for seed, process in enumerate(processes)]
            return [future.result() for future in futures]

        together(WARM_UP)
        done = together(count)
    seconds = max(outcome.began + outcome.seconds for outcome in done) - min(outcome.began for outcome in done)
    return {"cells": cores, "images_per_second": cores * count / seconds}


def _summary(outcomes: Sequence[Outcome], count: int, flops: float) -> dict[str, Any]:
    seconds, last = spread([outcome.seconds for outcome in outcomes]), outcomes[-1]
    rate = count / seconds["median"]
    return {
        "seconds": seconds,
        "images_per_second": rate,
        "fraction_of_peak": rate * flops / machine.peak(last.precision),
        "accuracy": spread([outcome.accuracy for outcome in outcomes]),
        **{key: value for key, value in asdict(last).items() if key in ("precision", "memory_format")},
    }


def _ratio(network: Network, side: str, outcomes: dict[str, list[Outcome]]) -> dict[str, Any]:
    pairs = zip(outcomes[side], outcomes["gengap"], strict=True)
    ratio = spread([theirs.seconds / ours.seconds for theirs, ours in pairs])
    wanted = network.wanted.get(side)
    judged = wanted is not None and machine.has_matrix_units()
    aim = "" if wanted is None else f">= {wanted:g} x where bfloat16 has matrix units"
    return {**ratio, "wanted": wanted, "verdict": verdict(ratio["median"], wanted) if judged else aim}


def _told(side: dict[str, Any]) -> str:
    accuracy = side["accuracy"]
    return (
        f"{told(side['seconds'], 's')}\n{side['fraction_of_peak']:.0%} of peak in {side['precision']}\n"
        f"accuracy {accuracy['median']:.3f} ({accuracy['min']:.3f} to {accuracy['max']:.3f})"
    )
