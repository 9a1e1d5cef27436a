"""Stable rank."""

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.spectral.tails import mean_over_layers
from gengap.measures.subject import Subject


@register(
    name="tail_stable_rank",
    formula="sum_i lambda_i / lambda_max, mean over layers",
    source="Martin, Peng and Mahoney 2021 (arXiv:2002.06716)",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def tail_stable_rank(subject: Subject) -> Finding:
    """Frobenius over spectral norm, both squared."""
    return mean_over_layers(subject, lambda s: float(s.squares.sum() / s.largest), of_tail=False)
