"""PRODUCT_NORM_L1."""

from gengap.measures.finding import Finding, from_log
from gengap.measures.normalisation.of_subject import subject_log_product
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="product_norm_l1",
    formula="prod_i ||W_i||_1 / 100",
    source="Liao et al. 2018 (arXiv:1807.09659), Figure 4",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def product_norm_l1(subject: Subject) -> Finding:
    """Product over layers of the L1 norms of their weights over 100.

    The first layer's norm is of weights and bias together. Only for networks that are positively homogeneous in each
    layer; batch norm is folded.
    """
    return from_log(subject_log_product(subject, p=1))
