"""How far the weights can be perturbed before accuracy falls: by Gaussian noise (PAC-Bayes) or at worst (sharpness).

The scales sigma and alpha come from ``gengap.measures.searches``; the equations are those of Jiang et al. 2020.
"""

import math

import torch
from torch import Tensor

from gengap.measures.registry import register
from gengap.measures.searches import MAGNITUDE_EPS
from gengap.measures.subject import Subject
from gengap.measures.values import Finding

JIANG = "Jiang et al. 2020 (arXiv:1912.02178)"
DELTA = 0.1  # confidence in equations 58 and 59


@register(
    name="pacbayes_init",
    formula="||w - w0||^2 / (4 sigma^2) + ln(m / sigma) + 10",
    source=f"{JIANG}, equation 48",
    sign=1,
    needs=frozenset({"weights", "data", "initial", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def pacbayes_init(subject: Subject) -> Finding:
    """Noise on all weights, and their distance from initialisation."""
    flat = subject.flatness
    return flat.finding({"sigma": flat.sigma}, lambda sigma: _noise_term(flat.squared_distance, sigma, subject.n))


@register(
    name="pacbayes_orig",
    formula="||w||^2 / (4 sigma^2) + ln(m / sigma) + 10",
    source=f"{JIANG}, equation 49",
    sign=1,
    needs=frozenset({"weights", "data", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def pacbayes_orig(subject: Subject) -> Finding:
    """Noise on all weights, and their distance from the origin."""
    flat = subject.flatness
    return flat.finding({"sigma": flat.sigma}, lambda sigma: _noise_term(flat.squared_norm, sigma, subject.n))


@register(
    name="sharpness_init",
    formula="||w - w0||^2 ln(2 omega) / (4 alpha^2) + ln(m / sigma) + 10",
    source=f"{JIANG}, equation 51",
    sign=1,
    needs=frozenset({"weights", "data", "initial", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def sharpness_init(subject: Subject) -> Finding:
    """The worst perturbation of all weights, and their distance from initialisation; sigma is that of pacbayes_init."""
    flat = subject.flatness
    return flat.finding(
        {"alpha": flat.alpha, "sigma": flat.sigma},
        lambda alpha, sigma: _sharpness_term(flat.squared_distance, flat.weights, alpha, sigma, subject.n),
    )


@register(
    name="sharpness_orig",
    formula="||w||^2 ln(2 omega) / (4 alpha^2) + ln(m / sigma) + 10",
    source=f"{JIANG}, equation 52",
    sign=1,
    needs=frozenset({"weights", "data", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def sharpness_orig(subject: Subject) -> Finding:
    """The worst perturbation of all weights, and their distance from the origin; sigma is that of pacbayes_orig."""
    flat = subject.flatness
    return flat.finding(
        {"alpha": flat.alpha, "sigma": flat.sigma},
        lambda alpha, sigma: _sharpness_term(flat.squared_norm, flat.weights, alpha, sigma, subject.n),
    )


@register(
    name="pacbayes_flatness",
    formula="1 / sigma^2",
    source=f"{JIANG}, equation 53",
    sign=1,
    needs=frozenset({"weights", "data", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def pacbayes_flatness(subject: Subject) -> Finding:
    """How little noise on all weights takes a tenth off the accuracy."""
    flat = subject.flatness
    return flat.finding({"sigma": flat.sigma}, lambda sigma: sigma**-2)


@register(
    name="sharpness_flatness",
    formula="1 / alpha^2",
    source=f"{JIANG}, equation 54",
    sign=1,
    needs=frozenset({"weights", "data", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def sharpness_flatness(subject: Subject) -> Finding:
    """How small a box around the weights holds a perturbation that takes a tenth off the accuracy."""
    flat = subject.flatness
    return flat.finding({"alpha": flat.alpha}, lambda alpha: alpha**-2)


@register(
    name="pacbayes_mag_init",
    formula="1/4 sum_i ln((eps^2 + (sigma'^2 + 1) ||w - w0||^2 / omega)"
    " / (eps^2 + sigma'^2 |w_i - w0_i|^2)) + ln(m / sigma') + 10",
    source=f"{JIANG}, equation 56",
    sign=1,
    needs=frozenset({"weights", "data", "initial", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def pacbayes_mag_init(subject: Subject) -> Finding:
    """Noise in proportion to each weight, and the distance from initialisation."""
    flat = subject.flatness
    return flat.finding(
        {"sigma": flat.magnitude_sigma},
        lambda sigma: _magnitude_noise_term(flat.squared_distance, flat.moved, sigma, MAGNITUDE_EPS, subject.n),
    )


@register(
    name="pacbayes_mag_orig",
    formula="1/4 sum_i ln((eps^2 + (sigma'^2 + 1) ||w||^2 / omega)"
    " / (eps^2 + sigma'^2 |w_i - w0_i|^2)) + ln(m / sigma') + 10",
    source=f"{JIANG}, equation 57",
    sign=1,
    needs=frozenset({"weights", "data", "initial", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def pacbayes_mag_orig(subject: Subject) -> Finding:
    """Noise in proportion to each weight, and the distance from the origin."""
    flat = subject.flatness
    return flat.finding(
        {"sigma": flat.magnitude_sigma},
        lambda sigma: _magnitude_noise_term(flat.squared_norm, flat.moved, sigma, MAGNITUDE_EPS, subject.n),
    )


@register(
    name="sharpness_mag_init",
    formula="1/4 sum_i ln((eps^2 + (alpha'^2 + 4 ln(2 omega / delta)) ||w - w0||^2 / omega)"
    " / (eps^2 + alpha'^2 |w_i - w0_i|^2)) + ln(m / alpha') + 10",
    source=f"{JIANG}, equation 58",
    sign=1,
    needs=frozenset({"weights", "data", "initial", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def sharpness_mag_init(subject: Subject) -> Finding:
    """The worst perturbation in proportion to each weight, and the distance from initialisation; delta is 0.1."""
    flat = subject.flatness
    return flat.finding(
        {"alpha": flat.magnitude_alpha},
        lambda alpha: _magnitude_sharpness_term(flat.squared_distance, flat.moved, alpha, MAGNITUDE_EPS, subject.n),
    )


@register(
    name="sharpness_mag_orig",
    formula="1/4 sum_i ln((eps^2 + (alpha'^2 + 4 ln(2 omega / delta)) ||w||^2 / omega)"
    " / (eps^2 + alpha'^2 |w_i - w0_i|^2)) + ln(m / alpha') + 10",
    source=f"{JIANG}, equation 59",
    sign=1,
    needs=frozenset({"weights", "data", "initial", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def sharpness_mag_orig(subject: Subject) -> Finding:
    """The worst perturbation in proportion to each weight, and the distance from the origin; delta is 0.1."""
    flat = subject.flatness
    return flat.finding(
        {"alpha": flat.magnitude_alpha},
        lambda alpha: _magnitude_sharpness_term(flat.squared_norm, flat.moved, alpha, MAGNITUDE_EPS, subject.n),
    )


@register(
    name="pacbayes_mag_flatness",
    formula="1 / sigma'^2",
    source=f"{JIANG}, equation 61",
    sign=1,
    needs=frozenset({"weights", "data", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def pacbayes_mag_flatness(subject: Subject) -> Finding:
    """How little noise in proportion to each weight takes a tenth off the accuracy."""
    flat = subject.flatness
    return flat.finding({"sigma": flat.magnitude_sigma}, lambda sigma: sigma**-2)


@register(
    name="sharpness_mag_flatness",
    formula="1 / alpha'^2",
    source=f"{JIANG}, equation 62",
    sign=1,
    needs=frozenset({"weights", "data", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def sharpness_mag_flatness(subject: Subject) -> Finding:
    """How small a box in proportion to each weight holds a perturbation that takes a tenth off the accuracy."""
    flat = subject.flatness
    return flat.finding({"alpha": flat.magnitude_alpha}, lambda alpha: alpha**-2)


def _noise_term(squared_norm: float, sigma: float, examples: int) -> float:
    """``squared_norm / (4 sigma^2) + ln(m / sigma) + 10`` (equations 48 and 49).

    >>> _noise_term(4.0, 1.0, 1)
    11.0
    """
    return squared_norm / (4 * sigma**2) + math.log(examples / sigma) + 10


def _sharpness_term(squared_norm: float, weights: int, alpha: float, sigma: float, examples: int) -> float:
    """``squared_norm ln(2 omega) / (4 alpha^2) + ln(m / sigma) + 10`` (equations 51 and 52), omega the ``weights``."""
    return squared_norm * math.log(2 * weights) / (4 * alpha**2) + math.log(examples / sigma) + 10


def _magnitude_noise_term(squared_norm: float, moved: Tensor, sigma: float, eps: float, examples: int) -> float:
    """Equations 56 and 57, with omega weights and ``moved`` the vector w - w0.

    ``1/4 sum_i ln((eps^2 + (sigma^2 + 1) squared_norm / omega) / (eps^2 + sigma^2 moved_i^2)) + ln(m / sigma) + 10``.
    """
    return _magnitude_term(squared_norm, moved, sigma, 1.0, eps, examples)


def _magnitude_sharpness_term(squared_norm: float, moved: Tensor, alpha: float, eps: float, examples: int) -> float:
    """Equations 58 and 59: ``_magnitude_noise_term`` with alpha for sigma and 4 ln(2 omega / delta) for its 1."""
    return _magnitude_term(squared_norm, moved, alpha, 4 * math.log(2 * moved.numel() / DELTA), eps, examples)


def _magnitude_term(squared_norm: float, moved: Tensor, scale: float, extra: float, eps: float, examples: int) -> float:
    above = eps**2 + (scale**2 + extra) * squared_norm / moved.numel()
    below = torch.log(eps**2 + scale**2 * moved.double() ** 2).sum()
    return (moved.numel() * math.log(above) - float(below)) / 4 + math.log(examples / scale) + 10
