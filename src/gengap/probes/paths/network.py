"""The network of which paths are followed: a float64 copy in evaluation mode, batch norm folded."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.network.copies import check_finite, in_float64, plain_copy
from gengap.network.folding import foldable, folded
from gengap.network.inputs import cast_inputs, tensor_of
from gengap.network.outputs import check_repeatable, scores_of
from gengap.network.trace import trace_network

FEW = 8


def folded_network(model: nn.Module, x: Any) -> nn.Module:
    """A copy of a network in float64 on the CPU, in evaluation mode, with batch norm folded where it can be.

    Args:
        model: The network; it stays as it is.
        x: Examples as it takes them, ``[N, …]``.

    Raises:
        InputError: It cannot be copied, has weights that are not finite, or does not take the examples.
    """
    computed = plain_copy(model, parametrized=True).cpu()
    copy = plain_copy(computed)
    check_finite(copy, "the network")
    few = cast_inputs(copy, tensor_of(x[:FEW] if isinstance(x, np.ndarray) else x)[:FEW].cpu())
    if len(few) == 1:
        few = torch.cat([few, few])
    check_repeatable(copy, few)
    pairs, _ = foldable(copy, few, trace_network(copy, few))
    # Weights that torch.nn.utils computes from other parameters are computed in float64 too.
    result = folded(plain_copy(in_float64(computed)), pairs)
    scores_of(result, few.double() if few.is_floating_point() else few)  # it may not run in float64
    return result


def doubled(x: Any) -> Tensor:
    """Examples in float64 on the CPU.

    Raises:
        InputError: There are none, or they are no finite floats.
    """
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        x = x.astype(np.float64, copy=not x.flags.writeable)  # a memory map is copied once
    inputs = tensor_of(x).detach().cpu()
    if not inputs.ndim or not len(inputs) or not inputs.is_floating_point():
        raise InputError(
            f"Examples of shape {tuple(inputs.shape)} and type {str(inputs.dtype).removeprefix('torch.')}.",
            expected="at least one example of floats, [N, …], as the network takes them",
        )
    if not bool(inputs.isfinite().all()):
        raise InputError("Some examples are NaN or infinite.", expected="finite numbers")
    return inputs.double()
