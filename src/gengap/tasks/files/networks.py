"""A network whose weights are in a file."""

from pathlib import Path

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from gengap.data import Problem
from gengap.errors import InputError
from gengap.models import build
from gengap.network.copies import unwrapped, with_weights
from gengap.tasks.files.weights import read_weights


def saved_network(model: str, weights: str | Path, problem: Problem, key: str | None = None) -> nn.Module:
    """A named network, or what a user's factory makes, with the weights of a file.

    Args:
        model: A named model or ``module.path:factory``.
        weights: The file; see ``read_weights``.
        problem: What the network is for.
        key: As for ``read_weights``.

    Raises:
        InputError: An unknown name, a file that cannot be read, or weights of another network.
    """
    state = read_weights(weights, key)
    with torch.random.fork_rng(devices=[]):  # a fresh network draws weights that the file's replace
        made = unwrapped(build(model, problem.input_shape, problem.n_classes, any_output=True))
        _materialise(made, problem.input_shape)
    return with_weights(made, state, str(weights))


def _materialise(model: nn.Module, input_shape: tuple[int, ...]) -> None:
    """Gives the layers of a network that wait for their first input (LazyLinear and the like) their shapes.

    Raises:
        InputError: The network cannot take two blank examples.
    """
    if not any(is_lazy(tensor) for tensor in (*model.parameters(), *model.buffers())):
        return
    try:
        with torch.no_grad():
            model(torch.zeros(2, *input_shape))
    except Exception as error:
        raise InputError(
            f"The network has lazy layers and cannot take a batch of two inputs of shape {input_shape}: {error}.",
            next_step="check its first layers against the data's shape",
        ) from error
