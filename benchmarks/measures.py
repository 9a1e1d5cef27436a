"""How fast measures are: all in one call against one call for each, Dziugaite et al.'s on their own network, and what
the default call takes.

Both sides of the first comparison are gengap's own measures, without those that search; the opponent begins anew for
each, as a user does who computes them one by one. The second has a time to meet: the public script of Dziugaite et
al. 2020 (arXiv:2010.11924) took 75 s on two cores for the same measures, network and number of images. The third has no
opponent: every measure, by the default call, of a ResNet-18 for small images.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import plain_pytorch
from benchmarks.images import images
from benchmarks.nin import nin
from benchmarks.resnet18 import cifar_resnet18, resnet18
from benchmarks.table import Line, spread, told, verdict
from gengap.data import Preprocessing, Problem
from gengap.measures import Subject, all_measures, measure
from gengap.sweep import available_cores

IMAGES, NIN_IMAGES = 10_000, 1_000
WANTED_RATIO, WANTED_SECONDS, WANTED_DEFAULT_SECONDS = 4, 10, 120
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "alexnet-small": lambda: plain_pytorch.plain_model("alexnet-small"),
    "resnet-18": resnet18,
}
SPECTRAL = ("prod_of_spec", "prod_of_spec_over_margin", "sum_of_spec", "sum_of_spec_over_margin", "fro_over_spec")
SPECTRAL += ("spec_init_main", "spec_orig_main", "dist_spec_init")
DZIUGAITE = (
    *("l2", "l2_dist", "params", "inverse_margin"),
    *SPECTRAL,
    *(f"{name}_operator" for name in SPECTRAL),
    *("prod_of_fro", "prod_of_fro_over_margin", "sum_of_fro", "sum_of_fro_over_margin", "fro_dist", "param_norm"),
    *("path_norm", "path_norm_over_margin"),
    *("pacbayes_init", "pacbayes_orig", "pacbayes_flatness"),
    *("pacbayes_mag_init", "pacbayes_mag_orig", "pacbayes_mag_flatness"),
)


def run(count: int | None, rounds: int) -> dict[str, Any]:
    """Both, on ``count`` images (None: 10,000, and 1,000 for the Network-in-Network)."""
    torch.set_num_threads(available_cores())
    return {
        "shared": {name: shared(name, count or IMAGES, rounds) for name in NETWORKS},
        "dziugaite": dziugaite(count or NIN_IMAGES, rounds),
    }


def shared(name: str, count: int, rounds: int) -> dict[str, Any]:
    """All measures without search: in one call, and in a call for each; the sides take turns."""
    problem = images(count)
    torch.manual_seed(0)
    initial = NETWORKS[name]()
    model = trained(initial, problem, epochs=1, wanted=1.0)
    names = [one.name for one in all_measures() if "search" not in one.needs]
    measure(model, problem.take(10), initial, measures=names)  # warms up
    together, apart = [], []
    for _ in range(rounds):
        together.append(_seconds(lambda: measure(model, problem, initial, measures=names)))
        apart.append(sum(_seconds(lambda one=one: measure(model, problem, initial, measures=[one])) for one in names))
    ratio = spread([theirs / ours for theirs, ours in zip(apart, together, strict=True)])
    return {
        "measures": len(names),
        "images": count,
        "data": problem.name,
        "one_call": spread(together),
        "a_call_each": spread(apart),
        "ratio": ratio,
    }


def dziugaite(count: int, rounds: int) -> dict[str, Any]:
    """The 34 measures of Dziugaite et al. on a Network-in-Network that fits its images."""
    problem = replace(images(count), preprocessing=Preprocessing(None, "whiten"))
    torch.manual_seed(0)
    initial = nin()
    model = trained(initial, problem, epochs=100, wanted=0.99)
    found = [measure(model, problem, initial, measures=DZIUGAITE[:1])]  # warms up
    wall, processor = [], []
    for _ in range(rounds):
        used = time.process_time()
        wall.append(_seconds(lambda: found.append(measure(model, problem, initial, measures=DZIUGAITE))))
        processor.append(time.process_time() - used)
    last = found[-1].set_index("name")
    return {
        "measures": len(last),
        "statuses": last.status.value_counts().to_dict(),
        "images": count,
        "data": problem.name,
        "accuracy": Subject(model, problem).pass_.accuracy,
        "passes": {name: last.details[name]["sigma_passes"] for name in ("pacbayes_flatness", "pacbayes_mag_flatness")},
        "seconds": spread(wall),
        "processor_seconds": spread(processor),
        "slowest": last.seconds.nlargest(6).to_dict(),
    }


def default_call(count: int | None, rounds: int) -> dict[str, Any]:
    """Every measure of a ResNet-18 that has partly fitted ``count`` images (None: 1,000) of 32 x 32 pixels.

    ``bar`` is the largest distance between the share of the time that the progress bar showed and the true one.
    """
    torch.set_num_threads(available_cores())
    problem = replace(images(count or NIN_IMAGES), preprocessing=Preprocessing(None, "whiten"))
    torch.manual_seed(0)
    initial = cifar_resnet18()
    model = trained(initial, problem, epochs=4, wanted=0.9)
    wall, processor, bar = [], [], []
    for _ in range(rounds):
        shown: list[tuple[float, float]] = []
        used, start = time.process_time(), time.perf_counter()
        rows = measure(
            model,
            problem,
            initial,
            progress=lambda done, total, _, shown=shown: shown.append((time.perf_counter(), done / (total or 100))),
        )
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
        bar.append(max(abs((now - start) / wall[-1] - share) for now, share in shown))
    rows = rows.set_index("name")
    return {
        "measures": len(rows),
        "statuses": rows.status.value_counts().to_dict(),
        "images": len(problem.train),
        "data": problem.name,
        "accuracy": rows.attrs["train_accuracy"],
        "searched": rows.attrs["subset"],
        "seconds": spread(wall),
        "processor_seconds": spread(processor),
        "bar": spread(bar),
        "slowest": rows.seconds.nlargest(12).to_dict(),
    }


def default_lines(found: dict[str, Any]) -> list[Line]:
    """The one line of ``default_call``."""
    reached = "reached" if found["seconds"]["median"] <= WANTED_DEFAULT_SECONDS else "missed"
    return [
        Line(
            f"all {found['measures']} measures by the default call, ResNet-18 with a 3 x 3 stem, {found['images']:,} "
            f"images of {found['data']}",
            f"{told(found['seconds'], 's')}, {found['processor_seconds']['median']:.3g} s of processor time",
            wanted=f"<= {WANTED_DEFAULT_SECONDS} s: {reached}",
        )
    ]


def trained(initial: nn.Module, problem: Problem, epochs: int, wanted: float) -> nn.Module:
    """A copy after epochs of SGD with momentum 0.9, until the accuracy on its training images is as wanted."""
    model = copy.deepcopy(initial)
    subject = Subject(initial, problem)
    batches: list[tuple[Tensor, Tensor]] = list(subject.batches(size=50, shuffled=True))
    optimiser = torch.optim.SGD(model.parameters(), 0.02, momentum=0.9)
    for _ in range(epochs):
        model.train()
        for x, y in batches:
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimiser.step()
        if epochs > 1 and Subject(model, problem).pass_.accuracy >= wanted:
            break
    return model.eval()


def lines(found: dict[str, Any]) -> list[Line]:
    """A line for each network."""
    drawn = [
        Line(
            f"{one['measures']} measures without search, {name}, {one['images']:,} images of {one['data']}",
            told(one["one_call"], "s"),
            "a call for each",
            told(one["a_call_each"], "s"),
            told(one["ratio"], "x"),
            verdict(one["ratio"]["median"], WANTED_RATIO),
        )
        for name, one in found["shared"].items()
    ]
    one = found["dziugaite"]
    reached = "reached" if one["seconds"]["median"] <= WANTED_SECONDS else "missed"
    return [
        *drawn,
        Line(
            f"{one['measures']} measures of Dziugaite et al., searches included, {one['images']:,} images",
            f"{told(one['seconds'], 's')}, {one['processor_seconds']['median']:.3g} s of processor time",
            "their public script",
            "75 s on two cores, not measured here",
            wanted=f"<= {WANTED_SECONDS} s: {reached}",
        ),
    ]


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
