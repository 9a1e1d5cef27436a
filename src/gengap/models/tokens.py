"""Tokens on their way into a network: apart from their mask, and made up where only a shape is known."""

import inspect
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from gengap.errors import InputError

ADAPTED = "gengap_takes_one_tensor"  # marks classes whose forward pass takes tokens and mask in one tensor
_KEYWORD = "attention_mask"  # what networks of transformers call it


def blank_inputs(n: int, shape: tuple[int, ...], vocabulary: int | None, like: Tensor) -> Tensor:
    """Inputs ``[n, …]`` of a shape that hold nothing: zeros, of tokens the first and, in the last example, the last.

    So a network whose embedding is smaller than the vocabulary shows it. A mask keeps every position.

    Args:
        n: How many, at least 1.
        shape: Of one example: numbers, or tokens ``(T,)`` or ``(2, T)`` with a mask.
        vocabulary: Its size, for tokens; None for numbers.
        like: A tensor whose device and, for numbers, type they take.
    """
    if vocabulary is None:
        return torch.zeros(n, *shape, dtype=like.dtype, device=like.device)
    tokens = torch.zeros(n, shape[-1], dtype=torch.long, device=like.device)
    tokens[-1] = vocabulary - 1
    return tokens if len(shape) == 1 else torch.stack([tokens, torch.ones_like(tokens)], dim=1)


def is_masked(x: Tensor) -> bool:
    """Whether inputs are tokens with a mask, ``[B, 2, T]``."""
    return x.ndim == 3 and not x.is_floating_point()


def tokens_and_mask(x: Tensor) -> tuple[Tensor, Tensor | None]:
    """Tokens ``[B, T]``, and the mask, True where there is a token; None where none came."""
    return (x[..., 0, :], x[..., 1, :].bool()) if is_masked(x) else (x, None)


def give_mask(model: nn.Module, x: Tensor) -> None:
    """Makes a network take tokens and mask in one tensor, as Problems hold them, where it takes them as two.

    Its forward pass is then called with the tokens and, as ``attention_mask`` where it has an argument of that name
    or else in second place, the mask. Names of parameters stay as they are.

    Args:
        model: The network; its class is replaced by one with another forward pass.
        x: Some inputs; nothing is done where they are no tokens with a mask, ``[B, 2, T]``.

    Raises:
        InputError: Its forward pass takes one argument alone.
    """
    kind: Any = type(model)
    if is_masked(x) and not hasattr(kind, ADAPTED):
        model.__class__ = _with_one_argument(kind)


@cache
def _with_one_argument(original: Any) -> Any:
    """The class with a forward pass from tokens and mask in one tensor."""
    arguments = list(inspect.signature(original.forward).parameters.values())[1:]
    if len(arguments) < 2 and not any(each.kind is each.VAR_POSITIONAL for each in arguments):
        raise InputError(
            f"{original.__name__} takes one argument, but the data have tokens and a mask.",
            expected="forward(tokens, mask), the mask True where there is a token",
        )
    by_name = any(each.name == _KEYWORD for each in arguments)

    def forward(self: nn.Module, x: Tensor) -> object:
        tokens, mask = tokens_and_mask(x)
        if by_name:
            return original.forward(self, tokens, **{_KEYWORD: mask})
        return original.forward(self, tokens, mask)

    members = {"forward": forward, "__module__": original.__module__, ADAPTED: True}
    return type(original.__name__, (original,), members)
