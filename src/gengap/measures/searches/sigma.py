"""The largest standard deviation of Gaussian noise on the weights that costs little accuracy."""

import math
import statistics
from dataclasses import replace

import torch
from torch import Tensor

from gengap.measures.searches.errors import clear, drop_error, fallen, scale_error
from gengap.measures.searches.largest_scale import Search, largest_scale
from gengap.measures.searches.perturbable import Perturbable, Weights
from gengap.seeds import stream

TARGET, TOLERANCE, DRAWS = 0.1, 0.01, 10  # Jiang et al. 2020; Dziugaite et al. 2020
MAGNITUDE_EPS = 1e-3  # of Jiang et al.'s magnitude-aware noise
STANDARD_ERRORS, LEAST_SPREAD = 4, 0.03


def sigma_search(
    network: Perturbable,
    *,
    seed: int,
    magnitude_eps: float | None = None,
    draws: int = DRAWS,
    population: float = math.inf,
) -> Search:
    """The largest sigma for which accuracy falls by 0.1 +- 0.01 on average over ``draws`` draws of noise.

    Noise is ``u = sigma z`` or, magnitude-aware, ``u_i = sqrt(sigma^2 w_i^2 + eps^2) z_i``, where ``z`` is standard
    Gaussian: sigma is a standard deviation. The same draws of ``z`` serve every sigma. At one sigma, draws and
    examples end once the mean drop is outside the band by more than four standard errors, for which the draws' standard
    deviation counts as at least 0.03; a sigma in the band has had all draws and examples. A search that misses the
    band is done again with all of them everywhere.

    Source: Jiang et al. 2020 (arXiv:1912.02178), section 5 and equations 53 and 61; bracket, tolerance and number of
    draws from the code of Dziugaite et al. 2020 (arXiv:2010.11924), which passes sigma^2 where sigma is due, and
    disturbs biases too.

    Args:
        network: The network, its weights and the examples.
        seed: From which the draws derive.
        magnitude_eps: eps of the magnitude-aware noise, at least 0; None for noise of one size.
        draws: How many draws of noise, at least 1.
        population: Number of examples of which those in ``network`` are a sample.
    """
    before = network.passes
    clean = network.correct(network.weights)
    accuracy = float(clean.double().mean())
    if accuracy < TARGET:
        reason = f"accuracy is {accuracy:.3g} and cannot fall by {TARGET}"
        return Search(None, (0.0, 0.0), None, passes=network.passes - before, reason=reason)
    noise = _Noise(network, clean, seed, magnitude_eps, draws)
    offset = bool(magnitude_eps)
    result = largest_scale(noise.drop, TARGET, TOLERANCE, offset=offset)
    if result.scale is None or not result.converged:
        noise.hurry = False
        result = largest_scale(noise.drop, TARGET, TOLERANCE, offset=offset)
    if result.scale is not None:
        error = drop_error(noise.falls(result.scale).double(), population)
        result = replace(result, standard_error=scale_error(result.curve, result.scale, error))
    return replace(result, passes=network.passes - before)


class _Noise:
    """The drop of accuracy as a function of sigma."""

    def __init__(self, network: Perturbable, clean: Tensor, seed: int, eps: float | None, draws: int):
        self._network, self._clean, self._seed, self._eps, self._draws = network, clean, seed, eps, draws
        self._complete: dict[float, Tensor] = {}
        self.hurry = True

    def drop(self, sigma: float) -> float:
        """The mean over draws, or over those after which it is clear."""
        falls: list[Tensor] = []
        hurry = self.hurry and self._draws > 1
        for index in range(self._draws):
            falls.append(self._fall(sigma, index, hurry=hurry and not index))
            if hurry and self._is_clear(falls):
                return _mean(falls)
        self._complete[sigma] = torch.stack(falls)
        return _mean(falls)

    def falls(self, sigma: float) -> Tensor:
        """Of every draw and example, ``[K, N]``."""
        if sigma not in self._complete:
            self._complete[sigma] = torch.stack([self._fall(sigma, i, hurry=False) for i in range(self._draws)])
        return self._complete[sigma]

    def _fall(self, sigma: float, index: int, *, hurry: bool) -> Tensor:
        def enough(answers: Tensor) -> bool:
            return self._is_clear([fallen(self._clean, answers)])

        weights = noisy(self._network.weights, sigma, self._eps, stream(self._seed, "noise", index))
        return fallen(self._clean, self._network.correct(weights, enough if hurry else None))

    def _is_clear(self, falls: list[Tensor]) -> bool:
        """Of one draw, perhaps on a part of the examples, or of several on all of them."""
        if len(falls) == 1:
            return clear(falls[0], TARGET, TOLERANCE, self._network.examples, LEAST_SPREAD)
        drops = [float(fell.double().mean()) for fell in falls]
        error = max(statistics.stdev(drops), LEAST_SPREAD) / math.sqrt(len(drops))
        return abs(statistics.fmean(drops) - TARGET) > TOLERANCE + STANDARD_ERRORS * error


def _mean(falls: list[Tensor]) -> float:
    return statistics.fmean(float(fell.double().mean()) for fell in falls)


def noisy(weights: Weights, sigma: float, eps: float | None, seed: int) -> dict[str, Tensor]:
    """Weights plus one draw of noise, of one size or, for an eps, in proportion to them."""
    generator = torch.Generator().manual_seed(seed)
    noisy = {}
    for name, weight in weights.items():
        z = torch.randn(weight.shape, generator=generator, dtype=weight.dtype).to(weight.device)
        noisy[name] = z.mul_(sigma if eps is None else (sigma**2 * weight**2 + eps**2).sqrt_()).add_(weight)
    return noisy
