"""Small networks, homogeneous in their layers and not, on 3 x 8 x 8 pixels in four classes; float64."""

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gengap.models.layers import CentredNorm, LocalResponseNorm, SameConv, SameMaxPool

SHAPE, CLASSES = (3, 8, 8), 4


def images(n: int = 12) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(5)
    return torch.randn(n, *SHAPE, generator=rng, dtype=torch.float64), torch.randint(CLASSES, (n,), generator=rng)


def made(build: Callable[[], nn.Module]) -> nn.Module:
    """In evaluation mode, with statistics as after some training."""
    torch.manual_seed(2)
    network = build().double()
    for name, value in network.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            value.copy_(0.5 + torch.rand_like(value))
    return network.eval()


def convolutional() -> nn.Module:
    """Biases in every layer, pooling of two kinds, a leaky activation."""
    return nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 6, 2, groups=1), nn.LeakyReLU(0.1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(6, CLASSES),
    )  # fmt: skip


def batch_norm() -> nn.Module:
    return nn.Sequential(
        SameConv(3, 4, bias=False), CentredNorm(4), nn.ReLU(), SameMaxPool(),
        nn.Conv2d(4, 5, 2), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Linear(5, 7), nn.BatchNorm1d(7), nn.ReLU(),
        nn.Linear(7, CLASSES),
    )  # fmt: skip


class Branching(nn.Module):
    """Its path depends on the data, so that nothing can trace it."""

    def __init__(self, *, residual: bool):
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(192, 6), nn.Linear(6, 6), nn.Linear(6, CLASSES)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first(x.flatten(1)))
        if h.sum() < 0:  # never
            return self.last(h)
        g = torch.relu(self.middle(h))
        return self.last(g + h if self.residual else g)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(192, 6), nn.Linear(6, 6), nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first(x.flatten(1)))
        return self.last(h + torch.relu(self.middle(h)))


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(192, 6), nn.Linear(6, 6), nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.middle(torch.relu(self.first(x.flatten(1)))))
        return self.last(torch.relu(self.middle(h)))


class Standardised(nn.Conv2d):
    """A convolution that standardises its weights."""

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight / self.weight.norm(), self.bias)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention, self.last = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        words = x.flatten(1, 2)
        return self.last(self.attention(words, words, words, need_weights=False)[0].mean(1))


class Shifted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.shift = nn.Linear(192, CLASSES), nn.Parameter(torch.ones(CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        return self.first(x.flatten(1)) + self.shift


def between(*middle: nn.Module) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 6), *middle, nn.Linear(6, CLASSES))


HOMOGENEOUS = {"convolutional": convolutional, "batch norm": batch_norm}


# What is wrong, as the reason names it.
def tied() -> nn.Module:
    layers = {"flat": nn.Flatten(), "start": nn.Linear(192, 6), "first": nn.Linear(6, 6), "second": nn.Linear(6, 6)}
    layers["second"].weight = layers["first"].weight
    return nn.Sequential(OrderedDict(layers, head=nn.Linear(6, CLASSES)))


OTHERS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "residual": (Residual, "add joins branches"),
    "twice": (Twice, "middle is used twice"),
    "attention": (Attention, "attention's softmax"),
    "shifted": (Shifted, "the parameter shift is used outside a layer"),
    "GELU": (between(nn.GELU()), "2 (GELU)"),
    "ReLU6": (between(nn.ReLU6()), "2 (ReLU6)"),
    "layer norm": (between(nn.LayerNorm(6), nn.ReLU()), "2 (LayerNorm)"),
    "late batch norm": (between(nn.ReLU(), nn.BatchNorm1d(6)), "batch norm 3 does not follow a weight layer"),
    "norm of its batch": (
        between(nn.BatchNorm1d(6, track_running_stats=False)),
        "2: batch norm not folded: it has no running statistics",
    ),
    "grouped transposed": (
        lambda: nn.Sequential(
            nn.ConvTranspose2d(3, 3, 2, groups=3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(243, CLASSES)
        ),
        "1: batch norm not folded: its channels",
    ),
    "tied": (tied, "first: its weights serve second too"),
    "response norm": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 8), LocalResponseNorm(), nn.Flatten(), nn.Linear(4, CLASSES)),
        "1 (LocalResponseNorm)",
    ),
    "log softmax": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, CLASSES), nn.LogSoftmax(1)), "2 (LogSoftmax)"),
    "no layer": (nn.Flatten, "no weight layer"),
}
