"""What a user has: a small network and its training, a plain script that knows nothing of gengap."""

import numpy as np
import torch
from torch import nn

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)


class SmallCNN(nn.Module):
    """Three convolutions, two of them with stride 2, and two linear layers; 77,106 parameters on 3 x 16 x 16."""

    def __init__(self, classes: int = 10):
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width, stride in ((16, 2), (32, 1), (32, 2)):
            layers += [nn.Conv2d(channels, width, 3, stride, padding=1), nn.ReLU()]
            channels = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(32 * 16, 120), nn.ReLU(), nn.Linear(120, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores ``[B, classes]``."""
        return self.head(self.features(x))


def cnn() -> SmallCNN:
    """A fresh network."""
    return SmallCNN()


def trained(x: np.ndarray, y: np.ndarray, epochs: int, seed: int = 0, fit: float = 1.0) -> SmallCNN:
    """The network after training on inputs as it takes them, for so many epochs or until it fits this share."""
    torch.manual_seed(seed)
    network, inputs, labels = SmallCNN(), torch.tensor(x), torch.tensor(y)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(epochs):
        network.train()
        for batch in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[batch]), labels[batch]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            right = torch.cat([network(part).argmax(1) for part in inputs.split(500)]) == labels
        if float(right.float().mean()) >= fit:
            break
    return network


def fit(problem, seed):
    """The training as ``gengap audit --train nets:fit`` calls it: a Problem with its inputs prepared."""
    return trained(problem.train.x, problem.train.y, epochs=5, seed=seed)
