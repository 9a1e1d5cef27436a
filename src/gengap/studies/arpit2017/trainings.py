"""What the studies of memorisation share: noise in place of inputs or labels, networks, and an epoch of descent."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from gengap.studies.study import Row, Scale

if TYPE_CHECKING:
    from torch import Tensor, nn

PAPER = "Arpit et al. 2017, A closer look at memorization in deep networks, ICML, arXiv:1706.05394v2"
Noise = Literal["inputs", "labels"]
LEVELS = (0.0, 0.2, 0.4, 0.6, 0.8)
# What networks are fed.
FED = "pixels divided by 255, replaced by Gaussian noise of their mean and standard deviation where inputs are noise"
SMALL_FED = (
    "pixels divided by 255, images of 28 x 28 shrunk by means of 2 x 2, some replaced by Gaussian noise of their mean "
    "and standard deviation"
)
RADIUS = 0.3 / 255  # of the box of a critical sample, for pixels in [0, 1]
SEARCH_STEPS = 10  # of the search for critical samples that are trained on
DIFFERENCES = (
    "Pixels are divided by 255, as the radius of 0.3 is; weights are Xavier's. The paper gives neither.",
    "Noise on inputs replaces images by Gaussian noise of the training pixels' mean and variance, noise on labels "
    "replaces labels by classes drawn uniformly, each with the probability given. Validation images are MNIST's or "
    "CIFAR-10's own test images.",
)


@dataclass(frozen=True)
class Images:
    """Training and validation images with pixels in [0, 1], ``[N, C, H, W]``, and their labels."""

    x: "Tensor"
    y: "Tensor"
    validation_x: "Tensor"
    validation_y: "Tensor"
    classes: int


def images(name: str, size: tuple[int, int | None], noise: Noise, level: float, seed: int) -> Images:
    """Some images of a data set, with noise in the training split.

    Args:
        name: Of the data set.
        size: Training and validation images; None: all.
        noise: What it replaces.
        level: Probability with which an image or label is replaced.
        seed: Of the noise.
    """
    import torch

    from gengap.data import load
    from gengap.seeds import generator

    clean = load(name).take(*size)
    noisy = clean.corrupt("labels", level=level, seed=seed) if noise == "labels" and level else clean
    x, validation = (torch.from_numpy(split.x.astype("float32")) / 255 for split in (clean.train, clean.test))
    if noise == "inputs":
        random = generator(seed, "arpit2017 noisy inputs")
        chosen = torch.from_numpy(random.random(len(x)) < level)
        drawn = random.normal(float(x.mean()), float(x.std()), tuple(x.shape)).astype("float32")
        x = torch.where(chosen.view(-1, *[1] * (x.ndim - 1)), torch.from_numpy(drawn), x)
    labels, truth = (torch.from_numpy(split.y.copy()) for split in (noisy.train, clean.test))
    return Images(x, labels, validation, truth, clean.n_classes)


@dataclass(frozen=True)
class Regularisation:
    """What is added to descent on the training loss.

    Attributes:
        dropout: Probability of a hidden unit.
        mask: Probability of an input's value.
        hidden_noise, input_noise: Standard deviation of Gaussian noise that is added.
        weight_decay: Multiple of the weights in the gradient.
        adversarial: Weight of the loss on critical samples, of which the search takes ``SEARCH_STEPS`` steps.
        radius: Of their box, for pixels in [0, 1].
    """

    dropout: float = 0.0
    mask: float = 0.0
    hidden_noise: float = 0.0
    input_noise: float = 0.0
    weight_decay: float = 0.0
    adversarial: float = 0.0
    radius: float = RADIUS


PLAIN = Regularisation()


class Descent:
    """A network in training by SGD.

    Args:
        images: The data.
        hidden: Widths of the hidden layers of a perceptron; None for the paper's network for CIFAR-10.
        batch: Examples of a minibatch.
        learning_rate: Of all steps, but for ``halved_every``.
        momentum: Of SGD.
        halved_every: Epochs after which the learning rate is halved; None for never.
        regularisation: What is added.
        seed: Of weights, orders and noise.
    """

    def __init__(
        self,
        images: Images,
        hidden: Sequence[int] | None,
        *,
        batch: int,
        learning_rate: float,
        momentum: float = 0.0,
        halved_every: int | None = None,
        regularisation: Regularisation = PLAIN,
        seed: int = 0,
    ):
        import torch

        from gengap.seeds import stream

        self.images, self.batch, self.regularisation, self.seed = images, batch, regularisation, seed
        self._rate, self._halved_every = learning_rate, halved_every
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream(seed, "initialisation"))
            self.model = (
                convolutional(images.classes, regularisation)
                if hidden is None
                else perceptron((images.x[0].numel(), *hidden, images.classes), regularisation)
            )
        decay = regularisation.weight_decay
        self._sgd = torch.optim.SGD(self.model.parameters(), learning_rate, momentum, weight_decay=decay)

    def epoch(self, number: int) -> None:
        """One pass over the training images in a fresh order.

        Args:
            number: From 1.
        """
        import torch

        from gengap.seeds import stream

        if self._halved_every is not None:
            self._sgd.param_groups[0]["lr"] = self._rate * 0.5 ** ((number - 1) // self._halved_every)
        order = torch.Generator().manual_seed(stream(self.seed, "order", number))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream(self.seed, "noise of training", number))
            for index in torch.split(torch.randperm(len(self.images.y), generator=order), self.batch):
                self._step(self.images.x[index], self.images.y[index])

    def _step(self, x: "Tensor", y: "Tensor") -> None:
        from torch.nn.functional import cross_entropy

        share = self.regularisation.adversarial
        points = self._critical(x) if share else x
        self.model.train()
        loss = cross_entropy(self.model(x), y)
        if share:
            loss = (1 - share) * loss + share * cross_entropy(self.model(points), y)
        self._sgd.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._sgd.step()

    def _critical(self, x: "Tensor") -> "Tensor":
        import torch

        from gengap.probes import critical_samples

        seed = int(torch.randint(2**31, ()))
        radius = self.regularisation.radius
        return critical_samples(self.model, x, radius, steps=SEARCH_STEPS, seed=seed, evaluation=True).points

    def accuracies(self) -> Row:
        """Accuracy on the training labels as they are, and on the validation images."""
        data = self.images
        return {
            "train_accuracy": self._accuracy(data.x, data.y),
            "validation_accuracy": self._accuracy(data.validation_x, data.validation_y),
        }

    def _accuracy(self, x: "Tensor", y: "Tensor") -> float:
        import torch

        self.model.eval()
        with torch.no_grad():
            parts = zip(torch.split(x, 500), torch.split(y, 500), strict=True)
            return sum(int((self.model(a).argmax(1) == b).sum()) for a, b in parts) / len(y)


def perceptron(sizes: Sequence[int], regularisation: Regularisation = PLAIN) -> "nn.Sequential":
    """Fully connected layers of these sizes with ReLUs in between."""
    from torch import nn

    from gengap.models.initial import glorot

    layers: list[nn.Module] = [nn.Flatten(), *_on_inputs(regularisation)]
    for n_in, n_out in pairwise(sizes[:-1]):
        layers += [nn.Linear(n_in, n_out), nn.ReLU(), *_on_hidden(regularisation)]
    return glorot(nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1])))


def convolutional(classes: int, regularisation: Regularisation = PLAIN) -> "nn.Sequential":
    """The paper's network for CIFAR-10: crop, two convolutions of 200 channels, dense layers of 384 and 192 units.

    Convolutions are not padded and pooling of 3 x 3 steps by 2, which the paper leaves open.
    """
    from torch import nn

    from gengap.models.initial import glorot

    layers: list[nn.Module] = [nn.ZeroPad2d(-2), *_on_inputs(regularisation)]
    for channels in (3, 200):
        layers += [nn.Conv2d(channels, 200, 5), nn.BatchNorm2d(200), nn.ReLU(), nn.MaxPool2d(3, 2)]
    layers.append(nn.Flatten())
    for n_in, n_out in ((200 * 3 * 3, 384), (384, 192)):
        layers += [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU(), *_on_hidden(regularisation)]
    return glorot(nn.Sequential(*layers, nn.Linear(192, classes)))


def small_digits(scale: Scale, count: int, real: float, seed: int) -> "tuple[Tensor, Tensor]":
    """Digits of 14 x 14 pixels in [0, 1] and their labels, some images replaced by noise of their mean and variance.

    Args:
        scale: Which data: embedded digits of 8 x 8 pixels at smoke scale.
        count: How many.
        real: Probability with which an image stays.
        seed: Of the noise.
    """
    import torch

    from gengap.data import load
    from gengap.seeds import generator

    part = load("digits" if scale == "smoke" else "mnist").take(count, 1).train
    x = part.x.astype("float64") / 255
    if x.shape[-1] == 28:  # means of 2 x 2 pixels
        x = x.reshape(*x.shape[:-2], 14, 2, 14, 2).mean((-3, -1))
    random = generator(seed, "arpit2017 inputs")
    noise = random.normal(x.mean(), x.std(), x.shape)
    replaced = random.random(len(x)) >= real
    x[replaced] = noise[replaced]
    return torch.from_numpy(x.astype("float32")), torch.from_numpy(part.y.copy())


def small_network(inputs: int, seed: int) -> "nn.Sequential":
    """Two layers of 16 units, for ten classes."""
    import torch

    from gengap.seeds import stream

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(seed, "initialisation"))
        return perceptron((inputs, 16, 16, 10))


def _on_inputs(regularisation: Regularisation) -> "list[nn.Module]":
    from torch import nn

    mask, noise = regularisation.mask, regularisation.input_noise
    return [*([nn.Dropout(mask)] if mask else []), *([gaussian_noise(noise)] if noise else [])]


def _on_hidden(regularisation: Regularisation) -> "list[nn.Module]":
    from torch import nn

    dropout, noise = regularisation.dropout, regularisation.hidden_noise
    return [*([nn.Dropout(dropout)] if dropout else []), *([gaussian_noise(noise)] if noise else [])]


def gaussian_noise(deviation: float) -> "nn.Module":
    """A layer that adds Gaussian noise in training mode."""
    import torch
    from torch import nn

    class GaussianNoise(nn.Module):
        def forward(self, x: "Tensor") -> "Tensor":
            return x + deviation * torch.randn_like(x) if self.training else x

    return GaussianNoise()
