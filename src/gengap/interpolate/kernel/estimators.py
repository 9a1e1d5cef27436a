"""Kernel machines that interpolate: K alpha = y, the function of least norm through all points."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin

from gengap.arrays import Floats
from gengap.data import distinct
from gengap.errors import InputError
from gengap.interpolate.kernel.machine import KernelMachine
from gengap.interpolate.validation import check_classes, validated


class KernelInterpolator(RegressorMixin, KernelMachine):  # type: ignore[misc]
    r"""The function of least norm in a kernel's space that equals y at every training point.

    :math:`f(x) = \sum_i \alpha_i k(x, x_i)` with :math:`K \alpha = y`; outputs share K. Equal points with equal labels
    count once.

    Points are divided by the bandwidth s; with Delta = x - x' the kernels are

    - ``"gaussian"``: exp(-||Delta||_2^2 / (2 s^2));
    - ``"laplacian"``: exp(-||Delta||_2 / s), and ``"laplacian-product"``: exp(-||Delta||_1 / s);
    - ``"cauchy"``: 1 / (1 + ||Delta||_2^2 / s^2), and ``"cauchy-product"``: prod_d 1 / (1 + Delta_d^2 / s^2);
    - ``"linear"``: <x, x'> / s^2, which interpolates at most d points, and ``"polynomial"``:
      (<x, x'> / s^2 + offset)^degree;
    - ``"arc-cosine"``: ||x|| ||x'|| (sin t + (pi - t) cos t) / (pi s^2) for the angle t between x and x';
    - a ``NeuralTangent``: the tangent kernel of a small network, at x / s.

    ``cholesky`` factors K once, in time n^3 / 3: up to 1,536 points in float64, else in float32, and in float64 after
    all where that does not do and there is room. The factor preconditions conjugate gradients on K in float64 until the
    residual is reached. Where 12 n^2 bytes are available, K stays in memory beside the factor; else K is computed anew
    by tiles, and the factor takes 2 n^2 bytes. ``pcg`` factors nothing as large: it preconditions with ``rank`` columns
    of K and the blocks of K between points near each other, and stores K in float32 (2 n^2 bytes), of fewer points in
    float64, or computes it anew for every product where that does not fit. How many products it takes depends on the
    kernel and on ``tol``; where K is nearly singular in the precision in which it is stored, it may not get there.
    ``auto`` is ``cholesky`` up to 2,048 points, else the one that will be faster at the speeds of this machine, as they
    are measured once in a process.

    Source: Zhang, Bengio, Hardt, Recht and Vinyals 2017 (arXiv:1611.03530), section 5; Rahimi and Recht 2007 for the
    product forms, whose Cauchy kernel is 2^d times ours.

    Args:
        kernel: A name from above, or a ``NeuralTangent``.
        bandwidth: s, in units of x, above 0.
        degree: Of the polynomial, at least 1.
        offset: Of the polynomial, at least 0.
        solver: ``"auto"``, ``"cholesky"`` or ``"pcg"``.
        tol: The residual to reach, above 0 and below 1.
        max_iter: Most products with K, at least 1.
        rank: Columns in the preconditioner of ``pcg``; 8 sqrt(n) by default.
        max_memory: Bytes that fitting may add to what is in use; by default what is available now.
        device: Where tiles are computed and held, as PyTorch names it; by default a GPU if there is one.
        progress: True shows bars on stderr; a function is called with each phase's name and the fraction done.
        random_state: Seed of the columns drawn by ``pcg``; a ``RandomState`` or None draws one.

    Attributes:
        dual_coef_: alpha for the distinct points, ``[n, C]``, float64.
        norms_: sqrt(alpha^T K alpha) of each output, ``[C]``; NaN where its square may differ from the interpolant's,
            y^T K^-1 y, by more than 1 % of it: by an estimated bound on 2 alpha^T r + r^T K^-1 r for r = y - K alpha,
            and on rounding, or because K's least eigenvalues are not resolved from rounding. What misses y by a small
            residual is then another function than the interpolant, of a norm that may be far smaller.
        norm_: The root of the sum of their squares, or NaN likewise; ``norm_reason_`` says why, and is None else.
        train_error_: Mean squared error on the distinct points.
        residual_: Largest ||K alpha - y|| / ||y|| of any output, K in float64.
        condition_: Estimate of the condition number of K, from below: good to a small factor where a factor needs no
            jitter, and of ``pcg`` where it is moderate; else it may be thousands of times too low. At most 4.5e15, the
            largest that float64 resolves, and of ``pcg`` with K in float32 8.4e6.
        jitter_: Largest number added to the diagonal before factoring: 0 unless K is not positive definite in the
            factor's precision. The solution is that of K itself.
        n_iter_: Products with K.
        solver_, solver_reason_: Which solver ran, and why.
        peak_memory_bytes_: Largest resident memory of the process while fitting (Linux, whose own record of it,
            VmHWM, is set back to what is resident when fitting starts; elsewhere since the process's start).
        seconds_: Time that fitting took.

    Raises:
        InputError: In ``fit``: an unknown kernel or solver, a bandwidth or another number out of range, NaN, equal
            points with different labels, constant features, more points than fit in memory (with the bytes needed).

    Warns:
        ConvergenceWarning: The residual was not reached: K is too nearly singular for the precision in which it is
            factored or held, or max_iter too small. Residual and training error are then those of ``predict``.

    >>> KernelInterpolator(bandwidth=2.0).fit([[0.0], [1.0], [3.0]], [5.0, -2.0, 7.0]).predict([[1.0], [3.0]]).round(4)
    array([-2.,  7.])
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """The interpolant of points X ``[n, d]`` and values y ``[n]`` or ``[n, C]``."""
        x, labels = validated(self, X, y, multi_output=True, y_numeric=True, dtype=[np.float64, np.float32])
        try:
            labels = np.asarray(labels, dtype=np.float64)
        except ValueError as error:
            raise InputError(
                f"y holds what is no number: {error}.", expected="numbers; classes are for KernelInterpolatorClassifier"
            ) from error
        index = distinct(x, labels)
        values = labels[index].reshape(len(index), -1)
        fitted = self._interpolate(_at(x, index), values)
        self._output_shape = labels.shape[1:]
        with np.errstate(over="ignore"):
            self.train_error_ = float(np.mean((fitted - values) ** 2))
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Values of the function at points X ``[m, d]``: ``[m]``, or ``[m, C]`` if y had two axes."""
        values = self._values(X)
        return values.reshape(len(values), *self._output_shape)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class KernelInterpolatorClassifier(ClassifierMixin, KernelMachine):  # type: ignore[misc]
    """``KernelInterpolator`` of the classes' one-hot codes, 0 and 1: the largest output is the class.

    Arguments and attributes are those of ``KernelInterpolator``, but for these.

    Attributes:
        classes_: The classes, ascending, ``[C]``.
        train_error_: Fraction of the distinct points that get another class than theirs.

    Raises:
        InputError: In ``fit``: as ``KernelInterpolator``, and where y has one class only.

    >>> KernelInterpolatorClassifier().fit([[0.0], [1.0], [3.0]], ["b", "a", "b"]).predict([[1.1], [2.9]]).tolist()
    ['a', 'b']
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """The classifier of points X ``[n, d]`` and classes y ``[n]``, of which there are at least two."""
        x, labels = validated(self, X, y, dtype=[np.float64, np.float32])
        check_classes(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(f"y has one class only: {self.classes_[0]}.", expected="at least two classes")
        index = distinct(x, labels)
        fitted = self._interpolate(_at(x, index), np.eye(len(self.classes_))[codes[index]])
        self.train_error_ = float(np.mean(fitted.argmax(axis=1) != codes[index]))
        return self

    def decision_function(self, X: ArrayLike) -> Floats:
        """The outputs at points X ``[m, d]``: ``[m, C]``; for two classes the second's less the first's, ``[m]``."""
        values = self._values(X)
        return values[:, 1] - values[:, 0] if len(self.classes_) == 2 else values

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The classes of points X ``[m, d]``: ``[m]``."""
        best = self._values(X).argmax(axis=1)
        return np.asarray(self.classes_[best])


def _at(x: NDArray[Any], index: NDArray[np.int64]) -> NDArray[Any]:
    """The points at these places, ascending; no copy where it is all of them."""
    return x if len(index) == len(x) else x[index]
