"""Which parameters of a module are weights of linear maps, and which are vectors: one rule for each kind of module."""

from dataclasses import dataclass
from typing import Literal

from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.instancenorm import _InstanceNorm

Kind = Literal["linear", "conv", "conv_transpose", "embedding", "attention"]
VECTORS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.PReLU, _InstanceNorm)


@dataclass(frozen=True)
class Piece:
    """A weight among the parameters of a module.

    Attributes:
        kind: What sort of linear map.
        weight: The parameter's name in the module.
        bias: That of its bias.
        suffix: What tells several weights of one module apart.
        part: Index of the part of weight and bias along their first axis.
        parts: Number of parts of equal length.
    """

    kind: Kind
    weight: str = "weight"
    bias: str | None = "bias"
    suffix: str = ""
    part: int = 0
    parts: int = 1


def pieces(module: nn.Module) -> tuple[Piece, ...]:
    """The weights of linear maps that a module holds itself; none where no rule knows the module."""
    if isinstance(module, nn.Linear):
        return (Piece("linear"),)
    if isinstance(module, _ConvTransposeNd):
        return (Piece("conv_transpose"),)
    if isinstance(module, _ConvNd):
        return (Piece("conv"),)
    if isinstance(module, nn.Embedding):
        return (Piece("embedding", bias=None),)
    if isinstance(module, nn.MultiheadAttention):  # its out_proj is a Linear of its own
        packed = module.in_proj_weight is not None
        return tuple(
            Piece("attention", "in_proj_weight", "in_proj_bias", f".{letter}", index, 3)
            if packed
            else Piece("attention", f"{letter}_proj_weight", None, f".{letter}")
            for index, letter in enumerate("qkv")
        )
    return ()


def vectors(module: nn.Module) -> frozenset[str]:
    """The parameters that are vectors which definitions of norms do not count: of norms, PReLUs, and biases."""
    if isinstance(module, VECTORS) or has_running_statistics(module):
        return frozenset(module._parameters)
    if isinstance(module, nn.MultiheadAttention):
        return frozenset({"in_proj_bias", "bias_k", "bias_v"})
    return frozenset(piece.bias for piece in pieces(module) if piece.bias)


def has_running_statistics(module: nn.Module) -> bool:
    """Whether a module is a batch norm: PyTorch's, a frozen one, one without scale; or an instance norm like one."""
    if isinstance(module, _InstanceNorm) and module.running_mean is None:
        return False
    return all(hasattr(module, name) for name in ("running_mean", "running_var", "eps"))
