"""ZCA whitening: decorrelated features that stay as near as can be to the original ones."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from gengap.arguments import real_number
from gengap.interpolate.feature_maps.images import zca_matrix
from gengap.interpolate.validation import validated


class ZCAWhitening(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Whitened points :math:`(x - \mu)(C + \epsilon I)^{-1/2}`, with mean and covariance of the training points.

    Of all linear maps that whiten, this is the one whose result is nearest to x in mean square. With epsilon well
    below C's eigenvalues the result has covariance I; a larger one leaves directions of little variance small.

    Source: Bell and Sejnowski 1997; Coates and Ng 2012 for images and epsilon.

    Args:
        epsilon: Added to each eigenvalue of the covariance, in squared units of x, above 0.

    Attributes:
        mean_: mu, ``[d]``.
        whitening_: The symmetric matrix, ``[d, d]``; finding it takes time O(n d^2 + d^3).

    Raises:
        InputError: In ``fit``: epsilon not above 0, NaN.

    >>> ZCAWhitening(epsilon=1e-12).fit_transform([[-2.0], [2.0]]).round(6).tolist()
    [[-1.0], [1.0]]
    """

    def __init__(self, epsilon: float = 0.1):
        self.epsilon = epsilon

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Mean and whitening matrix of points X ``[n, d]``."""
        epsilon = real_number(self.epsilon, "epsilon", above=0)
        points = np.asarray(validated(self, X, dtype=np.float64))
        with np.errstate(over="ignore", invalid="ignore"):
            self.mean_ = points.mean(axis=0)
            centred = points - self.mean_
        self.whitening_ = zca_matrix(centred, epsilon)
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Whitened points ``[m, d]``; float32 stays float32."""
        check_is_fitted(self)
        points = validated(self, X, dtype=[np.float64, np.float32], reset=False)
        mean, whitening = self.mean_.astype(points.dtype), self.whitening_.astype(points.dtype)
        return np.asarray((points - mean) @ whitening)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
