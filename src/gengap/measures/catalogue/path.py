"""Sums over the paths of a network."""

from gengap.measures.path import path_finding
from gengap.measures.products import positive_margin
from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.values import Finding


@register(
    name="path_norm_over_margin",
    formula="sum over outputs of f_{W^2}(1) / gamma^2",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 43",
    sign=1,
    needs=frozenset({"data", "parameters"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def path_norm_over_margin(subject: Subject) -> Finding:
    """The path norm over the squared 10th percentile gamma of the training margins."""
    return path_finding(subject, 2, margin=positive_margin(subject))


@register(
    name="path_norm",
    formula="sum over outputs of f_{W^2}(1): all weights and biases squared, an input of ones",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 44",
    sign=1,
    needs=frozenset({"parameters"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def path_norm(subject: Subject) -> Finding:
    """Sum over all paths of the product of their squared weights, batch norm folded; see ``path_sum``."""
    return path_finding(subject, 2)
