"""Random convolution features: one layer of filters that are patches of training images, rectified and pooled."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from gengap.arguments import real_number, whole_number
from gengap.interpolate.feature_maps.images import blocks, float32_images, image_shape, zca_matrix
from gengap.interpolate.validation import random_state, validated

PATCH_EPSILON = 1e-3  # added to the eigenvalues of the patches' covariance
WHITENING_PATCHES = 100_000  # random patches that the covariance is taken from
FILTERS_AT_ONCE = 256


class RandomConvFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Means over large squares of :math:`\max(f * x - b, 0)` and :math:`\max(-f * x - b, 0)` for random filters f.

    A filter is a random patch of a random training image: its mean is removed, it is divided by its length, and
    multiplied by :math:`(C + \epsilon I)^{-1}`, where C is the second moment of such patches and epsilon is 1e-3: once
    to whiten the patch, once in place of whitening what it meets. Nothing is learned from labels. Images smaller than
    the patch, or than the pooling square, are covered by one that fits them.

    Source: the random convolution net of Zhang et al. 2017 (arXiv:1611.03530), Table 3, after Coates and Ng 2012, with
    patches in place of k-means; its sizes are those that the authors' group published later (6 x 6 patches, squares
    of 15, 6 apart, b = 1, pixels in [0, 1]: 18 features a filter on 32 x 32 pixels).

    Args:
        image_shape: (channels, height, width) of the images whose pixels are the rows of X; None: one line of pixels.
        n_filters: At least 1; the first of more filters are those of fewer.
        patch: Side of a filter in pixels.
        pool: Side of the squares that are averaged over.
        stride: Distance between the squares.
        bias: b, in units of x times those of the filters, not negative.
        random_state: Seed of the filters, as scikit-learn takes it.

    Attributes:
        filters_: ``[n_filters, C, patch, patch]``, float32.

    Raises:
        InputError: In ``fit``: a parameter out of range, a shape that does not fit the rows, NaN.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...] | None = None,
        n_filters: int = 256,
        patch: int = 6,
        pool: int = 15,
        stride: int = 6,
        bias: float = 1.0,
        random_state: Any = None,
    ):
        self.image_shape = image_shape
        self.n_filters = n_filters
        self.patch = patch
        self.pool = pool
        self.stride = stride
        self.bias = bias
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Takes filters from images X ``[n, pixels]``."""
        n_filters, patch = whole_number(self.n_filters, "n_filters"), whole_number(self.patch, "patch")
        self._pool, self._stride = whole_number(self.pool, "pool"), whole_number(self.stride, "stride")
        self._bias = real_number(self.bias, "bias", least=0)
        points = validated(self, X, dtype=[np.float32, np.float64])
        self._shape = image_shape(self.image_shape, points.shape[1])
        float32_images(points, points.shape)  # which refuses what the features could not be computed of
        images = points.reshape(-1, *self._shape)
        rng = random_state(self.random_state)
        seeds = rng.randint(np.iinfo(np.int32).max, size=2)
        size = (min(patch, self._shape[1]), min(patch, self._shape[2]))
        many = _patches(images, min(WHITENING_PATCHES, 100 * len(images)), size, np.random.RandomState(seeds[0]))
        whitening = zca_matrix(many, PATCH_EPSILON)
        chosen = _patches(images, n_filters, size, np.random.RandomState(seeds[1]))
        filters = chosen @ whitening @ whitening
        self.filters_ = filters.reshape(n_filters, self._shape[0], *size).astype(np.float32)
        self._n_features_out = self._features(points[:1]).shape[1]
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Features ``[m, filters x signs x places]``, float32; those of fewer filters come first."""
        check_is_fitted(self)
        points = validated(self, X, dtype=[np.float32, np.float64], reset=False)
        out = np.empty((len(points), self._n_features_out), np.float32)
        for part in blocks(len(points), 4 * 3 * points.shape[1] * min(len(self.filters_), FILTERS_AT_ONCE)):
            out[part] = self._features(points[part])
        return out

    def _features(self, points: NDArray[Any]) -> NDArray[np.float32]:
        import torch
        from torch.nn.functional import avg_pool2d, conv2d

        images = torch.from_numpy(float32_images(points, (-1, *self._shape)))
        images = images.contiguous(memory_format=torch.channels_last)  # in which pooling is faster
        with torch.inference_mode():
            pooled = []
            for start in range(0, len(self.filters_), FILTERS_AT_ONCE):
                met = conv2d(images, torch.from_numpy(self.filters_[start : start + FILTERS_AT_ONCE]))
                square = [min(self._pool, side) for side in met.shape[2:]]
                signs = [
                    avg_pool2d((sign * met - self._bias).relu_(), square, self._stride, ceil_mode=True)
                    for sign in (1, -1)
                ]
                pooled.append(torch.stack(signs, dim=2).reshape(len(points), -1))
            return np.asarray(torch.cat(pooled, dim=1).numpy())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _patches(
    images: NDArray[Any], count: int, size: tuple[int, int], rng: np.random.RandomState
) -> NDArray[np.float64]:
    """Random patches as rows, each of mean zero and length 1, or zero where it is constant: ``[count, C h w]``."""
    windows = np.lib.stride_tricks.sliding_window_view(images, size, axis=(2, 3))  # N C rows columns h w
    draws = rng.random_sample((count, 3))  # row by row, so that fewer patches are the first of more
    image, row, column = (draws * [len(images), *windows.shape[2:4]]).astype(np.int64).T
    rows = windows[image, :, row, column].reshape(count, -1).astype(np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 1e-8, lengths, 1.0))
