"""A network whose weights are in a file."""

from pathlib import Path

import torch
from torch import nn

from gengap.data import Problem
from gengap.models import build
from gengap.network.copies import with_weights
from gengap.tasks.files.weights import read_weights


def saved_network(model: str, weights: str | Path, problem: Problem) -> nn.Module:
    """A named network, or what a user's factory makes, with the weights of a file.

    Raises:
        InputError: An unknown name, a file that cannot be read, or weights of another network.
    """
    state = read_weights(Path(weights))
    with torch.random.fork_rng(devices=[]):  # a fresh network draws weights that the file's replace
        made = build(model, problem.input_shape, problem.n_classes, any_output=True)
    return with_weights(made, state, str(weights))
