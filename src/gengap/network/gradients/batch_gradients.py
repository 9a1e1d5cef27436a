"""The gradients of a batch's examples, as terms that have their norms and inner products."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from gengap.network.gradients.calls import Target
from gengap.network.gradients.terms import Term, gram, products, squared_norms


@dataclass(frozen=True)
class BatchGradients:
    """The gradients of a batch's N examples, in a form that has their norms and inner products.

    Attributes:
        blocks: Rows of a parameter -> terms whose sum is the gradient there; different blocks are disjoint.
        losses: ``[N]``.
        scores: ``[N, ...]``.
        total: Parameter's name -> the sum of the gradients; empty unless it was asked for.
        log_scales: Each example's gradient is ``exp(log_scales)`` times that of the blocks, and so are products with
            it, ``[N]``; all 0 unless the batch was read scaled.
        log_total: The sum of the gradients is ``exp(log_total)`` times ``total``.
    """

    blocks: Mapping[Target, Sequence[Term]]
    losses: Tensor
    scores: Tensor
    total: Mapping[str, Tensor]
    log_scales: Tensor
    log_total: float

    def first(self) -> "BatchGradients":
        """Of a batch that is one example twice, the gradients of that one."""
        one = slice(1)
        blocks = {block: [term.rows(one) for term in terms] for block, terms in self.blocks.items()}
        total = {name: g / 2 for name, g in self.total.items()}
        return BatchGradients(blocks, self.losses[one], self.scores[one], total, self.log_scales[one], self.log_total)

    def squared_norms(self) -> dict[str, Tensor]:
        """Parameter's name -> squared norm of each example's gradient over its scale, float64 ``[N]``."""
        return _by_parameter((block, squared_norms(terms)) for block, terms in self.blocks.items())

    def products(self, direction: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Parameter's name -> inner product of each example's gradient with a direction there, float64 ``[N]``.

        Args:
            direction: A tensor of each parameter's shape, by its name.
        """

        def rows(block: Target) -> Tensor:
            whole = direction[block.name]
            return whole[block.start : block.stop] if whole.ndim else whole

        return _by_parameter((block, products(terms, rows(block))) for block, terms in self.blocks.items())

    def gram(self, other: "BatchGradients | None" = None) -> dict[str, Tensor]:
        """Parameter's name -> inner products with the gradients of another batch, or of this one, ``[N, M]``."""
        others = (self if other is None else other).blocks
        return _by_parameter((block, gram(terms, others[block])) for block, terms in self.blocks.items())


def _by_parameter(values: Iterable[tuple[Target, Tensor]]) -> dict[str, Tensor]:
    """Parameter's name -> the sum of what its blocks of rows give."""
    result: dict[str, Tensor] = {}
    for block, value in values:
        result[block.name] = result[block.name] + value if block.name in result else value
    return result
