"""What kernel machines share: the solution of K alpha = y, its residual and norm."""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from gengap.arguments import real_number, shown, whole_number
from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.interpolate.device import torch_device
from gengap.interpolate.validation import random_state, validated

if TYPE_CHECKING:
    import torch

    from gengap.interpolate.kernel.formulas import Kernel
    from gengap.interpolate.kernel.neural_tangent import NeuralTangent
    from gengap.interpolate.kernel.solvers import PhaseProgress

_TILE = 1024  # rows of a tile
# Largest distance from the mean, in bandwidths, at which float64 resolves a millionth of the bandwidth, and float32 a
# hundred-thousandth.
_FARTHEST = (1e9, 100.0)
_LARGEST, _LEAST = (1e75, 1e9), 1e-9  # of features whose squares, and those of inner products, have room in either


class KernelMachine(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
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
        progress: "bool | PhaseProgress" = False,
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

        from gengap.interpolate.kernel.formulas import named_kernel
        from gengap.interpolate.kernel.solvers import KernelTiles, plan, predicted_seconds, solve
        from gengap.interpolate.memory import PeakMemory, available_bytes

        started = time.perf_counter()
        self._check_numbers()
        seed = _seed(self.random_state)
        self._kernel, self._bandwidth = named_kernel(self.kernel, self.degree, self.offset), float(self.bandwidth)
        device = torch_device(self.device)
        x, self._centre = centred(x, self._kernel, self._bandwidth)
        scale = _powers_of_two(values)
        values = values / scale
        peak = PeakMemory(device)
        with torch.inference_mode(), _phase_progress(self.progress) as report:
            tiles = KernelTiles(self._kernel, self._mapped(x, device), _TILE)
            memory = available_bytes(device) if self.max_memory is None else self.max_memory
            chosen = plan(
                self.solver,
                len(x),
                values.shape[1],
                _TILE,
                tiles.points.nbytes,
                None if self.rank is None else int(self.rank),  # NumPy's small integers overflow
                int(memory),
                cpu=device.type == "cpu",
                seconds=partial(predicted_seconds, tiles, self.tol),
            )
            y = torch.from_numpy(values).to(device)
            result = solve(tiles, y, chosen, float(self.tol), int(self.max_iter), seed, report)
        self._points = tiles.points
        self.dual_coef_ = result.coefficients.cpu().numpy()
        left = result.left.cpu().numpy()
        squares, uncertain = (self.dual_coef_ * (values - left)).sum(axis=0), result.uncertain.cpu().numpy()
        if not _relative(left, values) <= self.tol:  # then alpha may be so large that rounding decides what is given
            with torch.inference_mode():
                left = values - self._outputs(tiles.points)
        self.residual_ = _relative(left, values)
        self.dual_coef_ = self.dual_coef_ * scale
        self.norms_, self.norm_ = _norms(squares, uncertain, scale)
        self.solver_, self.solver_reason_ = chosen.solver, chosen.reason
        self.jitter_, self.condition_, self.n_iter_ = result.jitter, result.condition, result.iterations
        self.norm_reason_ = _norm_reason(self.norm_, self.residual_, self.tol, self.condition_)
        self.peak_memory_bytes_, self.seconds_ = peak.read(), time.perf_counter() - started
        if not self.residual_ <= self.tol:
            warnings.warn(
                f"The residual is {self.residual_:.2g} after {self.n_iter_} products with K; tol = {self.tol:g}.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return np.asarray((values - left) * scale)

    def _check_numbers(self) -> None:
        real_number(self.bandwidth, "bandwidth", above=0)
        real_number(self.tol, "tol", above=0, below=1)
        whole_number(self.max_iter, "max_iter")
        for name in ("rank", "max_memory"):
            if getattr(self, name) is not None:
                whole_number(getattr(self, name), name)
        if not (isinstance(self.progress, bool) or callable(self.progress)):
            raise InputError(f"progress = {shown(self.progress)}.", expected="True, False or a function")

    def _mapped(self, x: NDArray[Any], device: "torch.device") -> "torch.Tensor":
        """Points as the kernel takes them: centred if it is stationary, divided by the bandwidth."""
        import torch

        scaled = x - self._centre
        scaled /= x.dtype.type(self._bandwidth)
        points = torch.from_numpy(scaled).to(device)
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
        result = alpha.new_zeros(len(points), alpha.shape[1])
        trained = list(zip(torch.split(self._points, _TILE), torch.split(alpha, _TILE), strict=True))
        for rows, out in zip(torch.split(points, _TILE), torch.split(result, _TILE), strict=True):
            for block, weights in trained:
                out += self._kernel.between(rows.double(), block.double()) @ weights
        return np.asarray(result.cpu().numpy())


def centred(x: NDArray[Any], kernel: "Kernel", bandwidth: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """The points in a precision that resolves their distances at this bandwidth, and what they are centred on.

    Args:
        x: Points, ``[n, d]``.
        kernel: A stationary one is centred on the points' mean, any other on zero.
        bandwidth: In units of x, above 0.

    Raises:
        InputError: Features so far from the centre that float64 does not resolve them.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        centre = x.mean(axis=0) if kernel.stationary else np.zeros(x.shape[1], x.dtype)
        widest = float(max((x.max(axis=0) - centre).max(), (centre - x.min(axis=0)).max()))
    reach = widest / bandwidth
    largest, narrow = _FARTHEST if kernel.stationary else _LARGEST
    if not reach <= largest:
        raise InputError(
            f"bandwidth = {bandwidth}: features lie up to {reach:.2g} of it from "
            f"{'their mean' if kernel.stationary else 'zero'}.",
            expected=f"at most {largest:.2g}, as far as float64 resolves points",
            next_step="take a larger bandwidth, or scale the features",
        )
    if not _LEAST <= reach <= narrow:
        x = x.astype(np.float64)
        centre = x.mean(axis=0) if kernel.stationary else centre.astype(np.float64)
    return x, centre


def _relative(left: Floats, values: Floats) -> float:
    """Largest ||left|| / ||values|| of a column."""
    lengths = np.maximum(np.linalg.norm(values, axis=0), np.finfo(float).tiny)
    return float((np.linalg.norm(left, axis=0) / lengths).max())


def _powers_of_two(values: Floats) -> Floats:
    """For each column that which brings its largest value between 1/2 and 1: no square under- or overflows then."""
    return np.asarray(np.exp2(np.frexp(np.abs(values).max(axis=0))[1].clip(-1000, 1000).astype(float)))


def _seed(value: Any) -> int:
    """An integer as it is, else one drawn as scikit-learn draws."""
    generator = random_state(value)
    return int(value) if isinstance(value, Integral) else int(generator.randint(2**31 - 1))


def _norms(squares: Floats, uncertain: Floats, scale: Floats) -> tuple[Floats, float]:
    """The norm of each column, ``[C]``, and the root of the sum of their squares; NaN where it is too uncertain.

    Args:
        squares: Squared norms at labels divided by ``scale``, ``[C]``.
        uncertain: Bounds on how far those of the interpolant are from them, ``[C]``.
        scale: Powers of two, ``[C]``.
    """
    from gengap.interpolate.kernel.solvers.solution import LARGEST_UNCERTAINTY

    with np.errstate(invalid="ignore"):
        each = np.where(uncertain <= LARGEST_UNCERTAINTY * squares, np.sqrt(squares), np.nan) * scale
    relative = scale / scale.max()
    together, of_it = (float((part * relative**2)[part > 0].sum()) for part in (squares, uncertain))
    known = not (squares < 0).any() and of_it <= LARGEST_UNCERTAINTY * together
    return each, together**0.5 * float(scale.max()) if known else np.nan


def _norm_reason(norm: float, residual: float, tol: float, condition: float) -> str | None:
    """Why a norm is NaN; None where it is not."""
    if not np.isnan(norm):
        return None
    if not residual <= tol:
        return f"the residual of K alpha = y is {residual:.2g}, above {tol:g}: this is no solution"
    return (
        f"the kernel matrix is so nearly singular (condition at least {condition:.2g}) that a function which misses "
        f"the labels by {residual:.1g} of them may have another norm than the interpolant"
    )


@contextmanager
def _phase_progress(progress: "bool | PhaseProgress") -> "Iterator[PhaseProgress]":
    """What to call with each phase and fraction: bars on stderr for True, nothing for False, else ``progress``."""
    if callable(progress):
        yield progress
        return
    if not progress:
        yield lambda phase, done: None
        return
    from rich.progress import Progress

    from gengap.bars import Bars

    with Bars(*Progress.get_default_columns(), shown=True) as bars:
        tasks: dict[str, Any] = {}

        def report(phase: str, done: float) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=1.0)
            bars.update(tasks[phase], completed=done)

        yield report
