"""The interpolators by name: each fits points, and gives its errors, its solution and what else is known of it."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data import Points, distinct
from gengap.errors import InputError
from gengap.interpolate.kernel import median_bandwidth

VOTES = "it answers with labels, not with numbers that could miss them"
NO_SYSTEM = "it solves no linear system"


@dataclass(frozen=True)
class Setting:
    """Settings of the methods; None takes the method's default.

    Attributes:
        kernel: Name of the kernel, ``gaussian`` by default.
        bandwidth: Its bandwidth; by default half the median distance between 1,000 training points.
        solver: ``auto``, ``cholesky`` or ``pcg``.
        n_features: Random features; by default twice the training examples.
        n_trees: Trees of a forest, 100 by default; rounds of boosting, 500 by default.
        seed: Of everything drawn.
        progress: Whether a kernel machine shows progress on stderr.
    """

    kernel: str | None = None
    bandwidth: float | None = None
    solver: str | None = None
    n_features: int | None = None
    n_trees: int | None = None
    seed: int = 0
    progress: bool = False


@dataclass(frozen=True)
class Fit:
    """The outcome of a method.

    Attributes:
        train_error, test_error: Fractions of examples.
        norm: Of the solution: in the kernel's Hilbert space, of the coefficients, or of the output weights.
        residual: Largest error at a training point, in units of the labels' 0 and 1; of a kernel machine the largest
            ||K alpha - y|| / ||y|| of an output.
        jitter: Added to the kernel matrix's diagonal in its factor.
        solver: What solved it.
        reasons: Why a value above is None, by name.
        details: Further values by name.
    """

    train_error: float
    test_error: float
    norm: float | None
    residual: float | None
    jitter: float | None
    solver: str | None
    reasons: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """An interpolator by name.

    Attributes:
        fit: Fits points with a setting.
        takes: The fields of the setting that it uses, besides the seed.
        about: What it is, in a few words.
    """

    fit: Callable[[Points, Setting], Fit]
    takes: tuple[str, ...]
    about: str


def _kernel(points: Points, setting: Setting) -> Fit:
    from sklearn.exceptions import ConvergenceWarning

    from gengap.interpolate import KernelInterpolatorClassifier

    kernel = setting.kernel or "gaussian"
    bandwidth = _bandwidth(points, setting, kernel)
    solver, progress = setting.solver or "auto", setting.progress
    model = KernelInterpolatorClassifier(kernel, bandwidth, solver=solver, progress=progress, random_state=setting.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the residual is in the outcome
        model.fit(points.x, points.y)
    train_error = model.train_error_
    if train_error > 0 and len(model.dual_coef_) < len(points.x):  # it is of distinct points
        train_error = float(np.mean(model.predict(points.x) != points.y))
    known = bool(np.isfinite(model.condition_))
    reasons = {"norm": model.norm_reason_, "condition": None if known else "it is beyond float64"}
    return Fit(
        train_error,
        float(np.mean(model.predict(points.x_test) != points.y_test)),
        norm=None if model.norm_reason_ else model.norm_,
        residual=model.residual_,
        jitter=model.jitter_,
        solver=model.solver_,
        reasons={name: reason for name, reason in reasons.items() if reason},
        details={
            "kernel": kernel,
            "bandwidth": bandwidth,
            "condition": model.condition_ if known else None,
            "solver_reason": model.solver_reason_,
            "products_with_kernel": model.n_iter_,
        },
    )


def _random_features(points: Points, setting: Setting) -> Fit:
    from gengap.interpolate import RandomFourierFeatures, ridgeless_path

    kernel, count = setting.kernel or "gaussian", setting.n_features or 2 * len(points.x)
    bandwidth = 1.0 if kernel == "relu" and setting.bandwidth is None else _bandwidth(points, setting, kernel)
    features = RandomFourierFeatures(kernel, bandwidth, random_state=setting.seed)
    rows = distinct(points.x, points.y)
    if count < len(rows):  # least squares, where repeated examples count as often as they occur
        rows = np.arange(len(points.x))
    path = ridgeless_path(features, points.x[rows], points.targets[rows], points.x_test, points.targets_test, [count])
    point = path[0]
    if not point.reliable or point.train_error is None or point.test_error is None:
        raise InputError(
            f"Least squares on {count} random features cannot be solved: {point.reason}.",
            next_step="take a smaller --bandwidth or another --n-features",
        )
    details = {"kernel": kernel, "bandwidth": bandwidth, "n_features": count, "condition": point.condition}
    reasons = {"jitter": "the features' matrix is factored as it is"}
    return Fit(point.train_error, point.test_error, point.norm, point.residual, None, point.solver, reasons, details)


def _relu(points: Points, setting: Setting) -> Fit:
    from gengap.interpolate import ReLUInterpolator

    model = ReLUInterpolator(random_state=setting.seed).fit(points.x, points.targets)
    return Fit(
        _wrong(model.predict(points.x), points.y),
        _wrong(model.predict(points.x_test), points.y_test),
        norm=float(np.linalg.norm(model.weights_)),
        residual=model.residual_,
        jitter=None,
        solver="triangular",
        reasons={"jitter": "the triangular system is solved as it is"},
        details={"weights": model.n_weights_, "distinct_points": model.n_distinct_, "smallest_gap": model.min_gap_},
    )


def _pert(points: Points, setting: Setting) -> Fit:
    from gengap.interpolate.trees import PerfectRandomForest

    return _voting(PerfectRandomForest(setting.n_trees or 100, random_state=setting.seed), points, "a forest", setting)


def _forest(points: Points, setting: Setting) -> Fit:
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(setting.n_trees or 100, bootstrap=False, random_state=setting.seed)
    return _voting(model, points, "a forest", setting)


def _nearest(points: Points, setting: Setting) -> Fit:
    from sklearn.neighbors import KNeighborsClassifier

    return _voting(KNeighborsClassifier(1), points, "a nearest neighbour", None)


def _boosting(points: Points, setting: Setting) -> Fit:
    from gengap.interpolate.trees import l2_boosting

    rounds = setting.n_trees or 500
    path = l2_boosting(points.x, points.y, points.x_test, points.y_test, rounds=rounds, random_state=setting.seed)
    first = next((point.rounds for point in path if point.train_error == 0), None)
    return Fit(
        path[-1].train_error,
        path[-1].test_error,
        norm=None,
        residual=None,
        jitter=None,
        solver=None,
        reasons=_unsolved("a sum of trees", "only its squared training loss is known"),
        details={"rounds": rounds, "first_round_without_training_error": first, "train_loss": path[-1].train_loss},
    )


def _voting(model: Any, points: Points, what: str, setting: Setting | None) -> Fit:
    model.fit(points.x, points.y)
    return Fit(
        float(np.mean(model.predict(points.x) != points.y)),
        float(np.mean(model.predict(points.x_test) != points.y_test)),
        norm=None,
        residual=None,
        jitter=None,
        solver=None,
        reasons=_unsolved(what, VOTES),
        details={} if setting is None else {"n_trees": setting.n_trees or 100},
    )


def _unsolved(what: str, residual: str) -> dict[str, str]:
    return {"norm": f"{what} has none", "residual": residual, "jitter": NO_SYSTEM, "solver": NO_SYSTEM}


def _bandwidth(points: Points, setting: Setting, kernel: str) -> float:
    return median_bandwidth(points.x, kernel, setting.seed) if setting.bandwidth is None else setting.bandwidth


def _wrong(values: NDArray[Any], labels: NDArray[np.int64]) -> float:
    return float(np.mean(values.argmax(axis=1) != labels))


METHODS = {
    "kernel": Method(_kernel, ("kernel", "bandwidth", "solver"), "minimum-norm solution of K alpha = y"),
    "random-features": Method(_random_features, ("kernel", "bandwidth", "n_features"), "least squares of minimum norm"),
    "relu": Method(_relu, (), "two layers of ReLUs with 2n + d weights for each label"),
    "pert": Method(_pert, ("n_trees",), "perfect random trees"),
    "forest": Method(_forest, ("n_trees",), "a random forest without bootstrap"),
    "boosting": Method(_boosting, ("n_trees",), "L2-boosting of small trees"),
    "1-nn": Method(_nearest, (), "the nearest neighbour"),
}
