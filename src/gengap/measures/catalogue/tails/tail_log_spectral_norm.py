"""Logarithm of the spectral norm."""

import math

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.spectral.tails import mean_over_layers
from gengap.measures.subject import Subject


@register(
    name="tail_log_spectral_norm",
    formula="log10(lambda_max), mean over layers",
    source="Martin, Peng and Mahoney 2021 (arXiv:2002.06716)",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def tail_log_spectral_norm(subject: Subject) -> Finding:
    """Logarithm of the squared spectral norm; of convolutions the largest over the positions of the kernel."""
    return mean_over_layers(subject, lambda s: math.log10(s.largest), of_tail=False)
