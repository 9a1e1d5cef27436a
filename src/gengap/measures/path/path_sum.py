"""Sums over all paths of a network, by one pass of ones through a copy with powered weights."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gengap.measures.path.homogeneity import not_homogeneous
from gengap.measures.path.operations import watched
from gengap.models.layers import LocalResponseNorm
from gengap.network.rules import has_own_forward, has_running_statistics


@dataclass(frozen=True)
class PathSum:
    """The sum over paths to each output.

    Attributes:
        outputs: Float64 ``[C]``; None where the network has no such sum.
        left_out: Name -> why, of layers that the identity replaced, or that forbid the sum.
    """

    outputs: Tensor | None
    left_out: dict[str, str]


def path_sum(model: nn.Module, input_shape: tuple[int, ...], power: int) -> PathSum:
    r"""For each output k, :math:`\sum_{\text{paths to } k} \prod_{w \in \text{path}} |w|^p`.

    Every weight w is replaced by :math:`|w|^p` and an input of ones passed through, in float64; ReLUs then let all
    pass. A bias is the weight of paths that start at it, as in the code of Dziugaite et al. 2020, which squares all
    parameters. Pools and constants, buffers among them, stay as they are: of a window, a maximum takes the largest
    sum alone. A batch norm that is still there counts as the weight and the bias of each channel that it is.

    Response normalisation is left out (the identity takes its place), by name. Attention, layer norm and the like, or
    any other function that is not homogeneous on nonnegative inputs, have no sum over paths. Neither has a layer like
    one of PyTorch's whose forward pass is its own, since its parameters need not be the weights that it applies. Of
    everything else, ``watched`` tells whether the pass of ones adds up paths: a difference of two branches, a
    negative constant or a weight computed from parameters, as a normalised one, does not.

    Args:
        model: In evaluation mode, with batch norm folded; it stays as it is.
        input_shape: Of one example.
        power: p, at least 1.
    """
    own = {
        name: f"{type(m).__name__} has a forward pass of its own"
        for name, m in model.named_modules()
        if has_own_forward(m)
    }
    if own:
        return PathSum(None, own)
    powered = copy.deepcopy(model).to("cpu", torch.float64)
    left_out = {}
    for name, module in list(powered.named_modules()):
        if isinstance(module, LocalResponseNorm | nn.LocalResponseNorm):
            left_out[name] = "response normalisation is left out"
            powered.set_submodule(name, nn.Identity())
        elif has_running_statistics(module) and module.running_mean is not None:
            powered.set_submodule(name, _ByChannel(module))
    with torch.no_grad():
        for parameter in powered.parameters():
            parameter.copy_(parameter.abs() ** power)
        ones = torch.ones(1, *input_shape, dtype=torch.float64)
        forbids = not_homogeneous(powered, ones)
    if forbids:
        return PathSum(None, forbids)
    outputs, refused = watched(powered, ones)
    return PathSum(None, refused) if refused else PathSum(outputs[0].detach(), left_out)


class _ByChannel(nn.Module):
    """A batch norm in evaluation mode as what it is: a weight and a bias for each channel."""

    def __init__(self, norm: nn.Module):
        super().__init__()
        mean: Any = norm.running_mean
        scale, offset = getattr(norm, "weight", None), getattr(norm, "bias", None)
        weight = (norm.running_var + norm.eps).rsqrt()  # type: ignore[operator]
        weight = weight if scale is None else weight * scale
        bias = -mean * weight if offset is None else offset - mean * weight
        self.weight, self.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1, *[1] * (x.ndim - 2))
        return x * self.weight.view(shape) + self.bias.view(shape)
