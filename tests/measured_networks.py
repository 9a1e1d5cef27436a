"""Small networks of every kind that measures must take, on made-up data of 1 x 8 x 8 pixels in four classes."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from gengap.data import Problem, Split
from gengap.models.inception import Downsample, Inception
from gengap.models.layers import CentredNorm, LocalResponseNorm, SameMaxPool

SHAPE, CLASSES = (1, 8, 8), 4


def problem(n: int = 48) -> Problem:
    rng = np.random.default_rng(3)
    y = np.arange(n) % CLASSES
    centres = rng.normal(size=(CLASSES, *SHAPE))
    x = (centres[y] + 0.3 * rng.normal(size=(n, *SHAPE))).astype(np.float32)
    return Problem("made-up", Split(x, y), Split(x[:8], y[:8]), tuple("abcd"))


class Block(nn.Module):
    def __init__(self, c: int):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        self.conv2, self.norm2 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(x + self.norm2(self.conv2(h)))


class ResNet(nn.Sequential):
    def __init__(self) -> None:
        stem = [nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(inplace=True)]
        super().__init__(*stem, Block(6), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, CLASSES))


class Transformer(nn.Module):
    """Rows of pixels as words: pixels below zero are the word 0, the others 1."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(2, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        words = self.words((x.flatten(1) > 0).long())
        h = self.norm(words + self.attention(words, words, words, need_weights=False)[0])
        return self.head(h.mean(1))


class WithLSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(8, 6)
        self.lstm = nn.LSTM(6, 5, batch_first=True)
        self.head = nn.Linear(5, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(torch.relu(self.first(x[:, 0])))[0][:, -1])


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.again = nn.Linear(64, 64), nn.Linear(64, 64)
        self.again.weight = self.first.weight
        self.head = nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.again(torch.relu(self.first(x.flatten(1))))))


class InPlace(nn.Module):
    """Overwrites its input, and takes a view of a convolution's output that channels last would not allow."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Conv2d(1, 3, 3, stride=2), nn.Linear(27, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x -= 0.5
        return self.head(torch.relu_(self.first(x)).view(len(x), -1))


def instance_normed() -> nn.Sequential:
    norms = [nn.InstanceNorm2d(3, affine=True), nn.BatchNorm2d(3, track_running_stats=False)]
    return nn.Sequential(nn.Conv2d(1, 3, 3), *norms, nn.ReLU(), nn.Flatten(), nn.Linear(108, CLASSES))


def mlp() -> nn.Sequential:
    layers = [nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, CLASSES)]
    return nn.Sequential(nn.Flatten(), *layers)


def alexnet() -> nn.Sequential:
    """The small AlexNet with fewer channels: response normalisation, overlapping pools."""
    features = [nn.Conv2d(1, 4, 5, padding=2), SameMaxPool(), nn.ReLU(), LocalResponseNorm()]
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, CLASSES))


def inception() -> nn.Sequential:
    """The small Inception's parts with fewer channels: branches, each with a batch norm."""
    stem = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), CentredNorm(4), nn.ReLU())
    parts = [Inception(4, 2, 3, norm=True), Downsample(5, 4, norm=True)]
    return nn.Sequential(stem, *parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(9, CLASSES))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "mlp": mlp,
    "alexnet": alexnet,
    "inception": inception,
    "resnet": ResNet,
    "transformer": Transformer,
    "lstm": WithLSTM,
    "tied": Tied,
    "in place": InPlace,
    "instance norm": instance_normed,
}


def network(name: str, seed: int = 0) -> nn.Module:
    """A network whose batch norms have seen some data."""
    torch.manual_seed(seed)
    model = NETWORKS[name]()
    x = torch.from_numpy(problem().train.x.copy())
    with torch.no_grad():
        for _ in range(2):
            model.train()(x.clone())
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_()
    return model


def fitted(model: nn.Module, steps: int = 60) -> nn.Module:
    """The network after some steps of Adam on the whole of the data."""
    split = problem().train
    x, y = torch.from_numpy(split.x.copy()), torch.from_numpy(split.y.copy())
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    model.train()
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x.clone()), y).backward()
        optimiser.step()
    return model.eval()
