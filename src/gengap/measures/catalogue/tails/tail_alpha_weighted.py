"""Weighted exponent of the spectrum's tail."""

import math

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.spectral.tails import exponent, mean_over_layers
from gengap.measures.subject import Subject


@register(
    name="tail_alpha_weighted",
    formula="alpha log10(lambda_max), mean over layers",
    source="Martin, Peng and Mahoney 2021 (arXiv:2002.06716)",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def tail_alpha_weighted(subject: Subject) -> Finding:
    """The exponent times the logarithm of the largest squared singular value."""
    return mean_over_layers(subject, lambda s: exponent(s) * math.log10(s.largest), of_tail=True)
