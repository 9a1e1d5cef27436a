"""Spectra of layers' weights, and the power laws of their tails, as WeightWatcher reads them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gengap.measures.power_law import PowerLaw, power_law
from gengap.measures.registry import register
from gengap.measures.spectral import squared_singular_values
from gengap.measures.subject import Subject
from gengap.measures.values import Finding, NotDefined
from gengap.network import WeightLayer

MARTIN = "Martin, Peng and Mahoney 2021 (arXiv:2002.06716)"
_SMALLEST = 10  # eigenvalues that a fit needs
_ZERO = 1.2e-7  # times the larger side of the matrix: singular values that float32 cannot distinguish from zero


@register(
    name="tail_alpha",
    formula="alpha, of the tail x^-alpha of the squared singular values, mean over layers",
    source="Martin and Mahoney 2021 (arXiv:1810.01075); fit of Clauset et al. 2009 (arXiv:0706.1062)",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def tail_alpha(subject: Subject) -> Finding:
    """Exponent of the power law that fits the tail of a layer's spectrum; about 2 to 6 in well-trained networks."""
    return _mean_over_layers(subject, _exponent, of_tail=True)


@register(
    name="tail_alpha_weighted",
    formula="alpha log10(lambda_max), mean over layers",
    source=MARTIN,
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def tail_alpha_weighted(subject: Subject) -> Finding:
    """The exponent times the logarithm of the largest squared singular value."""
    return _mean_over_layers(subject, lambda s: _exponent(s) * math.log10(s.largest), of_tail=True)


@register(
    name="tail_log_alpha_norm",
    formula="log10(sum_i lambda_i^alpha), mean over layers",
    source=MARTIN,
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def tail_log_alpha_norm(subject: Subject) -> Finding:
    """Logarithm of the Schatten norm whose exponent is the tail's."""
    return _mean_over_layers(subject, _log_alpha_norm, of_tail=True)


@register(
    name="tail_log_norm",
    formula="log10(sum_i lambda_i), mean over layers",
    source=MARTIN,
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def tail_log_norm(subject: Subject) -> Finding:
    """Logarithm of the squared Frobenius norm."""
    return _mean_over_layers(subject, lambda s: math.log10(s.squares.sum()), of_tail=False)


@register(
    name="tail_log_spectral_norm",
    formula="log10(lambda_max), mean over layers",
    source=MARTIN,
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def tail_log_spectral_norm(subject: Subject) -> Finding:
    """Logarithm of the squared spectral norm; of convolutions the largest over the positions of the kernel."""
    return _mean_over_layers(subject, lambda s: math.log10(s.largest), of_tail=False)


@register(
    name="tail_stable_rank",
    formula="sum_i lambda_i / lambda_max, mean over layers",
    source=MARTIN,
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def tail_stable_rank(subject: Subject) -> Finding:
    """Frobenius over spectral norm, both squared."""
    return _mean_over_layers(subject, lambda s: float(s.squares.sum() / s.largest), of_tail=False)


@dataclass(frozen=True)
class _Spectrum:
    """Of one layer.

    Attributes:
        squares: Squared singular values above zero, rising.
        tail: Power law of their tail; None for fewer than ten of them, or where all are equal.
    """

    squares: NDArray[np.float64]
    tail: PowerLaw | None

    @property
    def largest(self) -> float:
        """The squared spectral norm."""
        return float(self.squares[-1])


def _spectra(subject: Subject) -> dict[str, _Spectrum]:
    """Layer's name -> spectrum of its weight as the network holds it, without what batch norm does to it."""
    result = {}
    for layer in subject.unfolded_layers:
        squares = _eigenvalues(layer)
        result[layer.name] = _Spectrum(squares, power_law(squares) if len(squares) >= _SMALLEST else None)
    return result


def _eigenvalues(layer: WeightLayer) -> NDArray[np.float64]:
    """Squared singular values of a layer's weight, rising, those that are zero left out.

    Of a convolution, the matrices ``[out, in]`` at each position of the kernel, and of each group, give theirs into
    one spectrum, as in WeightWatcher, which besides scales them: exponents do not depend on that.
    """
    blocks = _blocks(layer)
    squares = squared_singular_values(blocks).flatten().numpy()
    zero = (_ZERO * max(blocks.shape[-2:])) ** 2 * squares.max()
    return np.sort(squares[squares > zero])


def _mean_over_layers(subject: Subject, metric: Callable[[_Spectrum], float], *, of_tail: bool) -> Finding:
    """The mean of a metric over layers, with each layer's in the details.

    Args:
        subject: The network.
        metric: Called with spectra of at least one value.
        of_tail: Whether the metric needs a tail, so that layers without one are left out.

    Raises:
        NotDefined: No layer has such a spectrum.
    """
    found = subject.once(_spectra)
    why = {name: "its weight is zero" for name, one in found.items() if not len(one.squares)}
    if of_tail:
        small = {n: _no_tail(len(one.squares)) for n, one in found.items() if one.tail is None}
        why = small | why
    values = {name: metric(one) for name, one in found.items() if name not in why}
    reason = "; ".join(f"{name}: {text}" for name, text in why.items())
    if not values:
        raise NotDefined(reason, *why)
    details: dict[str, Any] = {"layers": values}
    if of_tail:
        details["distances"] = {name: one.tail.distance for name, one in found.items() if one.tail}
    mean = math.fsum(values.values()) / len(values)
    return Finding(mean, "partial" if why else "ok", reason, tuple(why), details=details)


def _no_tail(values: int) -> str:
    return f"{values} eigenvalues above zero{', all equal' if values >= _SMALLEST else ''}"


def _exponent(spectrum: _Spectrum) -> float:
    """The tail's exponent alpha, of a spectrum that has one."""
    return spectrum.tail.alpha if spectrum.tail else math.nan


def _blocks(layer: WeightLayer) -> Tensor:
    if not layer.kind.startswith("conv"):
        return layer.matrix
    groups: int = layer.module.groups  # type: ignore[assignment]
    kernel = layer.weight.flatten(2)
    return kernel.reshape(groups, -1, *kernel.shape[1:]).permute(3, 0, 1, 2)


def _log_alpha_norm(spectrum: _Spectrum) -> float:
    alpha = _exponent(spectrum)
    ratios = (spectrum.squares / spectrum.largest) ** alpha
    return alpha * math.log10(spectrum.largest) + math.log10(ratios.sum())
