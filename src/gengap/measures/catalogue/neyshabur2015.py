"""Norms of units, of paths and of one hidden layer, of the two papers of Neyshabur, Tomioka and Srebro 2015.

A unit is a row of a layer's matrix, batch norm folded; biases are left out.
"""

import math

from gengap.measures.path import path_finding
from gengap.measures.products import product
from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import two_layer
from gengap.measures.values import Finding

NORM_BASED = "Neyshabur et al. 2015, Norm-based capacity control (arXiv:1503.00036)"
INDUCTIVE_BIAS = "Neyshabur et al. 2015 (arXiv:1412.6614)"


@register(
    name="neyshabur2015_mu_1_inf",
    formula="mu_{1,inf} = max over units of sum_j |w_j|",
    source=NORM_BASED,
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def neyshabur2015_mu_1_inf(subject: Subject) -> float:
    """Of all units' l1 norms the largest; a unit is a row of a layer's matrix, batch norm folded, biases left out."""
    return max(_group_norms(subject, 1, math.inf).values())


@register(
    name="neyshabur2015_mu_2_inf",
    formula="mu_{2,inf} = max over units of sqrt(sum_j w_j^2)",
    source=NORM_BASED,
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def neyshabur2015_mu_2_inf(subject: Subject) -> float:
    """Of all units' l2 norms the largest; a unit is a row of a layer's matrix, batch norm folded, biases left out."""
    return max(_group_norms(subject, 2, math.inf).values())


@register(
    name="neyshabur2015_mu_2_2",
    formula="mu_{2,2} = sqrt(sum of all squared weights)",
    source=NORM_BASED,
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def neyshabur2015_mu_2_2(subject: Subject) -> float:
    """Of all units' l2 norms the l2 norm; a unit is a row of a layer's matrix, batch norm folded, biases left out."""
    return math.hypot(*_group_norms(subject, 2, 2).values())


@register(
    name="neyshabur2015_gamma_1_inf",
    formula="gamma_{1,inf} = prod over layers of ||W_i||_{1,inf}",
    source=NORM_BASED,
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def neyshabur2015_gamma_1_inf(subject: Subject) -> Finding:
    """Product over layers of the largest of their units' l1 norms; a unit is a row of a layer's matrix."""
    return product(_group_norms(subject, 1, math.inf))


@register(
    name="neyshabur2015_gamma_2_inf",
    formula="gamma_{2,inf} = prod over layers of ||W_i||_{2,inf}",
    source=NORM_BASED,
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def neyshabur2015_gamma_2_inf(subject: Subject) -> Finding:
    """Product over layers of the largest of their units' l2 norms; a unit is a row of a layer's matrix."""
    return product(_group_norms(subject, 2, math.inf))


@register(
    name="neyshabur2015_gamma_2_2",
    formula="gamma_{2,2} = prod over layers of ||W_i||_{2,2}",
    source=NORM_BASED,
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def neyshabur2015_gamma_2_2(subject: Subject) -> Finding:
    """Product over layers of the l2 norm of their units' l2 norms; a unit is a row of a layer's matrix."""
    return product(_group_norms(subject, 2, 2))


@register(
    name="neyshabur2015_path_l1",
    formula="phi_1 = sum over paths of prod |w|",
    source=NORM_BASED,
    sign=1,
    needs=frozenset({"parameters"}),
    rescaling_invariant=True,
)
def neyshabur2015_path_l1(subject: Subject) -> Finding:
    """Sum over all paths of the product of their absolute weights; biases start paths, batch norm is folded."""
    return path_finding(subject, 1)


@register(
    name="neyshabur2015_path_l2",
    formula="phi_2 = sqrt(sum over paths of prod w^2)",
    source=NORM_BASED,
    sign=1,
    needs=frozenset({"parameters"}),
    rescaling_invariant=True,
)
def neyshabur2015_path_l2(subject: Subject) -> Finding:
    """Root of the path norm; biases start paths, batch norm is folded."""
    return path_finding(subject, 2, root=2)


@register(
    name="neyshabur2015_weight_decay",
    formula="1/2 sum over hidden units h of (||u_h||^2 + ||v_h||^2)",
    source=f"{INDUCTIVE_BIAS}, Theorem 1",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def neyshabur2015_weight_decay(subject: Subject) -> float:
    """What weight decay penalises in a network of one hidden layer of ReLUs.

    The bias of a hidden unit counts as the weight of an input of one; the output's bias is left out.
    """
    net = subject.once(two_layer)
    squares = [net.hidden, net.hidden_bias, net.output]
    return 0.5 * sum(float(weights.square().sum()) for weights in squares)


@register(
    name="neyshabur2015_convex",
    formula="sum over hidden units h of ||u_h|| ||v_h||",
    source=f"{INDUCTIVE_BIAS}, Theorem 1",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def neyshabur2015_convex(subject: Subject) -> float:
    """The least weight decay of all rescalings of the hidden units, which makes it the norm of a convex problem.

    The bias of a hidden unit counts as the weight of an input of one; the output's bias is left out.
    """
    net = subject.once(two_layer)
    incoming = (net.hidden.square().sum(1) + net.hidden_bias.square()).sqrt()
    return float((incoming * net.output.norm(dim=0)).sum())


def _group_norms(subject: Subject, p: float, q: float) -> dict[str, float]:
    """Layer's name -> ``||W||_{p,q}``: the q-norm of the p-norms of the rows of its matrix.

    Args:
        subject: The network, batch norm folded.
        p: Within a unit, at least 1.
        q: Over units, at least 1; ``math.inf`` for the largest.
    """
    return {layer.name: float(layer.matrix.norm(p, dim=1).norm(q)) for layer in subject.layers}
