"""Logarithm of the alpha-norm."""

import math

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.spectral.tails import Spectrum, exponent, mean_over_layers
from gengap.measures.subject import Subject


@register(
    name="tail_log_alpha_norm",
    formula="log10(sum_i lambda_i^alpha), mean over layers",
    source="Martin, Peng and Mahoney 2021 (arXiv:2002.06716)",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def tail_log_alpha_norm(subject: Subject) -> Finding:
    """Logarithm of the Schatten norm whose exponent is the tail's."""
    return mean_over_layers(subject, _log_alpha_norm, of_tail=True)


def _log_alpha_norm(spectrum: Spectrum) -> float:
    alpha = exponent(spectrum)
    ratios = (spectrum.squares / spectrum.largest) ** alpha
    return alpha * math.log10(spectrum.largest) + math.log10(ratios.sum())
