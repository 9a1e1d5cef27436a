"""Flatness: the four searches on one network, each done once, and what their outcomes are put beside."""

import math
from collections.abc import Callable, Sequence
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
    """

    def __init__(
        self,
        network: Perturbable,
        layers: Sequence[WeightLayer],
        initial: Sequence[WeightLayer] | None,
        seed: int,
    ):
        self._network, self._layers, self._initial, self._seed = network, layers, initial, seed

    @cached_property
    def sigma(self) -> Search:
        """The largest standard deviation of noise of one size."""
        return sigma_search(self._network, seed=self._seed)

    @cached_property
    def magnitude_sigma(self) -> Search:
        """The largest sigma of noise of variance ``sigma^2 w_i^2 + eps^2``."""
        return sigma_search(self._network, seed=self._seed, magnitude_eps=MAGNITUDE_EPS)

    @cached_property
    def alpha(self) -> Search:
        """The largest half-side of a box with equal sides."""
        return sharpness_search(self._network)

    @cached_property
    def magnitude_alpha(self) -> Search:
        """The largest alpha of a box of half-sides ``alpha |w_i| + eps``."""
        return sharpness_search(self._network, magnitude_eps=MAGNITUDE_EPS)

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
        """``value`` of the scales that the searches found, which go to it by their names.

        Args:
            searches: Symbol -> search.
            value: Called with the scales.
        """
        details: dict[str, Any] = {
            "examples": self._network.examples,
            "target_drop": TARGET,
            "tolerance": TOLERANCE,
        }
        if "sigma" in searches:
            details["draws"] = DRAWS
        scales: dict[str, float] = {}
        reasons = []
        for symbol, search in searches.items():
            details |= {symbol: search.scale, f"{symbol}_drop": search.drop, f"{symbol}_passes": search.passes}
            details[f"{symbol}_bracket"] = [end if math.isfinite(end) else None for end in search.bracket]
            if search.scale is None:
                reasons.append(f"{symbol} between {search.bracket[0]:.3g} and {search.bracket[1]:.3g}: {search.reason}")
            else:
                scales[symbol] = search.scale
        if reasons:
            return Finding(None, "not converged", "; ".join(reasons), details=details)
        return Finding(value(**scales), details=details)
