"""The largest box around the weights in which no perturbation that gradient ascent finds costs much accuracy."""

from dataclasses import replace

import torch
from torch import Tensor

from gengap.measures.searches.largest_scale import CLEARLY, Search, largest_scale
from gengap.measures.searches.perturbable import Perturbable, Weights
from gengap.measures.searches.sigma import TARGET, TOLERANCE

STEPS, PATIENCE = 10, 3


def sharpness_search(network: Perturbable, *, magnitude_eps: float | None = None) -> Search:
    """The largest alpha for which the worst ``|u_i| <= alpha`` that is found costs 0.1 +- 0.01 of accuracy.

    Magnitude-aware, the box is ``|u_i| <= alpha |w_i| + eps``. The worst perturbation is sought by ascent on the
    cross-entropy of all examples: first to the corner that the gradient at the weights points to, then by steps of
    half the box along the gradient's sign, back into the box after each. It ends after ten steps, after three that
    found nothing worse, or once the drop is clearly above the band. Nothing is random.

    Source: Jiang et al. 2020 (arXiv:1912.02178), section 5 and equations 54 and 62, after Keskar et al. 2017
    (arXiv:1609.04836). The papers leave the ascent open; ours finds a lower bound on the worst drop, so alpha is
    an upper bound on that of the exact definition.

    Args:
        network: The network, its weights and the examples.
        magnitude_eps: eps of the magnitude-aware box; None for a box with equal sides.
    """
    before = network.passes
    clean = network.accuracy(network.weights)
    if clean < TARGET:
        return Search(None, (0.0, 0.0), None, 1, f"accuracy is {clean:.3g} and cannot fall by {TARGET}")
    uphill = _signs(network.loss_gradient(network.weights), network.weights)

    def drop(alpha: float) -> float:
        return _worst_drop(network, clean, uphill, _box(network.weights, alpha, magnitude_eps))

    return replace(largest_scale(drop, TARGET, TOLERANCE), passes=network.passes - before)


def _box(weights: Weights, alpha: float, eps: float | None) -> dict[str, Tensor]:
    if eps is None:
        return {name: torch.full_like(weight, alpha) for name, weight in weights.items()}
    return {name: alpha * weight.abs() + eps for name, weight in weights.items()}


def _worst_drop(network: Perturbable, clean: float, uphill: Weights, box: Weights) -> float:
    origin = network.weights
    shift = {name: box[name] * uphill[name] for name in origin}
    worst, idle = -1.0, 0
    for _ in range(STEPS):
        moved = {name: origin[name] + shift[name] for name in origin}
        found = clean - network.accuracy(moved)
        worst, idle = (found, 0) if found > worst else (worst, idle + 1)
        if worst > TARGET + CLEARLY * TOLERANCE or idle == PATIENCE:
            break
        uphill = _signs(network.loss_gradient(moved), moved)
        shift = {name: (shift[name] + box[name] / 2 * uphill[name]).clamp(-box[name], box[name]) for name in origin}
    return worst


def _signs(gradient: Weights, like: Weights) -> dict[str, Tensor]:
    return {name: part.sign().to(like[name].dtype) for name, part in gradient.items()}
