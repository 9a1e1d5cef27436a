"""NORMALISED_LOSS."""

from gengap.measures.finding import Finding
from gengap.measures.normalisation.of_subject import subject_normalised_loss
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="normalised_loss",
    formula="cross-entropy of f / prod_i ||W_i||_F on the training set",
    source="Liao et al. 2018 (arXiv:1807.09659), Figure 5",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
)
def normalised_loss(subject: Subject) -> Finding:
    """Training loss in nats, with the Frobenius norm of every layer divided out.

    Only for networks that are positively homogeneous in each layer; see ``gengap.measures.normalised_loss``.
    """
    return subject_normalised_loss(subject, p=2)
