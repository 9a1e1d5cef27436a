"""What per-example gradients need of a network and of a batch, and what is said where they cannot be had."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gengap.errors import InputError, listed
from gengap.network.copies import unwrapped
from gengap.network.gradients.calls import reached
from gengap.network.gradients.losses import Loss
from gengap.network.inputs import cast_inputs, tensor_of

# Largest difference between numbers that two computations give, relative to the largest of them.
TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-3, torch.bfloat16: 3e-2, torch.float16: 3e-2}


def check_examples(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs and labels as tensors on the network's device, inputs of floats in its type.

    Raises:
        InputError: It is no network, is compiled to TorchScript, or there are no examples, or not as many labels.
    """
    if not isinstance(model, nn.Module) or isinstance(unwrapped(model), torch.jit.ScriptModule):
        raise InputError(f"The network is a {type(model).__name__}.", expected="a torch.nn.Module as it is in Python")
    x, y = tensor_of(x), tensor_of(y)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        raise InputError(
            f"Inputs of shape {tuple(x.shape)} for labels of shape {tuple(y.shape)}.",
            expected="as many inputs as labels",
        )
    if len(x) == 0:
        raise InputError("The batch is empty.", expected="at least one example")
    x = cast_inputs(model, x)
    return x, y.to(x.device)


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that ask for a gradient, by name; tied ones once, under their first name.

    Raises:
        InputError: None does.
    """
    result = {name: p for name, p in model.named_parameters() if p.requires_grad and p.numel()}
    if not result:
        raise InputError(
            "No parameter of the network asks for a gradient.",
            expected="at least one with requires_grad=True",
            next_step="model.requires_grad_(True), or only for the layers whose gradients are wanted",
        )
    return result


def frozen(model: nn.Module) -> tuple[str, ...]:
    """Names of the parameters with ``requires_grad=False``, which have no gradient rather than one of 0."""
    return tuple(name for name, p in model.named_parameters() if not p.requires_grad)


def without_gradient(model: nn.Module, x: Tensor, y: Tensor, loss: Loss) -> tuple[str, ...]:
    """Names of the parameters that have no gradient: frozen ones, and those on which the loss does not depend.

    The latter are unused, or cut off by ``no_grad`` or ``detach``: none of their numbers is a gradient of 0.

    Args:
        model: In the mode that it will be in.
        x: A few inputs ``[N, ...]``.
        y: Their labels.
        loss: From scores and labels of a batch to one number.

    Raises:
        InputError: None has one.
    """
    every = trainable(model)
    with torch.enable_grad():
        there = reached(loss(model(x), y), every)
    if not there:
        raise cut_off_loss()
    return (*frozen(model), *(name for name in every if name not in there))


def cut_off_loss() -> InputError:
    """The error of a loss that depends on no parameter."""
    return InputError(
        "The loss depends on no parameter that asks for a gradient.",
        next_step="remove torch.no_grad() or detach() from the network's forward pass",
    )


class NotFiniteError(InputError):
    """Scores, losses or gradients that are NaN or infinite."""


def check_scores(scores: Tensor, *, ruled_out: bool = False) -> Tensor:
    """The scores, if all are finite.

    Args:
        scores: Of any shape.
        ruled_out: Whether -inf, the score of a class that is ruled out, is a score too.

    Raises:
        NotFiniteError: One is not.
    """
    fine = scores.isfinite() | (scores == -torch.inf) if ruled_out else scores.isfinite()
    if not bool(fine.all()):
        raise NotFiniteError(
            "The network's scores are NaN or infinite.",
            expected="a network and data with finite scores",
            next_step="take a snapshot from before training diverged",
        )
    return scores


def not_finite(names: Sequence[str]) -> NotFiniteError:
    """That the gradients of these parameters are NaN or infinite."""
    return NotFiniteError(
        f"The gradients of {listed(names)} are NaN or infinite.",
        expected="a network and data with finite gradients",
        next_step="take a snapshot from before training diverged",
    )


@contextmanager
def prepared(model: nn.Module, evaluation: bool) -> Iterator[None]:
    """The network in the mode that it is in, or in evaluation mode for as long as the context lasts."""
    modes = {module: module.training for module in model.modules()}
    try:
        if evaluation:
            model.eval()
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
