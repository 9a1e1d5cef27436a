"""Small data with clusters, and networks trained on them, for audits."""

import numpy as np
import torch
from torch import nn

from gengap.data import Problem, Split

N_TRAIN, N_TEST, D, C = 240, 300, 6, 3


def blobs(*, shared: int = 0, random_labels: bool = False) -> Problem:
    """Three clusters; some test examples may be training examples too, the training labels may be random."""
    random = np.random.default_rng(0)
    y = np.arange(N_TRAIN + N_TEST) % C
    x = (5 * np.eye(D)[y] + random.standard_normal((len(y), D))).astype(np.float32)
    test = Split(x[N_TRAIN:].copy(), y[N_TRAIN:].astype(np.int64))
    test_x = test.x.copy()
    test_x[:shared] = x[:shared]
    labels = random.permutation(y[:N_TRAIN]) if random_labels else y[:N_TRAIN]
    train = Split(x[:N_TRAIN], labels.astype(np.int64))
    return Problem("blobs", train, Split(test_x, test.y), ("a", "b", "c"))


def fitted(problem: Problem, width: int = 64, steps: int = 150, lr: float = 0.02) -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(D, width), nn.ReLU(), nn.Linear(width, C))
    x, y = torch.tensor(problem.train.x), torch.tensor(problem.train.y)
    optimizer = torch.optim.Adam(network.parameters(), lr)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    return network
