"""Scores of a batch and of one example, from anybody's network."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.models.refusing_layer import refusing_layer

Network = Callable[[Tensor], Any]


def scores_of_one(network: Network, x: Tensor, *, single: bool | None = None) -> Tensor:
    """The scores ``[1, ...]`` of one example ``[1, ...]``, given twice where a batch of one loses its row.

    Args:
        network: From inputs to scores.
        x: The example.
        single: What ``keeps_single`` says of the network; None asks it, at the cost of a pass.
    """
    single = keeps_single(network, x) if single is None else single
    return scores_of(network, x.clone() if single else torch.cat([x, x]))[:1]  # it may change its inputs in place


def keeps_single(network: Network, x: Tensor) -> bool:
    """Whether a batch of one has a row of scores: a network that ends in ``squeeze()`` drops it."""
    try:
        with torch.no_grad():
            out = network(x[:1].clone())
        return isinstance(out, Tensor) and out.ndim > 0 and len(out) == 1
    except Exception:  # a network that cannot take a batch of one may take one of two
        return False


def scores_of(network: Network, x: Tensor) -> Tensor:
    """The scores of a batch.

    Raises:
        InputError: The network cannot take it, or returns anything but one tensor with a row for each example.
    """
    try:
        out = network(x)
    except InputError:
        raise
    except Exception as error:  # whatever a user's network raises
        cause = (str(error).strip().splitlines() or [""])[0]
        layer = refusing_layer(error, network) if isinstance(network, nn.Module) else ""
        raise InputError(
            f"The network cannot take a batch of inputs of shape {tuple(x.shape[1:])}: "
            f"{layer or f'{type(error).__name__}: {cause}'}",
            next_step="check its first layers against the data's shape and preprocessing",
        ) from error
    if not isinstance(out, Tensor) or out.ndim == 0 or len(out) != len(x):
        shape = f"shape {tuple(out.shape)}" if isinstance(out, Tensor) else type(out).__name__
        raise InputError(f"The network returns {shape} for {len(x)} examples.", expected="one tensor, a row an example")
    return out
