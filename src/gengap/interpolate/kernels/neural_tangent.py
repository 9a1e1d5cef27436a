"""The tangent kernel of a network, where its gradients fit in memory."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gengap.errors import InputError

_LARGEST_BYTES = 8 * 2**30
_ROWS = 64  # examples whose gradients are taken together


@dataclass(frozen=True)
class NeuralTangent:
    r"""The neural tangent kernel :math:`\frac{1}{C}\sum_c \langle\nabla f_c(a), \nabla f_c(b)\rangle` of a module.

    The gradients are over all parameters that require one, at their present values, in evaluation mode. They are
    computed once, C P numbers an example for C outputs and P parameters, and held: for small networks.

    Source: Jacot, Gabriel and Hongler 2018 (arXiv:1806.07572), the empirical kernel; its average over outputs.

    Args:
        module: Takes a batch of examples, gives ``[B, C]`` or ``[B]``.
        shape: Shape of one example as the module wants it; by default its features as one vector.
    """

    module: nn.Module
    shape: tuple[int, ...] | None = None

    def gradients(self, points: Tensor) -> Tensor:
        """Gradients divided by the root of C, one row an example: ``[n, C P]``; the kernel is their inner product.

        Raises:
            InputError: They take more than 8 GiB.
        """
        weights = {name: w.detach().to(points.dtype) for name, w in self.module.named_parameters() if w.requires_grad}
        buffers = {name: b.to(points.dtype) if b.is_floating_point() else b for name, b in self.module.named_buffers()}
        fixed = {n: w.detach().to(points.dtype) for n, w in self.module.named_parameters() if not w.requires_grad}

        def outputs(some: dict[str, Tensor], x: Tensor) -> Tensor:
            found: Tensor = torch.func.functional_call(self.module, (some, fixed, buffers), (x[None],))
            return found.reshape(-1)

        examples = points.reshape(len(points), *self.shape) if self.shape else points
        width = outputs(weights, examples[0]).numel() * sum(w.numel() for w in weights.values())
        if (needed := len(points) * width * points.element_size()) > _LARGEST_BYTES:
            raise InputError(
                f"The gradients of {len(points):,} examples take {needed:,} bytes.",
                expected=f"at most {_LARGEST_BYTES:,}",
                next_step="take fewer examples or a smaller network",
            )
        each = torch.func.vmap(torch.func.jacrev(outputs), in_dims=(None, 0))
        training = self.module.training
        self.module.eval()
        try:
            parts = [_rows(each(weights, part)) for part in torch.split(examples, _ROWS)]
        finally:
            self.module.train(training)
        return torch.cat(parts)


def _rows(jacobians: dict[str, Tensor]) -> Tensor:
    """Jacobians of B examples, ``[B, C, ...]`` each, as ``[B, C P]`` over the root of C."""
    flat = torch.cat([j.flatten(2) for j in jacobians.values()], dim=2)
    return flat.flatten(1).div_(math.sqrt(flat.shape[1]))
