"""Which parameters of a module are weights of linear maps, and which are vectors: one rule for each kind of module."""

from dataclasses import dataclass
from typing import Literal

from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.instancenorm import _InstanceNorm

from gengap.models.layers import SameConv

Kind = Literal["linear", "conv", "conv_transpose", "embedding", "attention"]
MODULES = (nn.Linear, _ConvNd, nn.Embedding, nn.MultiheadAttention)
_PYTORCHS = (
    *(nn.Linear, nn.Embedding, nn.MultiheadAttention, nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)
FORWARDS = frozenset(kind.forward for kind in (*_PYTORCHS, SameConv))
INNER_FORWARDS = frozenset(getattr(kind, "_conv_forward", None) for kind in _PYTORCHS)
VECTORS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.PReLU, _InstanceNorm)


@dataclass(frozen=True)
class LinearMap:
    """A weight among the parameters of a module.

    Attributes:
        kind: What sort of linear map.
        weight: The parameter's name in the module.
        bias: That of its bias.
        suffix: What distinguishes several weights of one module.
        part: Index of the part of weight and bias along their first axis.
        parts: Number of parts of equal length.
    """

    kind: Kind
    weight: str = "weight"
    bias: str | None = "bias"
    suffix: str = ""
    part: int = 0
    parts: int = 1


def linear_maps(module: nn.Module) -> tuple[LinearMap, ...]:
    """The weights of linear maps that a module holds itself; none where no rule knows the module."""
    if has_own_forward(module):
        return ()
    if isinstance(module, nn.Linear):
        return (LinearMap("linear"),)
    if isinstance(module, _ConvTransposeNd):
        return (LinearMap("conv_transpose"),)
    if isinstance(module, _ConvNd):
        return (LinearMap("conv"),)
    if isinstance(module, nn.Embedding):
        return (LinearMap("embedding", bias=None),)
    if isinstance(module, nn.MultiheadAttention):  # its out_proj is a Linear of its own
        packed = module.in_proj_weight is not None
        return tuple(
            LinearMap("attention", "in_proj_weight", "in_proj_bias", f".{letter}", index, 3)
            if packed
            else LinearMap("attention", f"{letter}_proj_weight", None, f".{letter}")
            for index, letter in enumerate("qkv")
        )
    return ()


def has_own_forward(module: nn.Module) -> bool:
    """Whether a linear layer, convolution and so on is of a subclass that computes in a way of its own.

    Its stored weight need not be what it applies: it may be standardised, masked, or have a low-rank term added.
    """
    if not isinstance(module, MODULES):
        return False
    kind = type(module)
    known = kind.forward in FORWARDS and getattr(kind, "_conv_forward", None) in INNER_FORWARDS
    return not known or not vars(module).keys().isdisjoint(("forward", "_conv_forward"))


def vectors(module: nn.Module) -> frozenset[str]:
    """The parameters that are vectors which definitions of norms do not count: of norms, PReLUs, and biases."""
    if isinstance(module, VECTORS) or has_running_statistics(module):
        return frozenset(module._parameters)
    if isinstance(module, nn.MultiheadAttention):
        return frozenset({"in_proj_bias", "bias_k", "bias_v"})
    return frozenset(piece.bias for piece in linear_maps(module) if piece.bias)


def has_running_statistics(module: nn.Module) -> bool:
    """Whether a module is a batch norm: PyTorch's, a frozen one, one without scale; or an instance norm like one."""
    if isinstance(module, _InstanceNorm) and module.running_mean is None:
        return False
    return all(hasattr(module, name) for name in ("running_mean", "running_var", "eps"))
