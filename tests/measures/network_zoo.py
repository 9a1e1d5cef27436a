"""More networks as users have them, of 1 x 8 x 8 pixels in four classes: every kind of layer, and odd outcomes."""

from collections.abc import Callable

import torch
from measured_networks import CLASSES
from torch import Tensor, nn
from torch.nn.utils import parametrizations, weight_norm


class Pooled(nn.Sequential):
    def __init__(self, *layers: nn.Module, features: int) -> None:
        super().__init__(*layers, nn.Flatten(), nn.Linear(features, CLASSES))


class Rows(nn.Sequential):
    """Images as eight channels of a signal of length eight."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x[:, 0])


class Volumes(nn.Sequential):
    """Images as volumes of depth one."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x[:, None])


class TiedHead(nn.Module):
    """Pixels as four words, whose embeddings are the last layer's weights too."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.inner = nn.Embedding(CLASSES, 6), nn.Linear(6, 6)
        self.head = nn.Linear(6, CLASSES, bias=False)
        self.head.weight = self.words.weight

    def forward(self, x: Tensor) -> Tensor:
        words = torch.bucketize(x.flatten(1), torch.tensor([-0.7, 0.0, 0.7]))
        return self.head(torch.relu(self.inner(self.words(words).mean(1))))


class Squeezing(nn.Module):
    """Ends in one number a class, whose axes of length one it drops."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.pool = nn.Conv2d(1, 5, 3), nn.Conv2d(5, CLASSES, 1), nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.last(torch.relu(self.first(x)))).squeeze()


class DeadBranch(nn.Module):
    """A layer all of whose units are off, beside one that works."""

    def __init__(self) -> None:
        super().__init__()
        self.dead, self.after, self.alive = nn.Linear(64, 5), nn.Linear(5, CLASSES), nn.Linear(64, CLASSES)
        nn.init.constant_(self.dead.bias, -1000.0)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        return self.after(torch.relu(self.dead(x))) + self.alive(x)


def spectrally_normed() -> nn.Module:
    layers = [parametrizations.spectral_norm(nn.Conv2d(1, 3, 3)), nn.ReLU()]
    return Pooled(*layers, features=108)


def weight_normed(make: Callable[[nn.Module], nn.Module]) -> nn.Module:
    return Pooled(make(nn.Conv2d(1, 3, 3)), nn.ReLU(), features=108)


def in_half_precision() -> nn.Module:
    return Pooled(nn.Conv2d(1, 3, 3), nn.ReLU(), features=108)


def of_one_class() -> nn.Module:
    model = Pooled(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), features=6)
    nn.init.constant_(model[-1].bias[:1], 100.0)  # type: ignore[index]
    return model


def with_ties() -> nn.Module:
    """Two classes whose scores are always equal."""
    model = Pooled(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), features=6)
    with torch.no_grad():
        for parameter in model[-1].parameters():
            parameter[1] = parameter[0]
    return model


ZOO: dict[str, Callable[[], nn.Module]] = {
    "padded maximum": lambda: Pooled(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1), features=27),
    "padded mean": lambda: Pooled(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AvgPool2d(3, 2, padding=1), features=27),
    "dropout": lambda: Pooled(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Dropout2d(0.3), nn.Dropout(0.2), features=108),
    "transposed": lambda: Pooled(
        *(nn.ConvTranspose2d(1, 4, 3, stride=2, output_padding=1), nn.ReLU()),
        *(nn.ConvTranspose2d(4, 2, 2, groups=2), nn.ReLU(), nn.MaxPool2d(4)),
        features=2 * 4 * 4,
    ),
    "dilated and grouped": lambda: Pooled(
        *(nn.Conv2d(1, 4, 3, dilation=2, padding=1), nn.ReLU(), nn.Conv2d(4, 6, 3, groups=2), nn.ReLU()), features=96
    ),
    "circular": lambda: Pooled(nn.Conv2d(1, 3, 3, padding=1, padding_mode="circular"), nn.ReLU(), features=192),
    "one axis": lambda: Rows(nn.Conv1d(8, 5, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(40, CLASSES)),
    "three axes": lambda: Volumes(nn.Conv3d(1, 2, (1, 3, 3)), nn.ReLU(), nn.Flatten(), nn.Linear(72, CLASSES)),
    "weight norm": lambda: weight_normed(parametrizations.weight_norm),
    "weight norm by hooks": lambda: weight_normed(weight_norm),
    "spectral norm": spectrally_normed,
    "tied head": TiedHead,
    "squeeze": Squeezing,
    "dead branch": DeadBranch,
    "half precision": in_half_precision,
    "one class": of_one_class,
    "ties": with_ties,
}
