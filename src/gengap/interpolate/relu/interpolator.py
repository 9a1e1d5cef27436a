"""Theorem 1 of Zhang et al. 2017 as an estimator: two layers of ReLUs, 2n + d weights, any labels."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from gengap.arguments import whole_number
from gengap.arrays import Floats
from gengap.interpolate.relu.directions import projections, separating_line
from gengap.interpolate.relu.triangular import interpolating_segments
from gengap.interpolate.validation import random_state, validated

if TYPE_CHECKING:
    import torch

    from gengap.interpolate.relu.network import ReLUNetwork


class ReLUInterpolator(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    r"""A depth-2 ReLU network that equals y at every training point.

    :math:`c(x) = \sum_{j=1}^n w_j \max(\langle a, x\rangle - b_j, 0)`. The points are projected on a line and a
    triangular system is solved for w: fitting takes time O(k n d + k n log n) for k directions, and memory O(kn)
    besides the data. Knots lie just right of the previous point, so that c is nearly the piecewise linear
    interpolation of y along the line.

    ``predict`` evaluates c by its linear pieces, which is the same function in exact arithmetic and does not cancel.
    So training points come out right to rounding, even where weights of 1e10 are needed; a sum over units in floating
    point may not: ``to_module`` gives that sum and what it is worth.

    With K outputs, all share a and b: n + d + nK weights. Equal points with equal labels count once.

    Source: Zhang, Bengio, Hardt, Recht and Vinyals 2017 (arXiv:1611.03530), Theorem 1; the paper leaves the choice of
    direction and knots open.

    Args:
        n_directions: How many random directions, even on the sphere, are tried; the one with the largest smallest gap
            between projections is taken. At least 1.
        random_state: Seed of the directions, as scikit-learn takes it.

    Attributes:
        direction_: a, of length 1, ``[d]``.
        knots_: b, ascending, ``[n]``.
        weights_: w in the order of the knots, ``[n]``, or ``[n, K]`` if y had two axes.
        n_weights_: Number of weights in a, b and w: 2n + d for one output.
        n_distinct_: n, the number of distinct training points.
        min_gap_: Smallest distance between two projections; infinite for a single point.
        residual_: Largest error of ``predict`` on the training points, in units of y.

    Raises:
        InputError: In ``fit``: equal points with different labels, constant features, NaN, shapes that do not match,
            points too close for float64.

    >>> ReLUInterpolator(random_state=0).fit([[0.0], [1.0], [3.0]], [5.0, -2.0, 7.0]).predict([[1.0], [3.0]])
    array([-2.,  7.])
    """

    def __init__(self, n_directions: int = 4, random_state: Any = None):
        self.n_directions = n_directions
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """The interpolator of points X ``[n, d]`` and values y ``[n]`` or ``[n, K]``."""
        count = whole_number(self.n_directions, "n_directions")
        points, labels = validated(self, X, y, multi_output=True, y_numeric=True)
        values = np.asarray(labels, dtype=np.float64).reshape(len(labels), -1)
        directions = random_state(self.random_state).standard_normal((count, points.shape[1]))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        line = separating_line(points, values, directions)
        self._segments = interpolating_segments(line.points, values[line.index])
        self._output_shape = labels.shape[1:]
        self.direction_, self.knots_, self.min_gap_ = line.direction, self._segments.knots, line.min_gap
        self.weights_ = self._shaped(self._segments.weights)
        self.n_distinct_ = len(line.index)
        self.n_weights_ = self.direction_.size + self.knots_.size + self.weights_.size
        self.residual_ = float(np.abs(self._evaluate(points) - values).max())
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Values of c at points X ``[m, d]``: ``[m]``, or ``[m, K]`` if y had two axes."""
        check_is_fitted(self)
        return self._shaped(self._evaluate(validated(self, X, reset=False)))

    def to_module(self, dtype: "torch.dtype | None" = None, depth: int = 2, tolerance: float = 1e-3) -> "ReLUNetwork":
        """The network itself, summed over its units in ``dtype``, with its own error in the attribute ``residual``.

        Depth 2 is Theorem 1, more is Corollary 1: the same function c, so that ``predict`` is its exact value. The
        error is the largest at the training points' projections, rounded to ``dtype``, which takes time O(n^2);
        rounding in <a, x> itself, times the slope there, comes on top.

        Args:
            dtype: float64 by default. In float32 only few points far apart come out right.
            depth: Number of layers of weights k, from 2 to n + 1; the layers are about n / (k - 1) units wide.
            tolerance: Largest error allowed, as a fraction of ``max |y|``; ``math.inf`` takes any.

        Raises:
            InputError: The error exceeds the tolerance; the message has it. Or the depth or the tolerance is out of
                range.
        """
        from gengap.interpolate.relu.network import ReLUNetwork

        check_is_fitted(self)
        return ReLUNetwork.from_segments(self.direction_, self._segments, self._output_shape, dtype, depth, tolerance)

    def _evaluate(self, points: Floats) -> Floats:
        return self._segments(projections(points, self.direction_[None])[:, 0])

    def _shaped(self, values: Floats) -> Floats:
        return values.reshape(len(values), *self._output_shape)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
