"""The tangent kernel of a network, where its gradients fit in memory."""

import copy
import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from gengap.errors import InputError

_LARGEST_BYTES = 8 * 2**30
_ROWS = 64  # examples whose gradients are taken together


@dataclass(frozen=True)
class NeuralTangent:
    r"""The neural tangent kernel :math:`\frac{1}{C}\sum_c \langle\nabla f_c(a), \nabla f_c(b)\rangle` of a module.

    The gradients are over all parameters that require one, at their present values, in evaluation mode. They are
    computed once, C P numbers an example for C outputs and P parameters, and held: for small networks. The module
    itself, its mode and its buffers stay as they are: a copy is evaluated.

    Source: Jacot, Gabriel and Hongler 2018 (arXiv:1806.07572), the empirical kernel; its average over outputs.

    Args:
        module: Takes a batch of examples, gives ``[B, C]`` or ``[B]``.
        shape: Shape of one example as the module wants it; by default its features as one vector.
    """

    module: nn.Module
    shape: tuple[int, ...] | None = None

    def fixed(self) -> "NeuralTangent":
        """The same kernel of a copy of the module, which further training does not reach.

        Raises:
            InputError: The module cannot be copied.
        """
        return replace(self, module=_evaluated(self.module))

    @torch.inference_mode(False)  # under a caller's inference mode, torch.func.jacrev of PyTorch 2.8 gives 0
    def gradients(self, points: Tensor) -> Tensor:
        """Gradients divided by the root of C, one row an example: ``[n, C P]``; the kernel is their inner product.

        Raises:
            InputError: They take more than 8 GiB; the module does not take such examples, has no parameter that
                requires a gradient, or cannot be copied.
        """
        module = _evaluated(self.module).to(points.device, points.dtype)
        weights = {name: w.detach() for name, w in module.named_parameters() if w.requires_grad}
        if not weights:
            raise InputError("No parameter of the network requires a gradient.", expected="at least one that does")

        def outputs(some: dict[str, Tensor], x: Tensor) -> Tensor:
            result: Tensor = torch.func.functional_call(module, some, (x[None].clone(),))  # which it may overwrite
            return result.reshape(-1)

        examples = self._examples(points)
        try:
            probe = outputs(weights, examples[0])
        except Exception as error:
            raise InputError(
                f"The network does not take an example of shape {tuple(examples.shape[1:])}: "
                f"{type(error).__name__}: {error}",
                expected="a network that takes a batch of one example",
                next_step="give the shape of an example: NeuralTangent(module, shape)",
            ) from error
        width = probe.numel() * sum(w.numel() for w in weights.values())
        if (needed := len(points) * width * points.element_size()) > _LARGEST_BYTES:
            raise InputError(
                f"The gradients of {len(points):,} examples take {needed:,} bytes.",
                expected=f"at most {_LARGEST_BYTES:,}",
                next_step="take fewer examples or a smaller network",
            )
        each = torch.func.vmap(torch.func.jacrev(outputs), in_dims=(None, 0))
        return torch.cat([_rows(each(weights, part)) for part in torch.split(examples, _ROWS)])

    def _examples(self, points: Tensor) -> Tensor:
        if self.shape is None:
            return points
        if math.prod(self.shape) != points.shape[1]:
            raise InputError(
                f"shape = {tuple(self.shape)} for examples of {points.shape[1]} features.",
                expected=f"a shape whose product is {points.shape[1]}",
            )
        return points.reshape(len(points), *self.shape)


def _evaluated(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode; tensors that a pass left behind in the module are copied without their history."""
    left = [t for part in module.modules() for t in vars(part).values() if isinstance(t, Tensor) and not t.is_leaf]
    try:
        with torch.inference_mode(False):
            return copy.deepcopy(module, {id(t): t.detach().clone() for t in left}).eval()
    except Exception as error:
        raise InputError(f"The network cannot be copied: {type(error).__name__}: {error}") from error


def _rows(jacobians: dict[str, Tensor]) -> Tensor:
    """Jacobians of B examples, ``[B, C, ...]`` each, as ``[B, C P]`` over the root of C."""
    flat = torch.cat([j.reshape(*j.shape[:2], -1) for j in jacobians.values()], dim=2)
    return flat.flatten(1).div_(math.sqrt(flat.shape[1]))
