"""A network whose weights are in a file."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gengap.data import Problem
from gengap.errors import InputError, listed
from gengap.models import blank_inputs, build, check_output
from gengap.models.hugging_face import check_folder_inputs, class_names, is_model_folder, pretrained
from gengap.network.copies import unwrapped, with_weights
from gengap.tasks.files.weights import read_weights


def saved_network(
    model: str, weights: str | Path | None, problem: Problem, key: str | None = None, *, dropout: float = 0.0
) -> nn.Module:
    """A named network, what a user's factory makes, or that of a folder of Hugging Face, with the weights of a file.

    Args:
        model: A named model, ``module.path:factory``, or such a folder.
        weights: The file; see ``read_weights``. None takes the folder's own.
        problem: What the network is for.
        key: As for ``read_weights``.
        dropout: Probability with which a named network was trained, whose layers of dropout number its weights.

    Raises:
        InputError: An unknown name, a file that cannot be read, or weights of another network.
    """
    if weights is None:
        return _pretrained(model, problem)
    state = read_weights(weights, key)
    if is_model_folder(model):
        return _pretrained(model, problem, state)
    with torch.random.fork_rng(devices=[]):  # a fresh network draws weights that the file's replace
        sizes = (problem.input_shape, problem.n_classes)
        made = unwrapped(build(model, *sizes, dropout=dropout, vocabulary=problem.vocabulary, any_output=True))
        _materialise(made, problem)
    return with_weights(made, state, str(weights))


def _pretrained(model: str, problem: Problem, state: Mapping[str, Tensor] | None = None) -> nn.Module:
    if not is_model_folder(model):
        raise InputError(
            f"There are no weights for {model}.",
            expected="--weights FILE, a state dict or checkpoint; a folder of Hugging Face has its own",
        )
    network = pretrained(model, state)
    check_folder_inputs(model, problem.vocabulary)
    name = f"The network of {model}"
    check_output(network, problem.input_shape, problem.n_classes, vocabulary=problem.vocabulary, name=name)
    names = class_names(model)
    if names is not None and names != problem.classes and set(names) == set(problem.classes):
        raise InputError(
            f"The network has the classes {listed(names)} in this order, {problem.name} {listed(problem.classes)}.",
            expected="the same order, since outputs and labels are compared by index",
            next_step="store the labels as the indices of the network's outputs",
        )
    return network


def _materialise(model: nn.Module, problem: Problem) -> None:
    """Gives the layers of a network that wait for their first input (LazyLinear and the like) their shapes.

    Raises:
        InputError: The network cannot take two blank examples.
    """
    if not any(is_lazy(tensor) for tensor in (*model.parameters(), *model.buffers())):
        return
    try:
        with torch.no_grad():
            model(blank_inputs(2, problem.input_shape, problem.vocabulary, torch.empty(0)))
    except Exception as error:
        raise InputError(
            f"The network has lazy layers and cannot take two inputs of shape {problem.input_shape}: {error}.",
            next_step="check its first layers against the data's shape",
        ) from error
