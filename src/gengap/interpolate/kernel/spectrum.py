"""The eigenvectors of a kernel's matrix, from which every ridge and every stop of gradient descent follows."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh
from sklearn.utils import check_array

from gengap.arguments import real_number, whole_number
from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.interpolate.kernel.machine import centred
from gengap.interpolate.validation import points_and_values

Filter = Callable[[Floats], Floats]
"""From the eigenvalues of K, all at least 0, to what stands in place of their reciprocals."""


def ridge(strength: float) -> Filter:
    """1 / (s + strength): the coefficients (K + strength I)^-1 y of ridge regression.

    Args:
        strength: Above 0; with (1/n) sum of squares + lambda ||f||^2 as what is minimised it is n lambda.

    Raises:
        InputError: The strength is out of its range.

    >>> ridge(1.0)(np.array([0.0, 3.0])).tolist()
    [1.0, 0.25]
    """
    strength = real_number(strength, "strength", above=0)
    return lambda values: 1 / (values + strength)


def early_stopping(steps: int) -> Filter:
    r"""(1 - (1 - s / s_max)^steps) / s: the coefficients after some steps of gradient descent from 0.

    :math:`\alpha_{t+1} = \alpha_t + (y - K \alpha_t) / s_{\max}`, which is gradient descent on the squared loss in the
    kernel's space, with the largest eigenvalue's reciprocal as the step.

    Args:
        steps: At least 1.

    Raises:
        InputError: The number of steps is out of its range. The filter raises it where every eigenvalue is 0.

    >>> early_stopping(2)(np.array([0.0, 1.0, 2.0])).tolist()
    [1.0, 0.75, 0.5]
    """
    steps = whole_number(steps, "steps")

    def coefficients(values: Floats) -> Floats:
        largest = values.max()
        if not largest > 0:
            raise InputError(
                "Every eigenvalue of the kernel matrix is 0, so gradient descent has no step.",
                expected="a kernel that is not 0 at all training points",
                next_step="take another kernel, or other points",
            )
        share = values / largest
        with np.errstate(divide="ignore", invalid="ignore"):
            done = -np.expm1(steps * np.log1p(-share)) / values
        return np.asarray(np.where(values > 0, done, steps / largest))

    return coefficients


class KernelSpectrum:
    r"""K = V diag(s) V^T of some points, and the functions sum_i alpha_i k(x, x_i) with alpha = V g(s) V^T y.

    One decomposition, in time O(n^3) and with 4 n^2 numbers in float64, serves all filters g, all values y.

    Args:
        X: Training points, ``[n, d]``.
        kernel: A name that ``KernelInterpolator`` knows.
        bandwidth: As there, above 0.

    Attributes:
        values: s, ``[n]``, ascending; rounding below 0 is taken for 0.
        vectors: V, ``[n, n]``.

    Raises:
        InputError: NaN, an unknown kernel, a bandwidth out of range, points too far away for it, or more than fits in
            memory.

    >>> line = KernelSpectrum([[-1.0], [1.0]], "linear")
    >>> line.predict([[3.0]], [-2.0, 2.0], [ridge(1e-9)])[0].round(4).tolist()
    [[6.0]]
    """

    def __init__(self, X: ArrayLike, kernel: str = "gaussian", bandwidth: float = 1.0):
        import torch

        from gengap.interpolate.kernel.formulas import named_kernel
        from gengap.interpolate.memory import available_bytes

        self._bandwidth = real_number(bandwidth, "bandwidth", above=0)
        self._kernel = named_kernel(kernel)
        points = _points(X)
        needed, free = 8 * 4 * len(points) ** 2, available_bytes(torch.device("cpu"))
        if needed > free:
            raise InputError(
                f"The eigenvectors of {len(points):,} points need {needed:,} bytes, and {free:,} are available.",
                expected="a problem that fits in memory",
                next_step="take fewer points",
            )
        points, self._centre = centred(points, self._kernel, self._bandwidth)
        self._points = self._mapped(points)
        values, self.vectors = eigh(self._between(self._points), driver="evd", overwrite_a=True, check_finite=False)
        self.values: Floats = np.maximum(values, 0.0)

    def predict(self, X: ArrayLike, y: ArrayLike, filters: Sequence[Filter]) -> list[Floats]:
        """Values at points X ``[m, d]`` of the functions fitted to y ``[n]`` or ``[n, K]``: ``[m, K]`` each."""
        _, values = points_and_values(self._points, y)
        rotated = self.vectors.T @ values.reshape(len(values), -1)
        across = self._across(X)
        return [across @ (one(self.values)[:, None] * rotated) for one in filters]

    def weights(self, X: ArrayLike, filter_: Filter) -> Floats:
        """The smoother: ``[m, n]``, whose product with y is what is predicted at points X ``[m, d]``."""
        return np.asarray((self._across(X) * filter_(self.values)) @ self.vectors.T)

    def _across(self, X: ArrayLike) -> Floats:
        """k(x, x_i) of points x and training points x_i, times V: ``[m, n]``."""
        points = _points(X)
        if points.shape[1] != len(self._centre):
            raise InputError(f"Points have {points.shape[1]} features, training points {len(self._centre)}.")
        return np.asarray(self._between(self._mapped(points)) @ self.vectors)

    def _mapped(self, points: Floats) -> Floats:
        return np.asarray((points - self._centre) / self._bandwidth)

    def _between(self, points: Floats) -> Floats:
        import torch

        with torch.inference_mode():
            return np.asarray(self._kernel.between(torch.from_numpy(points), torch.from_numpy(self._points)).numpy())


def _points(X: ArrayLike) -> Floats:
    try:
        return np.asarray(check_array(X, dtype=np.float64))
    except (ValueError, TypeError) as error:
        raise InputError(str(error)) from error
