"""Which part of a gradient belongs to which example, checked by a second backward pass with weighted losses.

With the losses ``l_n`` weighted by ``r_n``, the gradient that arrives at a row is ``sum_n r_n dl_n/d row``. It is
``r_m`` times that of the unweighted losses for random weights only if the row depends on no example but m.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from gengap.network.gradients.calls import Call
from gengap.network.gradients.checks import TOLERANCE
from gengap.network.gradients.rules import Layout, NoRuleError, rows_of_examples

MOVED = "the network puts the examples in another order, or applies it to some of them only"


def random_weights(N: int, like: Tensor) -> Tensor:
    """Weights of N examples from 1 to 4, the same in each process."""
    drawn = torch.rand(N, generator=torch.Generator().manual_seed(0))
    return (1 + 3 * drawn).to(like)


def without_attribution(
    calls: Sequence[Call],
    gradients: Sequence[Tensor],
    weighted: Sequence[Tensor | None],
    weights: Tensor,
    layouts: Sequence[Sequence[Layout]],
) -> dict[str, str]:
    """Parameter's name -> why the rows of a call that applies it are not those of the examples, for all such.

    Args:
        calls: Of one pass over N examples.
        gradients: Of the summed losses with respect to the output of each call.
        weighted: The same of the losses times ``weights``; None for 0.
        weights: ``[N]``.
        layouts: For each call, first the one that is used.
    """
    result: dict[str, str] = {}
    for call, g, other, (layout, *_) in zip(calls, gradients, weighted, layouts, strict=True):
        try:
            reason = None if _attributed(g, other, weights, layout) else MOVED
        except NoRuleError as error:
            reason = str(error)
        if reason is not None:
            result |= {target.name: reason for target in (call.weight, call.bias) if target}
    return result


def _attributed(g: Tensor, weighted: Tensor | None, weights: Tensor, layout: Layout) -> bool:
    kind = torch.promote_types(g.dtype, torch.float32)
    expected = rows_of_examples(g, len(weights), layout).to(kind) * weights.to(kind)[:, None]
    if not expected.numel():
        return True
    found = 0.0 if weighted is None else rows_of_examples(weighted, len(weights), layout).to(kind)
    relative, sizes = TOLERANCE.get(g.dtype, 1e-3), expected.abs().amax(1, keepdim=True)
    return bool(((found - expected).abs() <= relative * sizes + relative**2 * sizes.max()).all())
