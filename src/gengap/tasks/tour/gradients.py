"""Stops on the gradients of single examples: coherence on true and random labels, and winsorised descent."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gengap.tasks.tour.stop import Setting, Shown

if TYPE_CHECKING:
    from torch import nn

    from gengap.data import Problem

WIDTH, RATE, BATCH = 256, 1.0, 100  # hidden units; step size on pixels from 0 to 1; examples in a minibatch
NOISE = 0.5
FITTED, TEST = "wrong training labels fitted", "test accuracy"


def coherence_of_labels(setting: Setting, folder: Path) -> Shown:
    """m-coherence over training on true and on random labels."""
    import pandas as pd

    from gengap.probes import coherence
    from gengap.tasks.tour.curves import curves

    rows: list[dict[str, Any]] = []
    for kind, level in (("true", 0.0), ("random", 1.0)):
        problem = _digits(setting, level)
        for epoch, network in descent(problem, 0.0, setting):
            value = coherence(network, problem, errors=False).m_coherence
            rows.append({"labels": kind, "epoch": epoch, "m-coherence": value, "accuracy": _accuracy(network, problem)})
    early = min(epoch for epoch in setting.recorded if epoch)
    first = {row["labels"]: row["m-coherence"] for row in rows if row["epoch"] == early}
    peak = max((row for row in rows if row["labels"] == "random"), key=lambda row: float(row["m-coherence"]))
    return Shown(
        f"After epoch {early} m-coherence is {first['true']:.1f} on true labels and {first['random']:.1f} on random "
        f"ones. On random labels it is largest, {peak['m-coherence']:.1f}, at epoch {peak['epoch']}, while they "
        "are memorised: a large value alone is no sign of learning.",
        [
            curves(
                pd.DataFrame(rows),
                "epoch",
                "m-coherence",
                "labels",
                "m-coherence over training on true and on random labels.",
                logarithmic=True,
                formats={"m-coherence": ".3g", "accuracy": ".1%"},
            )
        ],
    )


def winsorising(setting: Setting, folder: Path) -> Shown:
    """Accuracy on wrong labels and on test images over training, by percentile c."""
    import numpy as np
    import pandas as pd

    from gengap.tasks.tour.curves import curves

    problem = _digits(setting, NOISE)
    wrong = np.flatnonzero(problem.train.y != _digits(setting, 0.0).train.y)
    rows = []
    for c in setting.percentiles:
        for epoch, network in descent(problem, c, setting):
            memorised, test = _accuracy(network, problem, wrong), _accuracy(network, problem, split="test")
            rows += [
                {"c": f"c = {c:g}", "epoch": epoch, "part": FITTED, "fraction": memorised},
                {"c": f"c = {c:g}", "epoch": epoch, "part": TEST, "fraction": test},
            ]
    end = max(setting.recorded)
    last = {(row["c"], row["part"]): row["fraction"] for row in rows if row["epoch"] == end}
    plain, clipped = (f"c = {c:g}" for c in (min(setting.percentiles), max(setting.percentiles)))
    return Shown(
        f"At the end plain descent ({plain}) fits {last[plain, FITTED]:.0%} of the wrong labels and has a test "
        f"accuracy of {last[plain, TEST]:.0%}; with {clipped} it fits {last[clipped, FITTED]:.0%} of them, and the "
        f"test accuracy is {last[clipped, TEST]:.0%}.",
        [
            curves(
                pd.DataFrame(rows),
                "epoch",
                "fraction",
                "c",
                "Wrong training labels that are fitted, and test accuracy, by the percentile c that is clipped.",
                dash="part",
                percent=True,
                formats={"fraction": ".1%"},
            )
        ],
    )


def descent(problem: "Problem", c: float, setting: Setting) -> "Iterator[tuple[int, nn.Module]]":
    """The network in training by winsorised SGD, at each recorded epoch; c = 0 is plain SGD."""
    import torch

    from gengap.models import build
    from gengap.network.inputs import examples
    from gengap.seeds import stream
    from gengap.train import WinsorizedSGD

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(0, "initialisation"))
        network = build(f"mlp-1x{WIDTH}", problem.input_shape, problem.n_classes)
    x, y = examples(problem, slice(None), network)
    sgd = WinsorizedSGD(network, lr=RATE, c=c)
    for epoch in range(max(setting.recorded) + 1):
        if epoch:
            order = torch.randperm(len(y), generator=torch.Generator().manual_seed(stream(0, "order", epoch)))
            for index in torch.split(order, BATCH):
                sgd.step(x[index], y[index])
        if epoch in setting.recorded:
            yield epoch, network


def _digits(setting: Setting, level: float) -> "Problem":
    from gengap.data import load

    digits = load("digits").preprocess(scale="unit").take(setting.images, None)
    return digits.corrupt("labels", level=level, seed=0) if level else digits


def _accuracy(network: "nn.Module", problem: "Problem", index: object = None, split: str = "train") -> float:
    import numpy as np

    from gengap.network.inputs import class_scores

    part = problem.train if split == "train" else problem.test
    right = class_scores(network, problem, part.x).argmax(1) == part.y
    return float(np.mean(right if index is None else right[index]))
