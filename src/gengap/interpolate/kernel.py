"""Kernel machines that interpolate: K alpha = y, the function of least norm through all points."""

import time
import warnings
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.interpolate.checked import validated
from gengap.interpolate.distinct import distinct
from gengap.interpolate.kernel_norms import norm_reason, norms

if TYPE_CHECKING:
    import torch

    from gengap.interpolate.kernels import NeuralTangent
    from gengap.interpolate.solvers import Report

_TILE = 1024  # rows of a tile
# So many bandwidths from the mean at most float64 tells a feature to a millionth of the bandwidth, and float32 to a
# hundred-thousandth.
_FARTHEST = (1e9, 100.0)
_LARGEST, _LEAST = (1e75, 1e9), 1e-9  # of features whose squares, and those of inner products, have room in either


class _KernelMachine(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What the regressor and the classifier share: the solution of K alpha = y and its attributes."""

    def __init__(
        self,
        kernel: "str | NeuralTangent" = "gaussian",
        bandwidth: float = 1.0,
        *,
        degree: int = 3,
        offset: float = 1.0,
        solver: str = "auto",
        tol: float = 1e-6,
        max_iter: int = 1000,
        rank: int | None = None,
        max_memory: int | None = None,
        device: str | None = None,
        progress: "bool | Report" = False,
        random_state: "int | np.random.RandomState | None" = 0,
    ):
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.degree = degree
        self.offset = offset
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.rank = rank
        self.max_memory = max_memory
        self.device = device
        self.progress = progress
        self.random_state = random_state

    def _interpolate(self, x: NDArray[Any], values: Floats) -> Floats:
        """Solves for distinct points and their values ``[n, C]``; returns what the solution gives there."""
        import torch

        from gengap.interpolate.kernels import named_kernel
        from gengap.interpolate.solvers import KernelTiles, PeakMemory, available_bytes, plan, reporting, solve

        started = time.perf_counter()
        self._check_numbers()
        seed = _seed(self.random_state)
        self._kernel, self._bandwidth = named_kernel(self.kernel, self.degree, self.offset), float(self.bandwidth)
        device = _device(self.device)
        x = self._told_apart(x)
        scale = _powers_of_two(values)
        values = values / scale
        peak = PeakMemory(device)
        with torch.inference_mode(), reporting(self.progress) as report:
            tiles = KernelTiles(self._kernel, self._mapped(x, device), _TILE)
            memory = available_bytes(device) if self.max_memory is None else self.max_memory
            chosen = plan(self.solver, len(x), values.shape[1], _TILE, tiles.points.nbytes, self.rank, memory)
            y = torch.from_numpy(values).to(device)
            found = solve(tiles, y, chosen, self.tol, self.max_iter, seed, report)
        self._points = tiles.points
        self.dual_coef_ = found.coefficients.cpu().numpy()
        left = found.left.cpu().numpy()
        squares, uncertain = (self.dual_coef_ * (values - left)).sum(axis=0), found.uncertain.cpu().numpy()
        if not _relative(left, values) <= self.tol:  # then alpha may be so large that rounding decides what is given
            with torch.inference_mode():
                left = values - self._outputs(tiles.points)
        self.residual_ = _relative(left, values)
        self.dual_coef_ = self.dual_coef_ * scale
        self.norms_, self.norm_ = norms(squares, uncertain, scale)
        self.solver_, self.solver_reason_ = chosen.solver, chosen.reason
        self.jitter_, self.condition_, self.n_iter_ = found.jitter, found.condition, found.iterations
        self.norm_reason_ = norm_reason(self.norm_, self.residual_, self.tol, self.condition_)
        self.peak_memory_bytes_, self.seconds_ = peak.read(), time.perf_counter() - started
        if not self.residual_ <= self.tol:
            warnings.warn(
                f"The residual is {self.residual_:.2g} after {self.n_iter_} products with K; tol = {self.tol:g}.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return np.asarray((values - left) * scale)

    def _check_numbers(self) -> None:
        if not (isinstance(self.bandwidth, Real) and 0 < self.bandwidth < np.inf):
            raise InputError(f"bandwidth = {self.bandwidth!r}.", expected="a number above 0")
        if not (isinstance(self.tol, Real) and 0 < self.tol < 1):
            raise InputError(f"tol = {self.tol!r}.", expected="a number between 0 and 1")
        for name in ("max_iter", "rank"):
            value = getattr(self, name)
            if (value is not None or name == "max_iter") and not (isinstance(value, Integral) and value >= 1):
                raise InputError(f"{name} = {value!r}.", expected="a whole number, at least 1")

    def _told_apart(self, x: NDArray[Any]) -> NDArray[Any]:
        """The points in a precision that tells their distances at this bandwidth; sets what they are centred at."""
        with np.errstate(over="ignore", invalid="ignore"):
            centre = x.mean(axis=0) if self._kernel.stationary else np.zeros(x.shape[1], x.dtype)
            widest = float(max((x.max(axis=0) - centre).max(), (centre - x.min(axis=0)).max()))
        reach = widest / self._bandwidth
        largest, narrow = _FARTHEST if self._kernel.stationary else _LARGEST
        if not reach <= largest:
            raise InputError(
                f"bandwidth = {self.bandwidth}: features lie up to {reach:.2g} of it from "
                f"{'their mean' if self._kernel.stationary else 'zero'}.",
                expected=f"at most {largest:.2g}, as far as float64 tells points apart",
                next_step="take a larger bandwidth, or scale the features",
            )
        if not _LEAST <= reach <= narrow:
            x = x.astype(np.float64)
            centre = x.mean(axis=0) if self._kernel.stationary else centre.astype(np.float64)
        self._centre = centre
        return x

    def _mapped(self, x: NDArray[Any], device: "torch.device") -> "torch.Tensor":
        """Points as the kernel takes them: centred if it is stationary, divided by the bandwidth."""
        import torch

        points = torch.from_numpy((x - self._centre) / x.dtype.type(self._bandwidth)).to(device)
        return self._kernel.features(points) if self._kernel.features else points

    def _values(self, X: ArrayLike) -> Floats:
        """The function at points ``[m, d]``: ``[m, C]``, from tiles in float64."""
        import torch

        check_is_fitted(self)
        x = validated(self, X, reset=False, dtype=[np.float64, np.float32])
        with torch.inference_mode():
            return self._outputs(self._mapped(x.astype(self._centre.dtype), self._points.device))

    def _outputs(self, points: "torch.Tensor") -> Floats:
        """The function at points as the kernel takes them."""
        import torch

        alpha = torch.from_numpy(self.dual_coef_).to(points.device)
        found = alpha.new_zeros(len(points), alpha.shape[1])
        trained = list(zip(torch.split(self._points, _TILE), torch.split(alpha, _TILE), strict=True))
        for rows, out in zip(torch.split(points, _TILE), torch.split(found, _TILE), strict=True):
            for block, weights in trained:
                out += self._kernel.between(rows.double(), block.double()) @ weights
        return np.asarray(found.cpu().numpy())


def _relative(left: Floats, values: Floats) -> float:
    """Largest ||left|| / ||values|| of a column."""
    lengths = np.maximum(np.linalg.norm(values, axis=0), np.finfo(float).tiny)
    return float((np.linalg.norm(left, axis=0) / lengths).max())


def _powers_of_two(values: Floats) -> Floats:
    """For each column that which brings its largest value between 1/2 and 1: no square under- or overflows then."""
    return np.asarray(np.exp2(np.frexp(np.abs(values).max(axis=0))[1].clip(-1000, 1000).astype(float)))


def _seed(random_state: Any) -> int:
    """An integer as it is, else one drawn as scikit-learn draws."""
    try:
        generator = check_random_state(random_state)
    except ValueError as error:
        raise InputError(f"random_state = {random_state!r}.", expected="a seed, a RandomState or None") from error
    return int(random_state) if isinstance(random_state, Integral) else int(generator.randint(2**31 - 1))


def _device(name: str | None) -> "torch.device":
    import torch

    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InputError(
            f"device = {name!r} cannot be used: {str(error).splitlines()[0]}.", expected="a device of this PyTorch"
        ) from error
    return device


class KernelInterpolator(RegressorMixin, _KernelMachine):  # type: ignore[misc]
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

    ``cholesky`` factors K once, in time n^3 / 3, and holds the lower triangle: up to 4,096 points in float64, else in
    float32 (2 n^2 bytes), and in float64 after all where that does not do and there is room. The factor preconditions
    conjugate gradients on K computed anew in float64 until the residual is reached. ``pcg`` factors nothing as large:
    it preconditions with ``rank`` columns of K and the blocks of K between points near each other, and holds K in
    float32 (2 n^2 bytes), of fewer points in float64, or computes it anew for every product where that does not fit.
    How many products it takes depends on the kernel and on ``tol``; where K is nearly singular in the precision in
    which it is held, it may not get there. ``auto`` is ``cholesky`` up to 4,096 points, else ``pcg``.

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
        progress: True shows bars on stderr; a function is told each phase's name and the fraction of it that is done.
        random_state: Seed of the columns drawn by ``pcg``; a ``RandomState`` or None draws one.

    Attributes:
        dual_coef_: alpha for the distinct points, ``[n, C]``, float64.
        norms_: sqrt(alpha^T K alpha) of each output, ``[C]``; NaN where its square may differ from the interpolant's,
            y^T K^-1 y, by more than 1 % of it: by an estimated bound on 2 alpha^T r + r^T K^-1 r for r = y - K alpha,
            and on rounding, or because K's least eigenvalues cannot be told from rounding. What misses y by a small
            residual is then another function than the interpolant, of a norm that may be far smaller.
        norm_: The root of the sum of their squares, or NaN likewise; ``norm_reason_`` tells why, and is None else.
        train_error_: Mean squared error on the distinct points.
        residual_: Largest ||K alpha - y|| / ||y|| of any output, K in float64.
        condition_: Estimate of the condition number of K, from below: good to a small factor where a factor needs no
            jitter, and of ``pcg`` where it is moderate; else it may be thousands of times too low.
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
        fitted = self._interpolate(x[index], values)
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


class KernelInterpolatorClassifier(ClassifierMixin, _KernelMachine):  # type: ignore[misc]
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
        try:
            check_classification_targets(labels)
        except ValueError as error:
            raise InputError(str(error)) from error
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(f"y has one class only: {self.classes_[0]}.", expected="at least two classes")
        index = distinct(x, labels)
        fitted = self._interpolate(x[index], np.eye(len(self.classes_))[codes[index]])
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
