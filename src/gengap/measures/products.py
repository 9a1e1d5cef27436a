"""Products of layers' squared norms, by logarithms, and the margin that measures divide by."""

import math
from collections.abc import Mapping

from gengap.measures.subject import Subject
from gengap.measures.values import Finding, NotDefined, from_log
from gengap.network.passes import low_margin

MARGIN_PERCENT = 10  # Jiang et al. 2020, appendix C: the 10th percentile of the training margins


def frobenius_squares(subject: Subject) -> dict[str, float]:
    """Layer's name -> its squared Frobenius norm, batch norm folded."""
    return {layer.name: float(layer.weight.square().sum()) for layer in subject.layers}


def distance_squares(subject: Subject) -> dict[str, float]:
    """Layer's name -> squared Frobenius norm of its difference from initialisation, batch norm folded in both."""
    initial = {layer.name: layer.weight for layer in subject.initial_layers or ()}
    return {layer.name: float((layer.weight - initial[layer.name]).square().sum()) for layer in subject.layers}


def product(squares: Mapping[str, float], *, margin: float = 1.0) -> Finding:
    """``prod_i s_i / margin^2``.

    Args:
        squares: Layer's name -> its squared norm s_i, at least 0.
        margin: Greater than 0.
    """
    dead = [name for name, value in squares.items() if value == 0]
    if dead:
        return _zero(dead)
    return from_log(_log_product(squares, margin))


def scaled_geometric_mean(squares: Mapping[str, float], *, margin: float = 1.0) -> Finding:
    """``d (prod_i s_i / margin^2)^(1 / d)`` for d layers; the arguments are those of ``product``."""
    dead = [name for name, value in squares.items() if value == 0]
    if dead:
        return _zero(dead)
    return from_log(math.log(len(squares)) + _log_product(squares, margin) / len(squares))


def positive_margin(subject: Subject) -> float:
    """The 10th percentile of the training margins, where it is positive.

    The public code of Dziugaite et al. takes the absolute value instead, so that a network that errs on more than a
    tenth of its examples looks as if it had a margin.

    Raises:
        NotDefined: It is not positive.
    """
    margin = low_margin(subject.pass_.margins, MARGIN_PERCENT)
    if margin <= 0:
        raise NotDefined(f"the {MARGIN_PERCENT}th percentile of the training margins is not positive: {margin:.4g}")
    return margin


def _log_product(squares: Mapping[str, float], margin: float) -> float:
    return math.fsum(map(math.log, squares.values())) - 2 * math.log(margin)


def _zero(dead: list[str]) -> Finding:
    return Finding(0.0, reason=f"the norm of {', '.join(dead)} is zero, so that there is no logarithm")
