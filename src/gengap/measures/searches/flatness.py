"""Flatness: the four searches on one network, each done once, and what their outcomes are put beside."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from gengap.measures.searches.largest_scale import Search
from gengap.measures.searches.perturbable import Perturbable
from gengap.measures.searches.sharpness import sharpness_search
from gengap.measures.searches.sigma import DRAWS, MAGNITUDE_EPS, TARGET, TOLERANCE, sigma_search
from gengap.measures.values import Finding
from gengap.network import WeightLayer


class Flatness:
    """How far the weights can be perturbed, by noise or at worst, in sizes of their own or in one size.

    What is perturbed is what the bounds call w: the weights of the layers, after batch norm is folded into them;
    biases, scales and offsets stay as they are.

    Args:
        network: The folded network and the subset of examples.
        layers: Its weight layers.
        initial: The same layers at initialisation, or None.
        seed: Of the noise.
        population: Number of training examples, of which those in ``network`` are a sample.

    Attributes:
        report: Called with the name of a search and the passes that it has made, after each batch.
    """

    def __init__(
        self,
        network: Perturbable,
        layers: Sequence[WeightLayer],
        initial: Sequence[WeightLayer] | None,
        seed: int,
        population: float = math.inf,
    ):
        self._network, self._layers, self._initial, self._seed = network, layers, initial, seed
        self._population = population
        self.report: Callable[[str, float], None] = lambda search, passes: None

    @cached_property
    def sigma(self) -> Search:
        """The largest standard deviation of noise of one size."""
        return self._noise("sigma", None)

    @cached_property
    def magnitude_sigma(self) -> Search:
        """The largest sigma of noise of variance ``sigma^2 w_i^2 + eps^2``."""
        return self._noise("magnitude_sigma", MAGNITUDE_EPS)

    @cached_property
    def alpha(self) -> Search:
        """The largest half-side of a box with equal sides."""
        return self._sharpness("alpha", None)

    @cached_property
    def magnitude_alpha(self) -> Search:
        """The largest alpha of a box of half-sides ``alpha |w_i| + eps``."""
        return self._sharpness("magnitude_alpha", MAGNITUDE_EPS)

    def _noise(self, name: str, eps: float | None) -> Search:
        self._watch(name)
        return sigma_search(self._network, seed=self._seed, magnitude_eps=eps, population=self._population)

    def _sharpness(self, name: str, eps: float | None) -> Search:
        self._watch(name)
        return sharpness_search(self._network, magnitude_eps=eps, population=self._population)

    def _watch(self, name: str) -> None:
        before = self._network.passes
        self._network.report = lambda passes: self.report(name, passes - before)

    @cached_property
    def squared_norm(self) -> float:
        """``||w||^2``."""
        return sum(float(layer.weight.square().sum()) for layer in self._layers)

    @cached_property
    def moved(self) -> Tensor:
        """The vector ``w - w0``, float64 ``[omega]``."""
        pairs = zip(self._layers, self._initial or (), strict=True)
        return torch.cat([(now.weight - then.weight).flatten() for now, then in pairs])

    @cached_property
    def squared_distance(self) -> float:
        """``||w - w0||^2``."""
        return float(self.moved.square().sum())

    @property
    def weights(self) -> int:
        """omega, the number of weights."""
        return sum(layer.weight.numel() for layer in self._layers)

    def finding(self, searches: dict[str, Search], value: Callable[..., float]) -> Finding:
        """``value`` of the scales that the searches reached, with its standard error to first order in the details.

        Args:
            searches: Symbol -> search.
            value: Called with the scales by their symbols.
        """
        details: dict[str, Any] = {"examples": self._network.examples, "target_drop": TARGET, "tolerance": TOLERANCE}
        if "sigma" in searches:
            details["draws"] = DRAWS
        for symbol, search in searches.items():
            details |= _details(symbol, search)
        reasons = [_reason(symbol, search) for symbol, search in searches.items() if search.reason]
        reason = "; ".join(reasons)
        if any(search.scale is None for search in searches.values()):
            return Finding(None, "not converged", reason, details=details)
        scales = {symbol: search.scale for symbol, search in searches.items()}
        details["standard_error"] = _error(searches, value)
        return Finding(value(**scales), "not converged" if reasons else "ok", reason, details=details)


def _details(symbol: str, search: Search) -> dict[str, Any]:
    return {
        symbol: search.scale,
        f"{symbol}_standard_error": search.standard_error,
        f"{symbol}_drop": search.drop,
        f"{symbol}_bracket": [end if math.isfinite(end) else None for end in search.bracket],
        f"{symbol}_passes": round(search.passes, 2),
    }


def _reason(symbol: str, search: Search) -> str:
    return f"{symbol} between {search.bracket[0]:.3g} and {search.bracket[1]:.3g}: {search.reason}"


def _error(searches: Mapping[str, Search], value: Callable[..., float]) -> float | None:
    """Standard error of a function of the scales, whose errors count as independent; None where one is not known."""
    scales = {symbol: search.scale or math.nan for symbol, search in searches.items()}
    parts = []
    for symbol, search in searches.items():
        if search.standard_error is None:
            return None
        step = 1e-3 * scales[symbol]
        ends = [value(**(scales | {symbol: scales[symbol] + sign * step})) for sign in (1, -1)]
        parts.append((ends[0] - ends[1]) / (2 * step) * search.standard_error)
    return math.hypot(*parts)
