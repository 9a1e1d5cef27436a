"""Product of the layers' norms, and the training loss once they are divided out (Liao et al. 2018).

Only for networks that are positively homogeneous in each layer, with batch norm folded; the first layer's norm is that
of its weights and bias together. See ``gengap.measures.normalised_loss``.
"""

from gengap.measures.normalisation.of_subject import subject_log_product, subject_normalised_loss
from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.values import Finding, from_log

LIAO = "Liao et al. 2018 (arXiv:1807.09659)"


@register(
    name="normalised_loss_l1",
    formula="cross-entropy of f / prod_i (||W_i||_1 / 100) on the training set",
    source=f"{LIAO}, Figure 4",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
)
def normalised_loss_l1(subject: Subject) -> Finding:
    """Training loss in nats, with the L1 norm over 100 of every layer divided out."""
    return subject_normalised_loss(subject, p=1)


@register(
    name="normalised_loss",
    formula="cross-entropy of f / prod_i ||W_i||_F on the training set",
    source=f"{LIAO}, Figure 5",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
)
def normalised_loss(subject: Subject) -> Finding:
    """Training loss in nats, with the Frobenius norm of every layer divided out."""
    return subject_normalised_loss(subject, p=2)


@register(
    name="product_norm_l1",
    formula="prod_i ||W_i||_1 / 100",
    source=f"{LIAO}, Figure 4",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def product_norm_l1(subject: Subject) -> Finding:
    """Product over layers of the L1 norms of their weights over 100."""
    return from_log(subject_log_product(subject, p=1))


@register(
    name="product_norm",
    formula="prod_i ||W_i||_F",
    source=f"{LIAO}, Figure 9",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def product_norm(subject: Subject) -> Finding:
    """Product over layers of the Frobenius norms of their weights."""
    return from_log(subject_log_product(subject, p=2))
