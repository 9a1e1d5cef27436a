"""What both experiments share: the data with noisy labels, a multilayer perceptron, and an epoch of descent."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gengap.studies.study import Row, Scale

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from gengap.data import Problem

PAPER = "Chatterjee 2020, Coherent gradients, arXiv:2002.10657; Chatterjee and Zielinski 2020, arXiv:2008.01217"
LEARNING_RATE, BATCH = 0.1, 100
# Training and test images; None: all.
IMAGES: dict[Scale, tuple[int, int | None]] = {"smoke": (200, 100), "desk": (1_000, None), "paper": (60_000, None)}
DIFFERENCES = (
    "Noise replaces a label, with the probability given, by a class drawn uniformly; the paper permutes labels.",
    "Pixels are divided by 255; the paper does not say how they are scaled. Weights are Xavier's, biases 0.",
    "Setups and findings are as others report of the paper, which was not at hand; it prints no table of numbers.",
)


class Training:
    """A perceptron in training on noisy labels.

    Args:
        scale: Which data.
        images: Training and test images.
        hidden: Widths of the hidden layers.
        noise: Probability with which a label is redrawn.
        c: Percentile that is clipped; 0 is plain descent.
        seed: Of labels, weights and orders.
    """

    def __init__(
        self, scale: Scale, images: tuple[int, int | None], hidden: tuple[int, ...], noise: float, c: float, seed: int
    ):
        import torch

        from gengap.data import load
        from gengap.models.initial import glorot
        from gengap.network.inputs import examples
        from gengap.seeds import stream
        from gengap.train import WinsorizedSGD

        clean = load("digits" if scale == "smoke" else "mnist").preprocess(scale="unit").take(*images)
        self.problem: Problem = clean.corrupt("labels", level=noise, seed=seed) if noise else clean
        self.corrupt: np.ndarray = self.problem.train.y != clean.train.y
        self.noise, self.seed = noise, seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream(seed, "initialisation"))
            self.model = glorot(_perceptron((clean.train.x[0].size, *hidden, clean.n_classes)))
        self.sgd = WinsorizedSGD(self.model, torch.nn.functional.cross_entropy, lr=LEARNING_RATE, c=c)
        self.train: tuple[Tensor, Tensor] = examples(self.problem, slice(None), self.model)
        self.test: tuple[Tensor, Tensor] = examples(self.problem, slice(None), self.model, "test")

    def epoch(self, number: int) -> None:
        """One pass over the training images in a fresh order; a last smaller minibatch is left out."""
        for index in self._minibatches(number):
            self._step(self.train[0][index], self.train[1][index])

    def _step(self, x: "Tensor", y: "Tensor") -> None:
        import torch

        if self.sgd.c:
            self.sgd.step(x, y)
            return
        loss = torch.nn.functional.cross_entropy(self.model(x), y)  # the same step without gradients of examples
        gradients = torch.autograd.grad(loss, list(self.model.parameters()))
        with torch.no_grad():
            for p, g in zip(self.model.parameters(), gradients, strict=True):
                p.sub_(g, alpha=self.sgd.lr)

    def _minibatches(self, number: int) -> "Iterator[Tensor]":
        import torch

        from gengap.seeds import stream

        n = len(self.train[1])
        drawn = torch.randperm(n, generator=torch.Generator().manual_seed(stream(self.seed, "order", number)))
        yield from torch.split(drawn, BATCH)[: n // BATCH]

    def accuracies(self) -> Row:
        """Loss and accuracies on both splits, on corrupt and on other images, and the adjusted overfit."""
        import numpy as np
        import torch

        with torch.no_grad():
            scores, tested = self.model(self.train[0]), self.model(self.test[0])
        right = (scores.argmax(1) == self.train[1]).numpy()
        test = float((tested.argmax(1) == self.test[1]).double().mean())
        classes = self.problem.n_classes
        parts = {"pristine_accuracy": right[~self.corrupt], "corrupt_accuracy": right[self.corrupt]}
        return {
            "train_loss": float(torch.nn.functional.cross_entropy(scores, self.train[1])),
            "train_accuracy": float(right.mean()),
            "test_accuracy": test,
            **{name: float(np.mean(values)) if len(values) else None for name, values in parts.items()},
            # What a classifier that has learned no noise would reach on the noisy training labels.
            "overfit": float(right.mean()) - (self.noise / classes + (1 - self.noise) * test),
        }


def _perceptron(sizes: tuple[int, ...]) -> "nn.Sequential":
    from itertools import pairwise

    from torch import nn

    layers: list[nn.Module] = [nn.Flatten()]
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
