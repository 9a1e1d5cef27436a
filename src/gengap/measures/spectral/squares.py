"""Squared spectral norms of a network's layers, in either meaning, and what measures make of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from gengap.measures.finding import Finding, NotDefined, from_log
from gengap.measures.spectral.matrix import matrix_norm
from gengap.measures.spectral.norm import SpectralNorm
from gengap.measures.spectral.operator import operator_norm
from gengap.measures.subject import Subject

NormKind = Literal["matrix", "operator"]


@dataclass(frozen=True)
class SpectralSquares:
    """Layer's name -> squared spectral norm.

    Attributes:
        norms: The norms themselves.
        unseen: Convolutions whose input size is not known, so that the norm is that of the reshaped kernel.
    """

    norms: Mapping[str, SpectralNorm]
    unseen: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, float]:
        """Layer's name -> s_i^2."""
        return {name: norm.value**2 for name, norm in self.norms.items()}

    def told(self, finding: Finding) -> Finding:
        """The Finding with each norm in its details, and with what is doubtful about them in its status."""
        details = {**finding.details, "norms": {name: norm.value for name, norm in self.norms.items()}}
        open_ = {name: norm.residual for name, norm in self.norms.items() if not norm.converged}
        if open_:
            reason = f"residual of the spectral norm: {', '.join(f'{name} {r:.1e}' for name, r in open_.items())}"
            reason = "; ".join(filter(None, (finding.reason, reason)))
            return replace(finding, status="not converged", reason=reason, details={**details, "residuals": open_})
        if self.unseen:
            reason = "input size not seen: the norm of the reshaped kernel stands in"
            reason = "; ".join(filter(None, (finding.reason, reason)))
            return replace(finding, status="partial", reason=reason, not_covered=self.unseen, details=details)
        return replace(finding, details=details)


def spectral_squares(subject: Subject, kind: NormKind) -> SpectralSquares:
    """Of the layers, batch norm folded.

    Args:
        subject: The network.
        kind: ``matrix``: of the weight as a matrix, kernels reshaped to ``[out, in * k…]``; ``operator``: of what the
            layer does to an input of its size in this network. The two differ for convolutions alone.
    """
    return SpectralSquares(subject.spectral_norms(kind), _unseen(subject, kind))


def distance_spectral_squares(subject: Subject, kind: NormKind) -> SpectralSquares:
    """Likewise, of the layers' differences from initialisation, which must be known."""
    unseen = _unseen(subject, kind)
    norms = {}
    for layer, initial in zip(subject.layers, subject.initial_layers or (), strict=True):
        moved = replace(layer, weight=layer.weight - initial.weight)
        if kind == "operator" and layer.kind.startswith("conv") and layer.input_shape is not None:
            norms[layer.name] = operator_norm(layer.module, moved.weight, layer.input_shape)
        else:
            norms[layer.name] = matrix_norm(moved.matrix)
    return SpectralSquares(norms, unseen)


def sum_of_ratios(numerators: Mapping[str, float], squares: Mapping[str, float]) -> float:
    """``sum_i n_i / s_i^2``.

    Raises:
        NotDefined: A layer's norm is zero.
    """
    dead = [name for name, square in squares.items() if square == 0]
    if dead:
        raise NotDefined("the layer's norm is zero", *dead)
    return math.fsum(numerators[name] / square for name, square in squares.items())


def product_times_ratios(numerators: Mapping[str, float], squares: Mapping[str, float], margin: float) -> Finding:
    """``prod_i s_i^2 sum_i (n_i / s_i^2) / margin^2``, by logarithms.

    Raises:
        NotDefined: A layer's norm is zero.
    """
    ratios = sum_of_ratios(numerators, squares)
    if ratios == 0:
        return Finding(0.0, reason="every layer is at its initialisation")
    return from_log(math.fsum(map(math.log, squares.values())) + math.log(ratios) - 2 * math.log(margin))


def _unseen(subject: Subject, kind: NormKind) -> tuple[str, ...]:
    if kind == "matrix":
        return ()
    return tuple(layer.name for layer in subject.layers if layer.kind.startswith("conv") and layer.input_shape is None)
