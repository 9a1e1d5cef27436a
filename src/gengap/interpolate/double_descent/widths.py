"""Networks with one hidden layer of growing width, each begun from the weights of the one before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap import seeds
from gengap.arguments import finite_array, real_number, whole_number, whole_numbers
from gengap.errors import InputError
from gengap.interpolate.device import torch_device

if TYPE_CHECKING:
    import torch

NEW_WEIGHTS = 0.1  # standard deviation of the weights that a wider network has beyond those of the narrower one
_MOST = 1e15  # of inputs and values
DECAY, DECAY_EVERY = 0.9, 500  # of the step below the threshold, and every how many epochs


@dataclass(frozen=True)
class WidthPoint:
    """A network of one width after its training; where that diverged, losses, errors and norm are None.

    Attributes:
        width: H, hidden units.
        n_parameters: (d + 1) H + (H + 1) K for d inputs and K outputs.
        train_loss, test_loss: Mean over examples of the squared error, summed over outputs.
        train_error, test_error: Fraction of examples whose largest output is not that of y.
        norm: Euclidean norm of all weights and biases.
        epochs: Trained; fewer than allowed where a network below the threshold made no more training errors, or where
            training diverged.
        diverged: Whether a weight or a loss is beyond float32: the step was too large.
    """

    width: int
    n_parameters: int
    train_loss: float | None
    test_loss: float | None
    train_error: float | None
    test_error: float | None
    norm: float | None
    epochs: int
    diverged: bool = False


@dataclass(frozen=True)
class Training:
    """How each network is trained: by SGD with momentum on the squared error.

    Attributes:
        epochs: At most, at least 1.
        learning_rate: Step for the mean over a batch of the squared error summed over outputs.
        momentum: In [0, 1).
        batch_size: Examples a step, at least 1.

    Raises:
        InputError: A number is out of its range.
    """

    epochs: int = 6000
    learning_rate: float = 1e-3
    momentum: float = 0.95
    batch_size: int = 100

    def __post_init__(self) -> None:
        whole_number(self.epochs, "epochs")
        whole_number(self.batch_size, "batch_size")
        real_number(self.learning_rate, "learning_rate", above=0)
        real_number(self.momentum, "momentum", least=0, below=1)


class Network:
    """max(x W + b, 0) V + c with its velocities; ``weights`` are W ``[d, H]``, b ``[H]``, V ``[H, K]``, c ``[K]``."""

    def __init__(self, weights: "Sequence[torch.Tensor]"):
        self.weights = list(weights)
        self.velocities = [weight.new_zeros(weight.shape) for weight in weights]

    def __call__(self, x: "torch.Tensor") -> "torch.Tensor":
        """Outputs ``[m, K]``."""
        W, b, V, c = self.weights
        return (x @ W + b).relu_() @ V + c

    def gradients(self, x: "torch.Tensor", y: "torch.Tensor") -> "list[torch.Tensor]":
        """Those of mean_i ||f(x_i) - y_i||^2, in the order of the weights."""
        W, b, V, c = self.weights
        hidden = (x @ W + b).relu_()
        off = (hidden @ V + c - y) * (2 / len(x))
        back = (off @ V.T) * (hidden > 0)
        return [x.T @ back, back.sum(0), hidden.T @ off, off.sum(0)]

    def step(self, x: "torch.Tensor", y: "torch.Tensor", learning_rate: float, momentum: float) -> None:
        """One step of SGD with momentum."""
        for weight, velocity, gradient in zip(self.weights, self.velocities, self.gradients(x, y), strict=True):
            velocity.mul_(momentum).add_(gradient)
            weight.sub_(velocity, alpha=learning_rate)

    def finite(self) -> bool:
        """Whether all weights are."""
        return all(bool(weight.isfinite().all()) for weight in self.weights)


def width_path(
    X: ArrayLike,
    y: ArrayLike,
    X_test: ArrayLike,
    y_test: ArrayLike,
    widths: Sequence[int],
    training: Training | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
    report: Callable[[WidthPoint], None] = lambda point: None,
) -> list[WidthPoint]:
    """Networks of every width of a grid, in ascending order, with the weights below the threshold used again.

    As long as a network has at most n K parameters it begins with the weights of the one before it, the rest drawn
    from N(0, 0.01), its step falls by a tenth every 500 epochs, and its training ends once it makes no training
    error. The first one, and every one beyond the threshold, begins from Glorot's uniform weights and zero biases;
    beyond, the step stays and all epochs are trained. One that comes after a network that diverged begins as the first.

    Source: Belkin et al. 2019 (arXiv:1812.11118), Figure 3 and supporting information, which give no step and no
    batch size.

    Args:
        X: Training points ``[n, d]``.
        y: Their values ``[n, K]``, one-hot for classes.
        X_test: Test points, ``[m, d]``.
        y_test: Their values.
        widths: Hidden units, at least 1 each, in any order.
        training: How each is trained; None takes ``Training()``.
        seed: Of initial weights and of the order of examples.
        device: Where, as PyTorch names it.
        report: Called with each point as it is done.

    Raises:
        InputError: No widths, widths that are no whole numbers of at least 1, shapes that do not match, NaN, numbers
            that float32 does not hold, or a device that cannot be used.
    """
    import torch

    training = training or Training()
    grid, where = whole_numbers(widths, "widths"), torch_device(device)
    x, values, x_test, values_test = (torch.from_numpy(a).to(where) for a in _float32(X, y, X_test, y_test))
    generator = torch.Generator(where).manual_seed(seeds.stream(seed, "widths"))
    points: list[WidthPoint] = []
    network: Network | None = None
    for width in grid:
        below = n_parameters(x.shape[1], width, values.shape[1]) <= values.numel()
        network = Network(_initial(x.shape[1], width, values.shape[1], network if below else None, generator))
        epochs = _train(network, x, values, training, generator, below=below)
        points.append(_point(network, x, values, x_test, values_test, epochs))
        report(points[-1])
        if points[-1].diverged:
            network = None
    return points


def _float32(*given: ArrayLike) -> list[NDArray[np.float32]]:
    """X, y and those of the test, as float32."""
    names = ("X", "y", "X_test", "y_test")
    arrays = [finite_array(a, name, ndim=2) for name, a in zip(names, given, strict=True)]
    shapes = [a.shape for a in arrays]
    if (
        any(len(x) != len(y) for x, y in (arrays[:2], arrays[2:]))
        or shapes[0][1] != shapes[2][1]
        or shapes[1][1] != shapes[3][1]
    ):
        raise InputError(f"Shapes {shapes}.", expected="[n, d], [n, K], [m, d] and [m, K]")
    for name, a in zip(names, arrays, strict=True):
        largest = float(np.abs(a).max())
        if largest > _MOST or 0 < largest < 1 / _MOST:
            raise InputError(
                f"The largest number of {name} is {largest:.2g}; networks are trained in float32.",
                expected=f"0, or from {1 / _MOST:g} to {_MOST:g}, whose squares float32 holds",
                next_step=f"rescale {name}",
            )
    return [a.astype(np.float32) for a in arrays]


def n_parameters(inputs: int, width: int, outputs: int) -> int:
    """(d + 1) H + (H + 1) K.

    >>> n_parameters(784, 50, 10)
    39760
    """
    return (inputs + 1) * width + (width + 1) * outputs


def _initial(
    inputs: int, width: int, outputs: int, smaller: Network | None, generator: "torch.Generator"
) -> "list[torch.Tensor]":
    import torch

    device = generator.device
    shapes = [(inputs, width), (width,), (width, outputs), (outputs,)]
    if smaller is None:
        drawn = []
        for matrix, bias in (shapes[:2], shapes[2:]):
            reach = (6 / sum(matrix)) ** 0.5
            drawn += [reach * (2 * torch.rand(matrix, generator=generator, device=device) - 1)]
            drawn += [torch.zeros(bias, device=device)]
        return drawn
    drawn = [NEW_WEIGHTS * torch.randn(shape, generator=generator, device=device) for shape in shapes]
    for weights, given in zip(drawn, smaller.weights, strict=True):
        weights[tuple(slice(0, side) for side in given.shape)] = given
    return drawn


def _train(
    network: Network,
    x: "torch.Tensor",
    y: "torch.Tensor",
    training: Training,
    generator: "torch.Generator",
    *,
    below: bool,
) -> int:
    """Trains and returns the number of epochs."""
    import torch

    edges = [*range(0, len(x), training.batch_size), len(x)]
    for epoch in range(training.epochs):
        rate = training.learning_rate * (DECAY ** (epoch // DECAY_EVERY) if below else 1)
        order = torch.randperm(len(x), generator=generator, device=x.device)
        for start, stop in pairwise(edges):
            batch = order[start:stop]
            network.step(x[batch], y[batch], rate, training.momentum)
        if not network.finite():
            return epoch + 1
        if below and _errors(network(x), y) == 0:
            return epoch + 1
    return training.epochs


def _errors(outputs: "torch.Tensor", y: "torch.Tensor") -> float:
    return float((outputs.argmax(1) != y.argmax(1)).double().mean())


def _point(
    network: Network,
    x: "torch.Tensor",
    y: "torch.Tensor",
    x_test: "torch.Tensor",
    y_test: "torch.Tensor",
    epochs: int,
) -> WidthPoint:
    train, test = network(x), network(x_test)
    train_loss, test_loss = float((train - y).square().sum(1).mean()), float((test - y_test).square().sum(1).mean())
    norm = float(sum(weight.square().sum() for weight in network.weights)) ** 0.5
    finite = bool(np.isfinite([train_loss, test_loss, norm]).all())
    return WidthPoint(
        width=network.weights[0].shape[1],
        n_parameters=sum(weight.numel() for weight in network.weights),
        train_loss=train_loss if finite else None,
        test_loss=test_loss if finite else None,
        train_error=_errors(train, y) if finite else None,
        test_error=_errors(test, y_test) if finite else None,
        norm=norm if finite else None,
        epochs=epochs,
        diverged=not finite,
    )
