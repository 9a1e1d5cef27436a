"""Complexity measures of a network.

Any PyTorch module; each measure says what it needs, and what it could not treat.
"""

import torch
from torch import nn

import gengap

torch.manual_seed(0)
network = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
rows = gengap.measure(network, gengap.load("digits"), measures=["sum_of_fro", "path_norm", "params"])
print(rows[["name", "value", "status"]].to_string(index=False))
