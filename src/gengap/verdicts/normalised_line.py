"""The line of normalised test loss against normalised training loss, and what is left of it beyond its common point.

Normalised logits are tiny, so that each loss is ln C less a small signal: every network lies near (ln C, ln C), and
networks whose test signal is one and the same part of their training signal lie on one line through that point. So a
high R2 alone shows no more than that the ratio of the signals varies less than the signals do. ``Remainder`` asks what
is left: whether the ratio depends on the training loss, and whether R2 is higher than ratios dealt at random give.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.seeds import generator

Interval = tuple[float, float]
RESAMPLES = 2000
FEWEST = 3  # points, so that something is left beside a line's two parameters
CONFIDENCE = 0.95
TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


@dataclass(frozen=True)
class Line:
    """An ordinary least-squares line y = slope x + intercept through n points.

    Attributes:
        n: Number of points.
        slope, intercept, r2, adjusted_r2, rmse: As usual; ``rmse`` has n - 2 degrees of freedom, as MATLAB's
            ``fitlm``; ``adjusted_r2`` is 1 - (1 - R2) (n - 1) / (n - 2).
        fixed_point: Where the line meets y = x: intercept / (1 - slope).
        intervals: By name of these, 95 % intervals: Student's t for slope and intercept, percentiles of a
            bootstrap over points for the others.
    """

    n: int
    slope: float
    intercept: float
    r2: float
    adjusted_r2: float
    rmse: float
    fixed_point: float
    intervals: dict[str, Interval]


@dataclass(frozen=True)
class Remainder:
    """What is left of a line when the point (ln C, ln C) is taken out.

    With d = ln C - loss, the ratio of a network is d_test / d_train: the line through (ln C, ln C) that it lies on.

    Attributes:
        ratio, ratio_deviation: Mean and standard deviation of the ratios.
        dealt_r2: The 95 % range of R2 when the ratios are dealt to the networks at random, their training losses
            kept: what a common point and the spread of the losses give by themselves.
        dealt_p: Share of such deals, our own order among them, whose R2 is at least ours: small where the line holds
            more than that.
        ratio_slope_p: p-value (two-sided t test) of the slope of ratio against normalised training loss.
        ratio_r2: Share of the ratios' variance that the normalised training loss explains.
    """

    ratio: float
    ratio_deviation: float
    dealt_r2: Interval
    dealt_p: float
    ratio_slope_p: float
    ratio_r2: float


def line(x: ArrayLike, y: ArrayLike, seed: int = 0) -> Line:
    """The least-squares line through points, with intervals.

    Source: Liao et al. 2018 (arXiv:1807.09659), the fits printed in Figures 4, 5, 6 and 10.

    Args:
        x: ``[n]``, at least 3 of them different.
        y: ``[n]``, not all equal.
        seed: Of the bootstrap.

    Raises:
        InputError: Fewer points, or coordinates all equal or not finite.

    >>> found = line([0, 1, 2], [1, 3, 5])
    >>> round(found.slope, 9), round(found.intercept, 9), round(found.r2, 9), round(found.fixed_point, 9)
    (2.0, 1.0, 1.0, -1.0)
    """
    from scipy import stats

    xs, ys = _points(x, y)
    n, distinct = len(xs), len(np.unique(xs))
    if distinct < FEWEST:
        raise InputError(f"The points have {distinct} different x.", expected=f"at least {FEWEST}, to resample them")
    fit = stats.linregress(xs, ys)
    own = {name: float(value) for name, value in _fits(xs, ys).items()}
    t = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 2))
    half = {"slope": t * float(fit.stderr), "intercept": t * float(fit.intercept_stderr)}
    intervals = {name: (own[name] - width, own[name] + width) for name, width in half.items()}
    return Line(n=n, intervals=intervals | _bootstrap(xs, ys, seed), **own)


def remainder(train_loss: ArrayLike, test_loss: ArrayLike, log_classes: float, seed: int = 0) -> Remainder:
    """What is left of the line of normalised losses when the point (ln C, ln C) is taken out.

    Args:
        train_loss: Normalised training losses of n networks in nats, ``[n]``, n at least 3.
        test_loss: Their normalised test losses.
        log_classes: ln C.
        seed: Of the deals.

    Raises:
        InputError: Fewer points, all equal or not finite, or a training loss of ln C, which has no ratio.
    """
    from scipy import stats

    xs, ys = _points(train_loss, test_loss)
    d_train, d_test = log_classes - xs, log_classes - ys
    if not d_train.all():
        raise InputError("A normalised training loss is ln C: the network answers alike for every class.")
    ratios = d_test / d_train
    own = float(_fits(xs, ys)["r2"])
    deals = generator(seed, "ratios dealt").permuted(np.tile(ratios, (RESAMPLES, 1)), axis=1)
    dealt = _fits(np.broadcast_to(d_train, deals.shape), deals * d_train)["r2"]
    against = stats.linregress(xs, ratios)
    low, high = np.quantile(dealt, TAILS)
    return Remainder(
        ratio=float(ratios.mean()),
        ratio_deviation=float(ratios.std(ddof=1)),
        dealt_r2=(float(low), float(high)),
        dealt_p=float((1 + (dealt >= own).sum()) / (1 + RESAMPLES)),
        ratio_slope_p=float(against.pvalue),
        ratio_r2=float(against.rvalue**2),
    )


def _points(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if xs.shape != ys.shape or xs.ndim != 1 or len(xs) < FEWEST:
        raise InputError(f"{xs.size} and {ys.size} coordinates make no line.", expected=f"{FEWEST} points at least")
    for name, values in (("x", xs), ("y", ys)):
        if not np.isfinite(values).all() or np.ptp(values) == 0:
            raise InputError(f"The points' {name} are all equal or not finite.", expected="points that differ")
    return xs, ys


def _fits(x: Floats, y: Floats) -> dict[str, Floats]:
    """Slope and so on of many sets of points ``[…, n]``.

    In the centred form, which keeps digits where points lie close together far from zero.
    """
    n = x.shape[-1]
    x_mean, y_mean = x.mean(-1), y.mean(-1)
    dx, dy = x - x_mean[..., None], y - y_mean[..., None]
    slope = (dx * dy).sum(-1) / (dx**2).sum(-1)
    residual, total = ((dy - slope[..., None] * dx) ** 2).sum(-1), (dy**2).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample may have one y, or a slope of 1
        r2 = 1 - residual / total
        fixed_point = x_mean + (y_mean - x_mean) / (1 - slope)
    return {
        "slope": slope,
        "intercept": y_mean - slope * x_mean,
        "r2": r2,
        "adjusted_r2": 1 - (1 - r2) * (n - 1) / (n - 2),
        "rmse": np.sqrt(residual / (n - 2)),
        "fixed_point": fixed_point,
    }


def _bootstrap(x: Floats, y: Floats, seed: int) -> dict[str, Interval]:
    """Percentile intervals over resamples in which three points at least differ."""
    drawn = generator(seed, "line").integers(0, len(x), (RESAMPLES, len(x)))
    distinct = np.array([len(set(x[i])) for i in drawn])
    usable = drawn[distinct >= FEWEST]
    result = _fits(x[usable], y[usable])
    intervals = {}
    for name in ("r2", "adjusted_r2", "rmse", "fixed_point"):
        low, high = np.nanquantile(result[name], TAILS)
        intervals[name] = (float(low), float(high))
    return intervals
