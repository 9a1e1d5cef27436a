"""Spectral norms of layers: of the weight as a matrix, and, in the measures named ``…_operator``, of the operator.

The operator of a convolution acts on inputs of the size that it has in this network, padding included, where Sedghi et
al. take a circular convolution. Batch norm is folded.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gengap.measures.products import (
    distance_squares,
    frobenius_squares,
    positive_margin,
    product,
    scaled_geometric_mean,
)
from gengap.measures.registry import register
from gengap.measures.spectral import NormKind, SpectralNorm, layer_norm
from gengap.measures.subject import Subject
from gengap.measures.values import Finding, NotDefined, from_log

JIANG = "Jiang et al. 2020 (arXiv:1912.02178)"
SEDGHI = "operators as Sedghi et al. 2019 (arXiv:1805.10408)"


@register(
    name="spec_init_main",
    formula="(prod_i ||W_i||_2^2) (sum_i ||W_i - W_i^0||_F^2 / ||W_i||_2^2) / gamma^2, W_i reshaped to a matrix",
    source=f"{JIANG}, equation 29",
    sign=1,
    needs=frozenset({"weights", "data", "initial"}),
    rescaling_invariant=False,
    complexity="log",
)
def spec_init_main(subject: Subject) -> Finding:
    """The main term of the bound by spectral norms, with distances from initialisation."""
    squares = _spectral_squares(subject, "matrix")
    return squares.annotate(_product_times_ratios(distance_squares(subject), squares.values, positive_margin(subject)))


@register(
    name="spec_init_main_operator",
    formula="(prod_i ||W_i||_2^2) (sum_i ||W_i - W_i^0||_F^2 / ||W_i||_2^2) / gamma^2, "
    "||.||_2 of the operator on its real input, ||.||_F of the kernel",
    source=f"{JIANG}, equation 29; {SEDGHI}",
    sign=1,
    needs=frozenset({"weights", "data", "initial"}),
    rescaling_invariant=False,
    complexity="log",
)
def spec_init_main_operator(subject: Subject) -> Finding:
    """The main term of the bound by spectral norms, with distances from initialisation."""
    squares = _spectral_squares(subject, "operator")
    return squares.annotate(_product_times_ratios(distance_squares(subject), squares.values, positive_margin(subject)))


@register(
    name="spec_orig_main",
    formula="(prod_i ||W_i||_2^2) (sum_i ||W_i||_F^2 / ||W_i||_2^2) / gamma^2, W_i reshaped to a matrix",
    source=f"{JIANG}, equation 30",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def spec_orig_main(subject: Subject) -> Finding:
    """The main term of the bound by spectral norms, with distances from the origin."""
    squares = _spectral_squares(subject, "matrix")
    return squares.annotate(_product_times_ratios(frobenius_squares(subject), squares.values, positive_margin(subject)))


@register(
    name="spec_orig_main_operator",
    formula="(prod_i ||W_i||_2^2) (sum_i ||W_i||_F^2 / ||W_i||_2^2) / gamma^2, "
    "||.||_2 of the operator on its real input, ||.||_F of the kernel",
    source=f"{JIANG}, equation 30; {SEDGHI}",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def spec_orig_main_operator(subject: Subject) -> Finding:
    """The main term of the bound by spectral norms, with distances from the origin."""
    squares = _spectral_squares(subject, "operator")
    return squares.annotate(_product_times_ratios(frobenius_squares(subject), squares.values, positive_margin(subject)))


@register(
    name="prod_of_spec_over_margin",
    formula="prod_i ||W_i||_2^2 / gamma^2, W_i reshaped to a matrix",
    source=f"{JIANG}, equation 31",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def prod_of_spec_over_margin(subject: Subject) -> Finding:
    """Product of the squared spectral norms over the squared 10th percentile gamma of the training margins."""
    squares = _spectral_squares(subject, "matrix")
    return squares.annotate(product(squares.values, margin=positive_margin(subject)))


@register(
    name="prod_of_spec_over_margin_operator",
    formula="prod_i ||W_i||_2^2 / gamma^2, ||.||_2 of the operator on its real input",
    source=f"{JIANG}, equation 31; {SEDGHI}",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def prod_of_spec_over_margin_operator(subject: Subject) -> Finding:
    """Product of the squared spectral norms over the squared 10th percentile gamma of the training margins."""
    squares = _spectral_squares(subject, "operator")
    return squares.annotate(product(squares.values, margin=positive_margin(subject)))


@register(
    name="prod_of_spec",
    formula="prod_i ||W_i||_2^2, W_i reshaped to a matrix",
    source=f"{JIANG}, equation 32",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="log",
)
def prod_of_spec(subject: Subject) -> Finding:
    """Product of the squared spectral norms of all layers, batch norm folded."""
    squares = _spectral_squares(subject, "matrix")
    return squares.annotate(product(squares.values))


@register(
    name="prod_of_spec_operator",
    formula="prod_i ||W_i||_2^2, ||.||_2 of the operator on its real input",
    source=f"{JIANG}, equation 32; {SEDGHI}",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="log",
)
def prod_of_spec_operator(subject: Subject) -> Finding:
    """Product of the squared spectral norms of all layers, batch norm folded."""
    squares = _spectral_squares(subject, "operator")
    return squares.annotate(product(squares.values))


@register(
    name="fro_over_spec",
    formula="sum_i ||W_i||_F^2 / ||W_i||_2^2, W_i reshaped to a matrix",
    source=f"{JIANG}, equation 33",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def fro_over_spec(subject: Subject) -> Finding:
    """Sum of the layers' stable ranks."""
    squares = _spectral_squares(subject, "matrix")
    return squares.annotate(Finding(_sum_of_ratios(frobenius_squares(subject), squares.values)))


