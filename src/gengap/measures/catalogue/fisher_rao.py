"""The Fisher-Rao norm."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.values import Finding, scaled
from gengap.network.cross_entropy import score_gradients
from gengap.network.inputs import CPU_BATCH, batch_rows
from gengap.network.second_derivatives import plain_attention, plain_recurrence


@register(
    name="fisher_rao",
    formula="||theta||_fr^2 = mean over examples of <theta, d loss / d theta>^2",
    source="Liang et al. 2019 (arXiv:1711.01530), the Fisher-Rao norm, with the empirical Fisher information",
    sign=1,
    needs=frozenset({"data", "parameters"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def fisher_rao(subject: Subject) -> Finding:
    r"""The squared norm of all parameters, biases too, in the metric of the loss's empirical Fisher information.

    The inner product is the loss's derivative as all parameters grow at one rate, exact by forward differentiation for
    any network. Only for one of L hidden ReLU layers without biases, whose outputs f are homogeneous of degree L + 1,
    is it :math:`(L + 1) \langle \partial loss / \partial f, f \rangle`, the form in which the paper computes it.

    Parameters are the network's, as it was given: of a layer with a parametrization, such as weight norm, those from
    which its weight is computed. Parts under ``detach()`` or ``no_grad()`` are differentiated like the others; where
    the network's derivative still is not the slope of its loss, as with a rounding that passes gradients on, the row
    says so. The mean is over the fixed subset of training examples, whose size is in the details.
    """
    x, y = subject.sample
    pairs = [radial_slopes(subject.network, x[rows], y[rows]) for rows in batch_rows(len(y), CPU_BATCH)]
    slopes, log_sizes = (torch.cat(tensors) for tensors in zip(*pairs, strict=True))
    top = float(log_sizes.max())
    mean = float((slopes * (log_sizes - top).exp()).square().mean())
    fault = subject.gradient_fault
    return scaled(mean, 2 * top, status="partial" if fault else "ok", reason=fault, details={"examples": len(y)})


def radial_slopes(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Derivative of each example's cross-entropy in t where the parameters are (1 + t) theta, at t = 0.

    Args:
        model: In evaluation mode.
        x: Inputs ``[B, …]``.
        y: Class indices ``[B]``.

    Returns:
        s and l, float64 ``[B]``: the derivatives are ``s * exp(l)``, which may be below float64's least number.
    """
    theta = {name: p.detach() for name, p in model.named_parameters() if p.is_floating_point()}

    def scores(parameters: dict[str, Tensor]) -> Tensor:
        outputs: Tensor = functional_call(model, parameters, (x,))
        return outputs

    with plain_attention(), torch.no_grad():
        try:
            outputs, tangents = jvp(scores, (theta,), (theta,))[:2]
        except NotImplementedError:
            with plain_recurrence():
                outputs, tangents = _forward_or_double_backward(scores, theta)
    directions, log_sizes = score_gradients(outputs, y)
    return (directions * tangents.double()).sum(1), log_sizes


def _forward_or_double_backward(
    scores: Callable[[dict[str, Tensor]], Tensor], theta: dict[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """Outputs and their derivative along theta; by two backward passes where there is no forward derivative.

    The product u^T J is linear in u, and its derivative in u along theta is J theta.
    """
    try:
        return jvp(scores, (theta,), (theta,))[:2]
    except NotImplementedError:  # as of weight norm's kernel
        pass
    with torch.enable_grad():
        point = {name: value.clone().requires_grad_() for name, value in theta.items()}
        outputs = scores(point)
        u = torch.zeros_like(outputs, requires_grad=True)
        rows = torch.autograd.grad(outputs, list(point.values()), u, create_graph=True, materialize_grads=True)
        inner = torch.stack([(row * value).sum() for row, value in zip(rows, theta.values(), strict=True)]).sum()
        return outputs.detach(), torch.autograd.grad(inner, u)[0]
