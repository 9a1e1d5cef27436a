"""The largest standard deviation of Gaussian noise on the weights that costs little accuracy."""

import math
import statistics
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from gengap.measures.searches.largest_scale import Search, largest_scale
from gengap.measures.searches.perturbable import Perturbable, Weights
from gengap.seeds import stream

TARGET, TOLERANCE, DRAWS = 0.1, 0.01, 10  # Jiang et al. 2020; Dziugaite et al. 2020
MAGNITUDE_EPS = 1e-3  # of Jiang et al.'s magnitude-aware noise
STANDARD_ERRORS, LEAST_SPREAD = 3, 0.03


def sigma_search(network: Perturbable, *, seed: int, magnitude_eps: float | None = None, draws: int = DRAWS) -> Search:
    """The largest sigma for which accuracy falls by 0.1 +- 0.01 on average over ``draws`` draws of noise.

    Noise is ``u = sigma z`` or, magnitude-aware, ``u_i = sqrt(sigma^2 w_i^2 + eps^2) z_i``, where ``z`` is standard
    Gaussian: sigma is a standard deviation. The same draws of ``z`` serve every sigma. At one sigma, draws end once
    their mean drop is outside the band by more than three standard errors, for which the draws' standard deviation
    counts as at least 0.03; a sigma in the band has had all draws. A search that misses the band is done again with
    all draws everywhere.

    Source: Jiang et al. 2020 (arXiv:1912.02178), section 5 and equations 53 and 61; bracket, tolerance and number of
    draws from the code of Dziugaite et al. 2020 (arXiv:2010.11924), which passes sigma^2 where sigma is due, and
    disturbs biases too.

    Args:
        network: The network, its weights and the examples.
        seed: From which the draws derive.
        magnitude_eps: eps of the magnitude-aware noise; None for noise of one size.
        draws: How many draws of noise.
    """
    before = network.passes
    clean = network.accuracy(network.weights)
    if clean < TARGET:
        return Search(None, (0.0, 0.0), None, 1, f"accuracy is {clean:.3g} and cannot fall by {TARGET}")
    drop = partial(_mean_drop, network, clean, seed, magnitude_eps, draws)
    found = largest_scale(partial(drop, hurry=True), TARGET, TOLERANCE)
    if found.drop is None or abs(found.drop - TARGET) > TOLERANCE:
        found = largest_scale(partial(drop, hurry=False), TARGET, TOLERANCE)
    return replace(found, passes=network.passes - before)


def _mean_drop(
    network: Perturbable, clean: float, seed: int, eps: float | None, draws: int, sigma: float, hurry: bool
) -> float:
    drops: list[float] = []
    for index in range(draws):
        drops.append(clean - network.accuracy(_noisy(network.weights, sigma, eps, stream(seed, "noise", index))))
        if hurry and _is_clear(drops):
            break
    return statistics.fmean(drops)


def _is_clear(drops: list[float]) -> bool:
    if len(drops) < 2:
        return False
    error = max(statistics.stdev(drops), LEAST_SPREAD) / math.sqrt(len(drops))
    return abs(statistics.fmean(drops) - TARGET) > TOLERANCE + STANDARD_ERRORS * error


def _noisy(weights: Weights, sigma: float, eps: float | None, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    noisy = {}
    for name, weight in weights.items():
        z = torch.randn(weight.shape, generator=generator, dtype=weight.dtype).to(weight.device)
        noisy[name] = weight + z * (sigma if eps is None else (sigma**2 * weight**2 + eps**2).sqrt())
    return noisy