@register(
    name="fro_over_spec_operator",
    formula="sum_i ||W_i||_F^2 / ||W_i||_2^2, ||.||_2 of the operator on its real input, ||.||_F of the kernel",
    source=f"{JIANG}, equation 33; {SEDGHI}",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def fro_over_spec_operator(subject: Subject) -> Finding:
    """Sum of the layers' stable ranks."""
    squares = _spectral_squares(subject, "operator")
    return squares.annotate(Finding(_sum_of_ratios(frobenius_squares(subject), squares.values)))


@register(
    name="sum_of_spec_over_margin",
    formula="d (prod_i ||W_i||_2^2 / gamma^2)^(1/d), W_i reshaped to a matrix",
    source=f"{JIANG}, equation 34",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def sum_of_spec_over_margin(subject: Subject) -> Finding:
    """The same sum, of a network whose margin gamma is scaled to one."""
    squares = _spectral_squares(subject, "matrix")
    return squares.annotate(scaled_geometric_mean(squares.values, margin=positive_margin(subject)))


@register(
    name="sum_of_spec_over_margin_operator",
    formula="d (prod_i ||W_i||_2^2 / gamma^2)^(1/d), ||.||_2 of the operator on its real input",
    source=f"{JIANG}, equation 34; {SEDGHI}",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def sum_of_spec_over_margin_operator(subject: Subject) -> Finding:
    """The same sum, of a network whose margin gamma is scaled to one."""
    squares = _spectral_squares(subject, "operator")
    return squares.annotate(scaled_geometric_mean(squares.values, margin=positive_margin(subject)))


@register(
    name="sum_of_spec",
    formula="d (prod_i ||W_i||_2^2)^(1/d), W_i reshaped to a matrix",
    source=f"{JIANG}, equation 35",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="log",
)
def sum_of_spec(subject: Subject) -> Finding:
    """The least sum of squared spectral norms that rescaling d homogeneous layers can reach."""
    squares = _spectral_squares(subject, "matrix")
    return squares.annotate(scaled_geometric_mean(squares.values))


@register(
    name="sum_of_spec_operator",
    formula="d (prod_i ||W_i||_2^2)^(1/d), ||.||_2 of the operator on its real input",
    source=f"{JIANG}, equation 35; {SEDGHI}",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="log",
)
def sum_of_spec_operator(subject: Subject) -> Finding:
    """The least sum of squared spectral norms that rescaling d homogeneous layers can reach."""
    squares = _spectral_squares(subject, "operator")
    return squares.annotate(scaled_geometric_mean(squares.values))


@register(
    name="dist_spec_init",
    formula="sum_i ||W_i - W_i^0||_2^2, W_i reshaped to a matrix",
    source=f"{JIANG}, equation 41",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def dist_spec_init(subject: Subject) -> Finding:
    """Sum of the squared spectral norms of the layers' differences from initialisation."""
    squares = _distance_spectral_squares(subject, "matrix")
    return squares.annotate(Finding(sum(squares.values.values())))


@register(
    name="dist_spec_init_operator",
    formula="sum_i ||W_i - W_i^0||_2^2, ||.||_2 of the operator on its real input",
    source=f"{JIANG}, equation 41; {SEDGHI}",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def dist_spec_init_operator(subject: Subject) -> Finding:
    """Sum of the squared spectral norms of the layers' differences from initialisation."""
    squares = _distance_spectral_squares(subject, "operator")
    return squares.annotate(Finding(sum(squares.values.values())))


@dataclass(frozen=True)
class _SpectralSquares:
    """Layer's name -> squared spectral norm.

    Attributes:
        norms: The norms themselves.
    """

    norms: Mapping[str, SpectralNorm]

    @property
    def values(self) -> dict[str, float]:
        """Layer's name -> s_i^2."""
        return {name: norm.value**2 for name, norm in self.norms.items()}

    def annotate(self, finding: Finding) -> Finding:
        """The Finding with each norm in its details, and with what is doubtful about them in its status."""
        details = {**finding.details, "norms": {name: norm.value for name, norm in self.norms.items()}}
        unseen = tuple(name for name, norm in self.norms.items() if norm.stand_in)
        open_ = {name: norm.residual for name, norm in self.norms.items() if not norm.converged}
        status, reasons = finding.status, [finding.reason]
        if unseen:
            status = "partial"
            reasons.append(f"input size of {', '.join(unseen)} not seen: the norm of the reshaped kernel stands in")
        if open_:
            status, details["residuals"] = "not converged", open_
            residuals = ", ".join(f"{name} {residual:.1e}" for name, residual in open_.items())
            reasons.append(f"residual of the spectral norm: {residuals}")
        detail, names = "; ".join(filter(None, reasons)), (*finding.not_covered, *unseen)
        return replace(finding, status=status, reason=detail, not_covered=names, details=details)


def _spectral_squares(subject: Subject, kind: NormKind) -> _SpectralSquares:
    """Of the layers, batch norm folded, in either meaning of ``layer_norm``."""
    return _SpectralSquares(subject.spectral_norms(kind))


def _distance_spectral_squares(subject: Subject, kind: NormKind) -> _SpectralSquares:
    """Likewise, of the layers' differences from initialisation, which must be known."""
    pairs = zip(subject.layers, subject.initial_layers or (), strict=True)
    moved = (replace(layer, weight=layer.weight - initial.weight) for layer, initial in pairs)
    return _SpectralSquares({layer.name: layer_norm(layer, kind) for layer in moved})


def _sum_of_ratios(numerators: Mapping[str, float], squares: Mapping[str, float]) -> float:
    """``sum_i n_i / s_i^2``.

    Raises:
        NotDefined: A layer's norm is zero.
    """
    dead = [name for name, square in squares.items() if square == 0]
    if dead:
        raise NotDefined("the layer's norm is zero", *dead)
    return math.fsum(numerators[name] / square for name, square in squares.items())


def _product_times_ratios(numerators: Mapping[str, float], squares: Mapping[str, float], margin: float) -> Finding:
    """``prod_i s_i^2 sum_i (n_i / s_i^2) / margin^2``, by logarithms.

    Raises:
        NotDefined: A layer's norm is zero.
    """
    ratios = _sum_of_ratios(numerators, squares)
    if ratios == 0:
        return Finding(0.0, reason="every layer is at its initialisation")
    return from_log(math.fsum(map(math.log, squares.values())) + math.log(ratios) - 2 * math.log(margin))
