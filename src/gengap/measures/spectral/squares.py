"""Squared spectral norms of a network's layers, in either meaning, and what measures make of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gengap.measures.finding import Finding, NotDefined, from_log
from gengap.measures.spectral.norm import SpectralNorm
from gengap.measures.spectral.of_layer import NormKind, layer_norm
from gengap.measures.subject import Subject


@dataclass(frozen=True)
class SpectralSquares:
    """Layer's name -> squared spectral norm.

    Attributes:
        norms: The norms themselves.
    """

    norms: Mapping[str, SpectralNorm]

    @property
    def values(self) -> dict[str, float]:
        """Layer's name -> s_i^2."""
        return {name: norm.value**2 for name, norm in self.norms.items()}

    def told(self, finding: Finding) -> Finding:
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
        told, names = "; ".join(filter(None, reasons)), (*finding.not_covered, *unseen)
        return replace(finding, status=status, reason=told, not_covered=names, details=details)


def spectral_squares(subject: Subject, kind: NormKind) -> SpectralSquares:
    """Of the layers, batch norm folded, in either meaning of ``layer_norm``."""
    return SpectralSquares(subject.spectral_norms(kind))


def distance_spectral_squares(subject: Subject, kind: NormKind) -> SpectralSquares:
    """Likewise, of the layers' differences from initialisation, which must be known."""
    pairs = zip(subject.layers, subject.initial_layers or (), strict=True)
    moved = (replace(layer, weight=layer.weight - initial.weight) for layer, initial in pairs)
    return SpectralSquares({layer.name: layer_norm(layer, kind) for layer in moved})


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
