"""Random features: finite maps whose inner products approach a kernel as their number grows."""

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from gengap.arguments import real_number, whole_number
from gengap.arrays import Floats
from gengap.errors import InputError, unknown
from gengap.interpolate.validation import random_state, validated

_LARGEST_ANGLE = 1e12  # its cosine is off by 1e-4; a rare frequency of a heavy-tailed kernel may be as large


class Kernel(NamedTuple):
    """How a kernel's features are drawn and computed.

    Attributes:
        draw: ``draw(rng, count, d)`` gives frequencies at bandwidth 1, ``[count, d]``. It takes its random numbers row
            by row, so that more frequencies begin with the fewer.
        waves: Whether a frequency gives a cosine and a sine; else it gives one ReLU.
    """

    draw: Callable[[RandomState, int, int], Floats]
    waves: bool = True


def _multivariate_cauchy(rng: RandomState, count: int, d: int) -> Floats:
    """A normal vector over the length of another normal number: its transform is exp(-||Delta||_2)."""
    normal = rng.standard_normal((count, d + 1))
    return np.asarray(normal[:, :d] / np.abs(normal[:, d:]))


def _exponential_mixture(rng: RandomState, count: int, d: int) -> Floats:
    """N(0, 2 t I) with t exponential: int exp(-t) exp(-t r^2) dt = 1 / (1 + r^2). Two squared normals sum to 2 t."""
    normal = rng.standard_normal((count, d + 2))
    return np.asarray(normal[:, :d] * np.linalg.norm(normal[:, d:], axis=1, keepdims=True))


def _even_on_sphere(rng: RandomState, count: int, d: int) -> Floats:
    normal = rng.standard_normal((count, d))
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True))


KERNELS: dict[str, Kernel] = {
    "gaussian": Kernel(lambda rng, count, d: rng.standard_normal((count, d))),
    "laplacian": Kernel(_multivariate_cauchy),
    "laplacian-product": Kernel(lambda rng, count, d: rng.standard_cauchy((count, d))),
    "cauchy": Kernel(_exponential_mixture),
    "cauchy-product": Kernel(lambda rng, count, d: rng.laplace(size=(count, d))),
    "relu": Kernel(_even_on_sphere, waves=False),
}


class RandomFourierFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Random features of points, normalised: their inner products approach a kernel, with an error of 1/sqrt(N).

    For kernels of Delta = x - x' they are cosines and sines of random projections,
    :math:`\sqrt{2/N}\,(\cos\langle w_1, x\rangle, \sin\langle w_1, x\rangle, \cos\langle w_2, x\rangle, \dots)`.
    N counts real columns, cosines and sines separately, so that the interpolation threshold lies at N = n; an odd N
    ends with a cosine. For bandwidth s:

    - ``"gaussian"``: exp(-||Delta||_2^2 / (2 s^2)), from normal frequencies;
    - ``"laplacian"``: exp(-||Delta||_2 / s), from multivariate Cauchy frequencies;
    - ``"laplacian-product"``: exp(-||Delta||_1 / s), from independent Cauchy frequencies;
    - ``"cauchy"``: 1 / (1 + ||Delta||_2^2 / s^2), from normal frequencies of an exponential variance;
    - ``"cauchy-product"``: prod_i 1 / (1 + Delta_i^2 / s^2), from Laplace frequencies.

    With ``"relu"`` they are :math:`\sqrt{2d/N}\,\max(\langle v_k, x/s\rangle, 0)`, v_k even on the unit sphere: the
    arc-cosine kernel of order 1, ||x|| ||x'|| (sin t + (pi - t) cos t) / (pi s^2), t the angle between x and x'.

    Columns of one seed are nested: N of them begin, up to normalisation, those of any larger map.

    Source: Rahimi and Recht 2007, where the product Cauchy kernel is 2^d times ours; Cho and Saul 2009 for ReLUs; N
    as in Belkin et al. 2019 (arXiv:1812.11118), whose curve peaks at n real columns.

    Args:
        kernel: One of the six names.
        bandwidth: s, in units of x, above 0.
        n_features: N, at least 1.
        random_state: Seed of the frequencies, as scikit-learn takes it; with an integer, columns are nested in N.

    Attributes:
        frequencies_: w or v, over s: ``[ceil(N / 2), d]``, for ReLUs ``[N, d]``.

    Raises:
        InputError: In ``fit``: an unknown kernel, a bandwidth or N out of range, NaN. In ``transform``: points too far
            from 0 for the bandwidth.

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

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Draws the frequencies for points X ``[n, d]``; their values do not matter."""
        if not isinstance(self.kernel, str) or self.kernel not in KERNELS:
            raise unknown("kernel", self.kernel, KERNELS)
        bandwidth = real_number(self.bandwidth, "bandwidth", above=0)
        n_features = whole_number(self.n_features, "n_features")
        points = validated(self, X, dtype=np.float64)
        kernel = KERNELS[self.kernel]
        count = (n_features + 1) // 2 if kernel.waves else n_features
        drawn = kernel.draw(random_state(self.random_state), count, points.shape[1])
        with np.errstate(over="ignore"):
            self.frequencies_ = drawn / bandwidth
        if not np.isfinite(self.frequencies_).all():
            raise InputError(f"bandwidth = {bandwidth}: frequencies over it are beyond float64.")
        self._waves, self._n_features_out = kernel.waves, n_features
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """The normalised features of points ``[m, d]``: ``[m, N]``; their inner products approach the kernel."""
        check_is_fitted(self)
        points = validated(self, X, dtype=np.float64, reset=False)
        return self.scale(self._n_features_out) * self.columns(points, 0, self._n_features_out)

    def columns(self, points: Floats, start: int, stop: int) -> Floats:
        """Columns start to stop - 1 before normalisation, ``[m, stop - start]``; they do not depend on N.

        Column 2k is cos<w_k, x>, column 2k + 1 is sin<w_k, x>; with ReLUs column k is max(<v_k, x>, 0).
        """
        if not self._waves:
            return np.maximum(self._projections(points, start, stop), 0)
        first = start // 2
        angles = self._projections(points, first, (stop + 1) // 2)
        both = np.empty((len(points), 2 * angles.shape[1]))
        np.cos(angles, out=both[:, ::2])
        np.sin(angles, out=both[:, 1::2])
        return both[:, start - 2 * first : stop - 2 * first]

    def _projections(self, points: Floats, start: int, stop: int) -> Floats:
        """<w_k, x> for some frequencies, where float64 resolves them.

        Raises:
            InputError: A cosine of it would be rounding, or it is infinite: points too far away for the bandwidth.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            result = points @ self.frequencies_[start:stop].T
        largest = float(np.abs(result).max(initial=0.0))
        if not largest <= (_LARGEST_ANGLE if self._waves else np.finfo(np.float64).max):
            raise InputError(
                f"bandwidth = {self.bandwidth}: points lie so far from 0 that projections reach {largest:.2g}.",
                expected=f"at most {_LARGEST_ANGLE:g}, beyond which float64 does not resolve a cosine",
                next_step="centre the points, or take a larger bandwidth",
            )
        return np.asarray(result)

    def scale(self, count: int) -> float:
        """What the first ``count`` columns are multiplied by so that inner products approach the kernel.

        Args:
            count: At least 1.
        """
        ones = 1 if self._waves else self.frequencies_.shape[1]
        return float(np.sqrt(2 * ones / count))
