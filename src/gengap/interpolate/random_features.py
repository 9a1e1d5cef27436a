"""Random features: finite maps whose inner products approach a kernel as their number grows."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from gengap.errors import InputError, unknown
from gengap.interpolate.checked import validated
from gengap.interpolate.triangular import Floats

Draw = Callable[[RandomState, tuple[int, int]], Floats]

# Spectral densities at bandwidth 1. Each fills its array row by row, so that more frequencies begin with the fewer.
SPECTRAL_DENSITIES: dict[str, Draw] = {
    "gaussian": lambda rng, shape: rng.standard_normal(shape),
    "laplacian": lambda rng, shape: rng.standard_cauchy(shape),
    "cauchy": lambda rng, shape: rng.laplace(size=shape),
}


class RandomFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What random feature maps share. The columns of one seed are nested: N of them begin those of any larger map.

    Subclasses draw ``frequencies_`` in ``_draw`` and give ``columns`` and ``scale``; n_features and random_state are
    their parameters.
    """

    n_features: int
    random_state: Any
    frequencies_: Floats

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Draws the frequencies for points X ``[n, d]``; their values do not matter."""
        if self.n_features < 1:
            raise InputError(f"n_features = {self.n_features}.", expected="at least 1")
        points = validated(self, X, dtype=np.float64)
        self.frequencies_ = self._draw(check_random_state(self.random_state), points.shape[1])
        self._n_features_out = self.n_features
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """The normalised features of points ``[m, d]``: ``[m, N]``; their inner products approach the kernel."""
        check_is_fitted(self)
        points = validated(self, X, dtype=np.float64, reset=False)
        return self.scale(self._n_features_out) * self.columns(points, 0, self._n_features_out)

    @abstractmethod
    def _draw(self, rng: RandomState, d: int) -> Floats:
        """The frequencies of all N columns."""

    @abstractmethod
    def columns(self, points: Floats, start: int, stop: int) -> Floats:
        """Columns start to stop - 1 before normalisation, ``[m, stop - start]``; they do not depend on N."""

    @abstractmethod
    def scale(self, count: int) -> float:
        """What the first ``count`` columns are multiplied by, so that inner products approach the kernel."""


class RandomFourierFeatures(RandomFeatures):
    r"""Cosines and sines of random projections, normalised: their inner products approach a kernel.

    :math:`\sqrt{2/N}\,(\cos\langle w_1, x\rangle, \sin\langle w_1, x\rangle, \cos\langle w_2, x\rangle, \dots)`.
    N counts real columns, cosines and sines separately, so that the interpolation threshold lies at N = n; an odd N
    ends with a cosine. Inner products approach, with an error of order 1/sqrt(N) and Delta = x - x',

    - ``"gaussian"``: exp(-||Delta||_2^2 / (2 s^2)), from normal frequencies;
    - ``"laplacian"``: exp(-||Delta||_1 / s), from Cauchy frequencies;
    - ``"cauchy"``: prod_i 1 / (1 + Delta_i^2 / s^2), from Laplace frequencies,

    for bandwidth s. These have product spectral densities; note the 1-norm in the Laplacian.

    Source: Rahimi and Recht 2007, where the Cauchy kernel is 2^d times ours; N as in Belkin et al. 2019
    (arXiv:1812.11118), whose curve peaks at n real columns.

    Args:
        kernel: ``"gaussian"``, ``"laplacian"`` or ``"cauchy"``.
        bandwidth: s, in units of x, above 0.
        n_features: N, at least 1.
        random_state: Seed of the frequencies, as scikit-learn takes it; with an integer, columns are nested in N.

    Attributes:
        frequencies_: w, ``[ceil(N / 2), d]``.

    Raises:
        InputError: In ``fit``: an unknown kernel, a bandwidth or N out of range, NaN.

    >>> RandomFourierFeatures(n_features=4, random_state=0).fit_transform([[0.0, 0.0]]).round(4)
    array([[0.7071, 0.    , 0.7071, 0.    ]])
    """

    def __init__(
        self, kernel: str = "gaussian", bandwidth: float = 1.0, n_features: int = 100, random_state: Any = None
    ):
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.n_features = n_features
        self.random_state = random_state

    def _draw(self, rng: RandomState, d: int) -> Floats:
        if self.kernel not in SPECTRAL_DENSITIES:
            raise unknown("kernel", self.kernel, SPECTRAL_DENSITIES)
        if not 0 < self.bandwidth < np.inf:
            raise InputError(f"bandwidth = {self.bandwidth}.", expected="a number above 0")
        return SPECTRAL_DENSITIES[self.kernel](rng, ((self.n_features + 1) // 2, d)) / self.bandwidth

    def columns(self, points: Floats, start: int, stop: int) -> Floats:
        """cos<w_k, x> in column 2k, sin<w_k, x> in column 2k + 1."""
        first = start // 2
        angles = points @ self.frequencies_[first : (stop + 1) // 2].T
        both = np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(len(points), -1)
        return both[:, start - 2 * first : stop - 2 * first]

    def scale(self, count: int) -> float:
        """sqrt(2 / N)."""
        return float(np.sqrt(2 / count))


class RandomReLUFeatures(RandomFeatures):
    r"""Random ReLU features :math:`\sqrt{2d/N}\,\max(\langle v_k, x\rangle, 0)`, v_k even on the unit sphere.

    Inner products approach the arc-cosine kernel of order 1, with an error of order 1/sqrt(N):
    ||x|| ||x'|| (sin t + (pi - t) cos t) / pi, where t is the angle between x and x'.

    Source: Cho and Saul 2009 for the kernel; Belkin et al. 2019 (arXiv:1812.11118) for the features.

    Args:
        n_features: N, at least 1.
        random_state: Seed of the frequencies, as scikit-learn takes it; with an integer, columns are nested in N.

    Attributes:
        frequencies_: v, ``[N, d]``.

    Raises:
        InputError: In ``fit``: N out of range, NaN.
    """

    def __init__(self, n_features: int = 100, random_state: Any = None):
        self.n_features = n_features
        self.random_state = random_state

    def _draw(self, rng: RandomState, d: int) -> Floats:
        drawn = rng.standard_normal((self.n_features, d))
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))

    def columns(self, points: Floats, start: int, stop: int) -> Floats:
        """max(<v_k, x>, 0) in column k."""
        return np.maximum(points @ self.frequencies_[start:stop].T, 0)

    def scale(self, count: int) -> float:
        """sqrt(2 d / N)."""
        return float(np.sqrt(2 * self.frequencies_.shape[1] / count))
