"""The networks and data of the studies of deep paths: small subsets, and a network trained on squared loss."""

from typing import TYPE_CHECKING, Literal

from gengap.studies.study import Scale

if TYPE_CHECKING:
    from torch import nn

    from gengap.data import Problem

Labels = Literal["true", "random"]
PAPER = "Kawaguchi, Kaelbling and Bengio 2017, Generalization in deep learning, arXiv:1710.05468"


def convolutional(input_shape: tuple[int, ...], n_classes: int) -> "nn.Module":
    """Convolution 5 x 5 of 16 channels, pool, convolution 5 x 5 of 32, pool, and linear layers of 120, 84 and C units.

    Args:
        input_shape: (channels, height, width), sides of 4 or more.
        n_classes: C.
    """
    from torch import nn

    channels, height, width = input_shape
    return nn.Sequential(
        *(nn.Conv2d(channels, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * (height // 4) * (width // 4), 120), nn.ReLU()),
        *(nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, n_classes)),
    )


def network(name: str, problem: "Problem", seed: int) -> "nn.Module":
    """A fresh network: ``convolutional`` or a named model, from its seed."""
    import torch

    from gengap import models
    from gengap.seeds import stream

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(seed, "initialisation"))
        if name == "convolutional":
            return convolutional(problem.input_shape, problem.n_classes)
        return models.build(name, problem.input_shape, problem.n_classes)


def data(scale: Scale, labels: Labels, m: int, others: int, seed: int = 0) -> "Problem":
    """CIFAR-10, or the embedded digits at smoke scale: the first m training and the first test examples.

    With random labels those of the population are random too: S and the population have one distribution.
    """
    from gengap.data import load

    problem = load("digits" if scale == "smoke" else "cifar10").take(m, others)
    return problem if labels == "true" else problem.corrupt("random-labels", seed=seed, test=True)
