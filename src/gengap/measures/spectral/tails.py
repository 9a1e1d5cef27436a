"""Spectra of layers' weights and their tails, as WeightWatcher reads them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gengap.measures.finding import Finding, NotDefined
from gengap.measures.spectral.matrix import squared_singular_values
from gengap.measures.spectral.power_law import PowerLaw, power_law
from gengap.measures.subject import Subject
from gengap.network import WeightLayer

SMALLEST = 10  # eigenvalues that a fit needs
_ZERO = 1.2e-7  # times the larger side of the matrix: singular values that float32 cannot tell from zero


@dataclass(frozen=True)
class Spectrum:
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


def spectra(subject: Subject) -> dict[str, Spectrum]:
    """Layer's name -> spectrum of its weight as the network holds it, without what batch norm does to it."""
    result = {}
    for layer in subject.unfolded_layers:
        squares = eigenvalues(layer)
        result[layer.name] = Spectrum(squares, power_law(squares) if len(squares) >= SMALLEST else None)
    return result


def eigenvalues(layer: WeightLayer) -> NDArray[np.float64]:
    """Squared singular values of a layer's weight, rising, those that are zero left out.

    Of a convolution, the matrices ``[out, in]`` at each position of the kernel, and of each group, give theirs into
    one spectrum, as in WeightWatcher, which besides scales them: exponents do not depend on that.
    """
    blocks = _blocks(layer)
    squares = squared_singular_values(blocks).flatten().numpy()
    zero = (_ZERO * max(blocks.shape[-2:])) ** 2 * squares.max()
    return np.sort(squares[squares > zero])


def mean_over_layers(subject: Subject, metric: Callable[[Spectrum], float], *, of_tail: bool) -> Finding:
    """The mean of a metric over layers, with each layer's in the details.

    Args:
        subject: The network.
        metric: Called with spectra of at least one value.
        of_tail: Whether the metric needs a tail, so that layers without one are left out.

    Raises:
        NotDefined: No layer has such a spectrum.
    """
    found = subject.once(spectra)
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
    return f"{values} eigenvalues above zero{', all equal' if values >= SMALLEST else ''}"


def exponent(spectrum: Spectrum) -> float:
    """The tail's exponent alpha, of a spectrum that has one."""
    return spectrum.tail.alpha if spectrum.tail else math.nan


def _blocks(layer: WeightLayer) -> Tensor:
    if not layer.kind.startswith("conv"):
        return layer.matrix
    groups: int = layer.module.groups  # type: ignore[assignment]
    kernel = layer.weight.flatten(2)
    return kernel.reshape(groups, -1, *kernel.shape[1:]).permute(3, 0, 1, 2)
