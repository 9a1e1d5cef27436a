"""How much each loss depends on its own input: norms of gradients by inputs."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gengap.errors import InputError, listed
from gengap.network.gradients import (
    Loss,
    check_examples,
    check_independent,
    check_scores,
    checked_scale,
    prepared,
    scaled_losses,
)

ROWS = 500  # examples of one pass


def input_gradient_norms(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    loss: Loss = nn.functional.cross_entropy,
    *,
    order: float = 1,
    evaluation: bool = False,
) -> Tensor:
    r"""The norm :math:`\|\nabla_x \ell(f(x_n), y_n)\|` of each loss's gradient by its own input, float64 ``[N]``.

    It says how a trained network's loss changes with the input that it is given; how it changes with an input of
    training is ``loss_sensitivity``.

    Args:
        model: A network that returns one tensor of scores, in the mode that it is in.
        x: Inputs ``[N, ...]`` of floats.
        y: Labels ``[N, ...]``.
        loss: From scores and labels of a batch to one number.
        order: Of the norm: 1, 2 or infinity, say.
        evaluation: Whether to run the network in evaluation mode.

    Raises:
        InputError: Inputs that are no floats, a layer that mixes the examples of a batch or draws at random, scores
            that are not finite, or norms above 0 that float64 cannot hold (cross entropies of margins above about
            700), whose logarithms ``input_gradient_log_norms`` has.

    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.ones_(model.weight)
    >>> input_gradient_norms(model, torch.tensor([[3.0, 1.0]]), torch.zeros(1, 1), nn.functional.mse_loss).tolist()
    [16.0]
    """
    values, log_scales = _scaled_input_norms(model, x, y, loss, order, evaluation)
    return checked_scale(values, log_scales, "input gradient norms", "input_gradient_log_norms has logarithms")


def input_gradient_log_norms(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    loss: Loss = nn.functional.cross_entropy,
    *,
    order: float = 1,
    evaluation: bool = False,
) -> Tensor:
    """Natural logarithms of ``input_gradient_norms``, float64 ``[N]``; -inf where one is 0.

    Those of a cross entropy do not underflow, however confident the network is. Arguments and errors are those of
    ``input_gradient_norms``.

    >>> model = nn.Linear(1, 2, bias=False)
    >>> model.weight.data = torch.tensor([[1.0], [0.0]])
    >>> input_gradient_log_norms(model, torch.tensor([[1000.0]]), torch.tensor([0])).tolist()  # -1 / (1 + e^1000)
    [-1000.0]
    """
    values, log_scales = _scaled_input_norms(model, x, y, loss, order, evaluation)
    return log_scales + values.log()


def _scaled_input_norms(
    model: nn.Module, x: Tensor, y: Tensor, loss: Loss, order: float, evaluation: bool
) -> tuple[Tensor, Tensor]:
    """Numbers whose products with the exponentials of others are the norms, each ``[N]``."""
    x, y = check_examples(model, x, y)
    check_floats(x)
    parts, log_scales = [], []
    with prepared(model, evaluation), torch.enable_grad():
        check_independent(model, x, random=False)
        for start in range(0, len(y), ROWS):
            a = x[start : start + ROWS].detach().clone().requires_grad_()
            found = scaled_losses(loss, check_scores(model(a), ruled_out=True), y[start : start + ROWS])
            (gradient,) = torch.autograd.grad(found.values.sum(), [a], allow_unused=True)
            if gradient is None:
                raise no_input_gradient()
            parts.append(torch.linalg.vector_norm(gradient.double().flatten(1), ord=order, dim=1))
            log_scales.append(found.log_scales)
    return torch.cat(parts), torch.cat(log_scales)


def check_floats(x: Tensor) -> None:
    """Sees that inputs have a gradient.

    Raises:
        InputError: They are no floats.
    """
    if not x.is_floating_point():
        raise InputError(f"Inputs of type {x.dtype} have no gradient.", expected="inputs of floats")


def no_input_gradient(fixed: Sequence[str] = ()) -> InputError:
    """The error of scores without a gradient by the inputs, nor by these parameters."""
    return InputError(
        "The network's scores have no gradient by its inputs" + (f", nor by {listed(fixed)}." if fixed else "."),
        expected="a forward pass that is differentiable from the inputs on",
        next_step="remove torch.no_grad() or detach() from the network's forward pass",
    )
