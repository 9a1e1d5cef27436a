"""Coherence as it is reported: alpha with its errors, whole and by layer, alignments, and what examples contribute."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.seeds import generator


class Alpha(NamedTuple):
    """Coherence of N gradients, and how far it can be trusted.

    Attributes:
        alpha: The sample version ``||mean g||^2 / mean ||g||^2``, from 0 to 1; at least 1/N in expectation, since each
            example is paired with itself too.
        alpha_error: Its standard error over the draw of the examples, by the jackknife; None without a second pass.
            Near alpha = 0 it is up to a factor of the root of 2 too large, as the jackknife counts the variance of a
            sum over pairs twice (Efron and Stein 1981).
        m_coherence: ``N alpha``: how many examples a small step along one example's gradient helps.
        m_coherence_error: Likewise.
        unbiased: ``E[g . g'] / E[g . g]`` over pairs of different examples, which N does not move.
        unbiased_error: Likewise; None with fewer than 3 examples too.
        mean_squared_norm: ``mean ||g||^2``.
    """

    alpha: float
    alpha_error: float | None
    m_coherence: float
    m_coherence_error: float | None
    unbiased: float
    unbiased_error: float | None
    mean_squared_norm: float


class Contributions(NamedTuple):
    """What two groups of examples add to the squared norm of the mean gradient, and what chance would give.

    Attributes:
        pristine: ``f^p = <g, g^p> / <g, g>``, where g^p sums the gradients of the examples that are not corrupt.
        corrupt: ``f^c = 1 - f^p``.
        null_mean, null_low, null_high: ``f^p`` where the designation is permuted: mean, 2.5 % and 97.5 % quantile.
        null_p_value: Share of permutations with an ``f^p`` at least as far from their mean, this one counted too.
    """

    pristine: float
    corrupt: float
    null_mean: float
    null_low: float
    null_high: float
    null_p_value: float


@dataclass(frozen=True)
class Coherence:
    """The coherence of a network's gradients on N examples.

    Attributes:
        whole: Over all parameters.
        layers: Module's name -> over its parameters.
        losses: ``[N]``.
        norms: Norm of each example's gradient, ``[N]``.
        products: ``<g_n, sum of all g>``, ``[N]``; None without a second pass.
        fallback: Parameter's name -> why its gradients were formed; they count all the same.
        not_covered: Parameters that have no gradient: frozen ones, and those on which the loss does not depend.
        log_norms: Natural logarithms of the norms, ``[N]``; those of a cross entropy do not underflow.
        shares: ``products`` over their sum, ``[N]``; None without a second pass.
        cosines: Cosine of each example's gradient with the mean one, ``[N]``; likewise.
        layer_shares: Module's name -> its part of the summed squared norms.
        reason: Which of the norms, products and squares float64 cannot hold (they are 0); coherence is right all the
            same. None where it holds all.
    """

    whole: Alpha
    layers: Mapping[str, Alpha]
    losses: Floats
    norms: Floats
    products: Floats | None
    fallback: Mapping[str, str]
    not_covered: tuple[str, ...]
    log_norms: Floats
    shares: Floats | None
    cosines: Floats | None
    layer_shares: Mapping[str, float]
    reason: str | None

    @property
    def n(self) -> int:
        """Number of examples N."""
        return len(self.norms)

    @property
    def alpha(self) -> float:
        """The sample version over all parameters."""
        return self.whole.alpha

    @property
    def m_coherence(self) -> float:
        """``N alpha`` over all parameters."""
        return self.whole.m_coherence

    @property
    def alignments(self) -> Floats:
        """Cosine of each example's gradient with the mean gradient, ``[N]``; NaN where a gradient is 0.

        Raises:
            InputError: There was no second pass.
        """
        return self._second_pass(self.cosines)

    def contributions(self, corrupt: ArrayLike, *, permutations: int = 999, seed: int = 0) -> Contributions:
        """What pristine and corrupt examples add to the mean gradient, beside permuted designations.

        Source: Chatterjee 2020 (arXiv:2002.10657), section 3: f^p and f^c, and the null worlds.

        Args:
            corrupt: Whether each example is corrupt, ``[N]``.
            permutations: Of the designation, at least 1.
            seed: Of the permutations.

        Raises:
            InputError: Another number of flags, none or all of them set, or no second pass.
        """
        flags = np.asarray(corrupt, dtype=bool)
        if flags.shape != (self.n,) or flags.all() or not flags.any():
            raise InputError(
                f"{int(flags.sum())} of {flags.size} examples are corrupt.",
                expected=f"a flag for each of {self.n} examples, some set and some not",
            )
        parts = self._second_pass(self.shares)
        own = float(parts[~flags].sum())
        random = generator(seed, "permuted designation")
        null = np.array([parts[~random.permutation(flags)].sum() for _ in range(permutations)])
        away = np.abs(np.append(null, own) - null.mean())
        low, high = np.quantile(null, [0.025, 0.975])
        p_value = float((away >= away[-1] * (1 - 1e-12)).mean())
        return Contributions(own, 1 - own, float(null.mean()), float(low), float(high), p_value)

    def _second_pass(self, values: Floats | None) -> Floats:
        if values is None:
            raise InputError("There was one pass only.", next_step="coherence(…, errors=True)")
        return values


def alpha_of(squared_sum: float, squares: Floats, products: Floats | None) -> Alpha:
    """Coherence from ``A = ||sum g||^2``, squared norms ``q`` and products ``d = <g_n, sum g>``.

    The jackknife leaves out each example in turn: ``||sum - g_n||^2 = A - 2 d_n + q_n``.

    >>> alpha_of(4.0, np.array([1.0, 1.0]), None).alpha  # two equal gradients
    1.0
    """
    N, Q = len(squares), float(squares.sum())
    if Q == 0:
        return Alpha(np.nan, None, np.nan, None, np.nan, None, 0.0)
    sample, unbiased = squared_sum / (N * Q), (squared_sum - Q) / ((N - 1) * Q)
    errors: list[float | None] = [None, None]
    rest = Q - squares
    if products is not None and N > 2 and (rest > 0).all():
        without = squared_sum - 2 * products + squares
        leaves = (without / ((N - 1) * rest), (without - rest) / ((N - 2) * rest))
        errors = [float(np.sqrt((N - 1) / N * np.square(leaf - leaf.mean()).sum())) for leaf in leaves]
    m_error = None if errors[0] is None else N * errors[0]
    return Alpha(sample, errors[0], N * sample, m_error, unbiased, errors[1], Q / N)


def minibatch_alpha(alpha: float, size: int) -> float:
    """Alpha of mean gradients of minibatches drawn with replacement: ``k alpha / (1 + (k - 1) alpha)``.

    Source: Chatterjee and Zielinski 2020 (arXiv:2008.01217), properties of alpha.

    Args:
        alpha: Of single gradients, in [0, 1].
        size: Examples k of a minibatch, at least 1.

    Raises:
        InputError: One is out of its range. Estimates such as ``Alpha.unbiased`` may be below 0.

    >>> minibatch_alpha(0.5, 3)
    0.75
    """
    if not 0 <= alpha <= 1 or not size >= 1:
        raise InputError(f"alpha = {alpha:g}, size = {size:g}.", expected="alpha from 0 to 1, and a size of at least 1")
    return size * alpha / (1 + (size - 1) * alpha)
