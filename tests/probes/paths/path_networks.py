"""Small networks of every kind whose paths are followed, with the shape of one example."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from gengap.models.layers import LocalResponseNorm


class Residual(nn.Module):
    """Two shortcuts and a concatenation; the second ReLU works in place."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(x + self.a(x))
        g = torch.relu_(h + self.b(h))
        return self.c(torch.cat([g, x], 1))


class ConvResidual(nn.Module):
    """Batch norm, a leaky ReLU, a grouped convolution beside a shortcut, maximum pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm = nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2)
        self.b, self.c = nn.Conv2d(2, 2, 3, padding=1, groups=2), nn.Linear(8, 3)
        for value in (self.norm.running_mean, self.norm.weight.data, self.norm.bias.data):
            nn.init.normal_(value)

    def forward(self, x: Tensor) -> Tensor:
        h = functional.leaky_relu(self.norm(self.a(x)), 0.2)
        h = functional.relu(h + self.b(h))
        return self.c(functional.max_pool2d(h, 2).flatten(1))


class Inception(nn.Module):
    """Two branches side by side, pooled, and both in one convolution; grouped, so that a group sees one branch."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 2, 1), nn.Conv2d(1, 2, 3, padding=1)
        self.join, self.apart = nn.Conv2d(4, 2, 2), nn.Conv2d(4, 2, 2, groups=2, bias=False)
        self.out = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.cat([torch.relu(self.a(x)), functional.max_pool2d(self.b(x), 3, 1, 1)], 1)
        return self.out(torch.cat([torch.relu(self.join(h)), self.apart(h)], 1).flatten(1))


class ByHand(nn.Module):
    """A difference, a maximum of two branches, a scale, a learned scale, and a bias that is no layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Linear(3, 4), nn.Linear(3, 4, bias=False), nn.Linear(4, 2, bias=False)
        self.scale, self.bias = nn.Parameter(torch.randn(4)), nn.Parameter(torch.randn(2))
        self.register_buffer("centre", torch.randn(3))

    def forward(self, x: Tensor) -> Tensor:
        x = x - self.centre
        h = torch.maximum(self.a(x), 0.5 * self.b(x)) - torch.relu(self.b(x))
        h[:, :2] *= 2
        return self.out(h * self.scale) + self.bias


class Projection(nn.Module):
    """A shortcut with a projection of its own, batch norms without weights, and PReLU; no biases."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.shortcut = nn.Conv2d(1, 2, 3, 2, 1, bias=False), nn.Conv2d(1, 2, 1, 2, bias=False)
        self.norm, self.slope, self.out = nn.BatchNorm2d(2, affine=False), nn.PReLU(2), nn.Linear(8, 1, bias=False)
        nn.init.normal_(self.norm.running_mean)
        nn.init.uniform_(self.norm.running_var, 0.5, 2.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.slope(self.norm(self.a(x)) + self.norm(self.shortcut(x))).flatten(1))


def networks() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """Name -> (network in evaluation mode, shape of an example)."""
    torch.manual_seed(0)
    conv, head = nn.Conv2d(1, 2, 3), nn.Sequential(nn.Flatten(), nn.Linear(8, 2))
    image, row = (1, 5, 5), (3,)
    layers = {
        "linear": ([nn.Linear(3, 4), nn.Linear(4, 2)], row),
        "fully connected": ([nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3), nn.LeakyReLU(0.1), nn.Linear(3, 2)], row),
        "one output": ([nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)], row),
        "learned slope": ([nn.Linear(3, 4), nn.PReLU(4), nn.Linear(4, 2)], row),
        "residual": ([Residual()], row),
        "by hand": ([ByHand()], row),
        "convolution": ([conv, nn.ReLU(), nn.Conv2d(2, 2, 2, stride=2, padding=1), nn.ReLU(), head], image),
        "average pool": ([conv, nn.ReLU(), nn.AvgPool2d(2, 2, padding=1), head], image),
        "maximum pool": ([conv, nn.ReLU(), nn.MaxPool2d(3, 2, padding=1), nn.ReLU(), head], image),
        "two pools": ([nn.Conv2d(1, 2, 2), nn.MaxPool2d(2), nn.ReLU(), nn.AvgPool2d(1), head], image),
        "convolution residual": ([ConvResidual()], (1, 4, 4)),
        "projection": ([Projection()], (1, 4, 4)),
        "groups after groups": (
            [
                *(nn.Conv2d(4, 4, 2, groups=2), nn.ReLU(), nn.Conv2d(4, 2, 2, groups=2, dilation=2)),
                *(nn.ReLU(), nn.Flatten(), nn.Linear(2, 2)),
            ],
            (4, 4, 4),
        ),
        "maximum pool beyond the edge": ([conv, nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True), head], image),
        "average pool beyond the edge": (
            [conv, nn.ReLU(), nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), head],
            image,
        ),
        "adaptive pools": ([nn.AdaptiveMaxPool2d(4), nn.Conv2d(1, 2, 1), nn.AdaptiveAvgPool2d(2), head], (1, 8, 8)),
        "reflected edges": (
            [nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), nn.ReLU(), nn.Flatten(), nn.Linear(9, 2)],
            (1, 3, 3),
        ),
        "batch norm after ReLU": ([nn.Linear(3, 4), nn.ReLU(), nn.BatchNorm1d(4, affine=False), nn.Linear(4, 2)], row),
        "inception": ([Inception()], (1, 3, 3)),
        "transposed": (
            [
                nn.Conv2d(1, 1, 2, stride=2),
                nn.ReLU(),
                nn.ConvTranspose2d(1, 2, 2, stride=1, dilation=1, padding=1),
                head,
            ],
            (1, 6, 6),
        ),
        "network in network": ([conv, nn.ReLU(), nn.Conv2d(2, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()], image),
        "ends in ReLU": ([conv, nn.Conv2d(2, 3, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()], image),
        "dilated in one dimension": (
            [nn.Conv1d(2, 4, 2, dilation=2, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)],
            (2, 4),
        ),
        "response normalisation": ([conv, LocalResponseNorm(), nn.ReLU(), nn.MaxPool2d(2, 1), head], image),
    }
    return {name: (nn.Sequential(*parts).eval(), shape) for name, (parts, shape) in layers.items()}


NETWORKS = networks()
