"""Frobenius norms of the layers' weights, and their distance from initialisation; batch norm is folded."""

from gengap.measures.products import (
    distance_squares,
    frobenius_squares,
    positive_margin,
    product,
    scaled_geometric_mean,
)
from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.values import Finding

JIANG = "Jiang et al. 2020 (arXiv:1912.02178)"
DZIUGAITE = "Dziugaite et al. 2020 (arXiv:2010.11924)"


@register(
    name="prod_of_fro_over_margin",
    formula="prod_i ||W_i||_F^2 / gamma^2",
    source=f"{JIANG}, equation 36",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def prod_of_fro_over_margin(subject: Subject) -> Finding:
    """Product of the squared Frobenius norms over the squared 10th percentile gamma of the training margins."""
    return product(frobenius_squares(subject), margin=positive_margin(subject))


@register(
    name="prod_of_fro",
    formula="prod_i ||W_i||_F^2",
    source=f"{JIANG}, equation 37",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="log",
)
def prod_of_fro(subject: Subject) -> Finding:
    """Product of the squared Frobenius norms of all layers, batch norm folded."""
    return product(frobenius_squares(subject))


@register(
    name="sum_of_fro_over_margin",
    formula="d (prod_i ||W_i||_F^2 / gamma^2)^(1/d)",
    source=f"{JIANG}, equation 38",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def sum_of_fro_over_margin(subject: Subject) -> Finding:
    """As ``sum_of_fro``, with the squared 10th percentile gamma of the training margins under the root."""
    return scaled_geometric_mean(frobenius_squares(subject), margin=positive_margin(subject))


@register(
    name="sum_of_fro",
    formula="d (prod_i ||W_i||_F^2)^(1/d)",
    source=f"{JIANG}, equation 39",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="log",
)
def sum_of_fro(subject: Subject) -> Finding:
    """The least sum of squared Frobenius norms that rescaling d homogeneous layers can reach; by its geometric mean."""
    return scaled_geometric_mean(frobenius_squares(subject))


@register(
    name="fro_dist",
    formula="sum_i ||W_i - W_i^0||_F^2",
    source=f"{JIANG}, equation 40",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def fro_dist(subject: Subject) -> float:
    """Sum of the squared Frobenius distances of all layers from initialisation.

    Batch norm is folded in both networks, each with its own statistics, as in the code of Dziugaite et al. 2020.
    """
    return sum(distance_squares(subject).values())


@register(
    name="param_norm",
    formula="sum_i ||W_i||_F^2",
    source=f"{JIANG}, equation 42",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def param_norm(subject: Subject) -> float:
    """Sum of the squared Frobenius norms of all layers, batch norm folded."""
    return sum(frobenius_squares(subject).values())


@register(
    name="l2",
    formula="||w||_2",
    source=f"{DZIUGAITE}, L2",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def l2(subject: Subject) -> float:
    """Euclidean norm of all layers' weights as one vector, batch norm folded."""
    return float(sum(frobenius_squares(subject).values()) ** 0.5)


@register(
    name="l2_dist",
    formula="||w - w^0||_2",
    source=f"{DZIUGAITE}, L2_DIST",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def l2_dist(subject: Subject) -> float:
    """Euclidean distance of all layers' weights, as one vector, from initialisation, batch norm folded in both."""
    return float(sum(distance_squares(subject).values()) ** 0.5)
