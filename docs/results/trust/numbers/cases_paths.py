"""Cases of path norms, and of whatever depends on a batch of one."""

import numpy as np
import torch
from case import Answer, case
from torch import Tensor, nn

import gengap
from gengap.bounds import vc_dimension
from gengap.data import Problem, Split

SQUEEZE = "a network that ends in squeeze(), which drops the batch of one example"
MIXING = "outputs that depend on the other examples of a batch"
CLASSES = 4


def images(n: int = 64) -> Problem:
    """A Problem of Gaussian images 1 x 8 x 8 with their labels in turn."""
    x = np.random.default_rng(0).normal(size=(n, 1, 8, 8)).astype(np.float32)
    y = np.arange(n) % CLASSES
    return Problem("made-up", Split(x, y), Split(x[:8], y[:8]), tuple("abcd"))


class Squeeze(nn.Module):
    """Drops the axes of length 1."""

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, 1, 1]`` -> ``[N, C]``, and ``[C]`` for N = 1."""
        return x.squeeze()


def network(*, squeeze: bool) -> nn.Sequential:
    """A small Network in Network for images 1 x 8 x 8."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, CLASSES, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*layers, Squeeze() if squeeze else nn.Flatten())


def dense(layer: nn.Module, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Matrix and offset of an affine map, by its columns; in a convolution each entry is one weight or none."""
    size = torch.Size(shape).numel()
    eye = torch.eye(size, dtype=torch.float64).reshape(size, *shape)
    with torch.no_grad():
        offset = layer(torch.zeros(1, *shape, dtype=torch.float64)).flatten()
        return (layer(eye).flatten(1) - offset).T, offset


@case(SQUEEZE, "Network in Network of 6 and 4 channels on 8 x 8: path norm, squared weights", before=0.07310626)
def path_norm() -> tuple[float, float]:
    """Paths through dense matrices: every entry squared, the mean over positions as it is."""
    model = network(squeeze=False).double()
    first, first_bias = dense(model[0], (1, 8, 8))
    second, second_bias = dense(model[2], (6, 6, 6))
    units = second.square() @ (first.square().sum(1) + first_bias.square()) + second_bias.square()
    right = float(units.sum()) / 36
    data = images()
    return right, gengap.measure(network(squeeze=True), data, measures=["path_norm"])["value"].iloc[0]


def twins(measure: str, n: int, subset: int) -> tuple[Answer, Answer]:
    """A measure's value, or status and reason, of the network that flattens and of the one that squeezes."""
    data = images(n)
    rows = [
        gengap.measure(network(squeeze=squeeze), data, measures=[measure], subset=subset).iloc[0]
        for squeeze in (False, True)
    ]
    first, second = (row["value"] if row["status"] == "ok" else f"{row['status']}: {row['reason']}" for row in rows)
    return first, second


@case(
    SQUEEZE,
    "101 examples in batches of 100: Fisher-Rao norm, beside the network that flattens",
    before="skipped: error: RuntimeError: zero-dimensional tensor cannot be concatenated",
)
def fisher_rao() -> tuple[Answer, Answer]:
    """The same function with a reshape."""
    return twins("fisher_rao", 101, 101)


@case(
    SQUEEZE,
    "501 examples in batches of 500: cross entropy, beside the network that flattens",
    before="skipped: error: RuntimeError: tensors of 2 and 1 dimensions",
)
def cross_entropy() -> tuple[Answer, Answer]:
    """The same function with a reshape."""
    return twins("cross_entropy", 501, 101)


@case(
    SQUEEZE,
    "65 examples in batches of 64: normalised margins by layer, beside the network that flattens",
    before="skipped: error: IndexError: dimension out of range",
)
def margins_by_layer() -> tuple[Answer, Answer]:
    """The same function with a reshape."""
    return twins("normalised_margins_by_layer", 65, 65)


@case(SQUEEZE, "VC dimension, beside the network that flattens", before=3767.835)
def vc() -> tuple[float, float]:
    """The same function with a reshape."""
    right, now = (vc_dimension(network(squeeze=squeeze), (1, 8, 8)).value for squeeze in (False, True))
    return right, now


class Mixing(nn.Sequential):
    """Adds the mean over the batch."""

    def forward(self, x: Tensor) -> Tensor:
        """Scores that depend on the companions of an example."""
        scores: Tensor = super().forward(x)
        return scores + scores.mean(0)


@case(MIXING, "a linear network that adds the batch's mean scores: path norm", before=2.672059)
def mixing() -> tuple[str, str]:
    """No sum over the paths of one example."""
    torch.manual_seed(0)
    model = Mixing(nn.Flatten(), nn.Linear(64, CLASSES))
    row = gengap.measure(model, images(), measures=["path_norm"]).iloc[0]
    now = row["value"] if row["status"] == "ok" else f"{row['status']}: {row['reason']}"
    return "skipped: the outputs of an example depend on the other", now
