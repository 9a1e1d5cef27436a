"""The largest box around the weights in which no perturbation that gradient ascent finds costs much accuracy."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from gengap.measures.searches.errors import clear, drop_error, fallen, scale_error
from gengap.measures.searches.largest_scale import CLEARLY, Search, largest_scale
from gengap.measures.searches.perturbable import Perturbable, Weights
from gengap.measures.searches.sigma import TARGET, TOLERANCE

STEPS = 10
COARSEST = 0.05


def sharpness_search(
    network: Perturbable, *, magnitude_eps: float | None = None, population: float = math.inf
) -> Search:
    """The largest alpha for which the worst ``|u_i| <= alpha`` that is found costs 0.1 +- 0.01 of accuracy.

    Magnitude-aware, the box is ``|u_i| <= alpha |w_i| + eps``. The worst perturbation is sought by ascent on the
    cross-entropy of all examples: first to the corner that the gradient at the weights points to, then by steps of
    half the box along the gradient's sign, back into the box after each. It ends after ten steps, or once the drop is
    clearly above the band, if need be on a part of the examples. Nothing is random. On fewer than 100 examples, whose
    accuracy moves in steps of 1 / N, the band is that wide, up to +- 0.05.

    Source: Jiang et al. 2020 (arXiv:1912.02178), section 5 and equations 54 and 62, after Keskar et al. 2017
    (arXiv:1609.04836). The papers leave the ascent open; ours finds a lower bound on the worst drop, so alpha is
    an upper bound on that of the exact definition.

    Args:
        network: The network, its weights and the examples.
        magnitude_eps: eps of the magnitude-aware box, at least 0; None for a box with equal sides.
        population: Number of examples of which those in ``network`` are a sample.
    """
    before = network.passes
    clean, uphill = network.correct_with_gradient(network.weights)
    accuracy = float(clean.double().mean())
    if accuracy < TARGET:
        reason = f"accuracy is {accuracy:.3g} and cannot fall by {TARGET}"
        return Search(None, (0.0, 0.0), None, passes=network.passes - before, reason=reason)
    ascent = _Ascent(network, clean, uphill or {}, magnitude_eps)
    result = largest_scale(ascent.drop, TARGET, ascent.tolerance, offset=bool(magnitude_eps))
    if result.scale is not None:
        error = drop_error(ascent.worst[result.scale][None].double(), population)
        result = replace(result, standard_error=scale_error(result.curve, result.scale, error))
    return replace(result, passes=network.passes - before)


class _Ascent:
    """The worst drop of accuracy found in a box, as a function of alpha."""

    def __init__(self, network: Perturbable, clean: Tensor, uphill: Weights, eps: float | None):
        self._network, self._clean, self._eps = network, clean, eps
        self._uphill = _signs(uphill, network.weights)
        self.tolerance = max(TOLERANCE, min(1 / network.examples, COARSEST))
        self.worst: dict[float, Tensor] = {}

    def drop(self, alpha: float) -> float:
        """The worst of up to ten points of the box."""
        origin, box = self._network.weights, self._box(alpha)
        shift = {name: box[name] * self._uphill[name] for name in origin}
        worst = -1.0
        for step in range(STEPS):
            moved = {name: origin[name] + shift[name] for name in origin}
            last = step == STEPS - 1
            fell, gradient = self._last(moved) if last else self._step(moved)
            drop = float(fell.double().mean())
            if drop > worst:
                worst, self.worst[alpha] = drop, fell
            if gradient is None or worst > TARGET + CLEARLY * self.tolerance:
                break
            signs = _signs(gradient, origin)
            shift = {name: (shift[name] + box[name] / 2 * signs[name]).clamp(-box[name], box[name]) for name in origin}
        return worst

    def _step(self, weights: Weights) -> tuple[Tensor, Weights | None]:
        answers, gradient = self._network.correct_with_gradient(weights, self._enough)
        return fallen(self._clean, answers), gradient

    def _last(self, weights: Weights) -> tuple[Tensor, None]:
        return fallen(self._clean, self._network.correct(weights)), None

    def _enough(self, answers: Tensor) -> bool:
        fell = fallen(self._clean, answers)
        above = float(fell.double().mean()) > TARGET
        return above and clear(fell, TARGET, CLEARLY * self.tolerance, self._network.examples, 0.0)

    def _box(self, alpha: float) -> dict[str, Tensor]:
        weights = self._network.weights.items()
        if self._eps is None:
            return {name: torch.full_like(weight, alpha) for name, weight in weights}
        return {name: alpha * weight.abs() + self._eps for name, weight in weights}


def _signs(gradient: Weights, like: Weights) -> dict[str, Tensor]:
    return {name: part.sign().to(like[name].dtype) for name, part in gradient.items()}
