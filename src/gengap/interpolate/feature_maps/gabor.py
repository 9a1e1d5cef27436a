"""Gabor wavelets: how strongly an image waves, in each place, direction and length."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from gengap.arguments import finite_array, whole_number
from gengap.errors import InputError, exact
from gengap.interpolate.feature_maps.images import blocks, float32_images, image_shape
from gengap.interpolate.validation import validated

WIDTH = 0.56  # the envelope's standard deviation in wavelengths: a bandwidth of one octave
SHORTEST = 2.0  # wavelength in pixels
REACH = 2.5  # standard deviations at which a wavelet is cut off


def wavelet(wavelength: float, angle: float) -> NDArray[np.complex128]:
    r"""A Gabor wavelet of zero sum whose absolute values sum to 1, ``[2 r + 1, 2 r + 1]``.

    :math:`e^{-|u|^2 / (2 \sigma^2)} (e^{2 \pi i \langle u, e \rangle / \lambda} - c)` at place u, with e the wave's
    direction, sigma = 0.56 lambda, and c such that a constant image gives nothing.

    Args:
        wavelength: lambda, in pixels, at least 2.
        angle: Direction of the wave, in radians.
    """
    sigma = WIDTH * wavelength
    reach = int(np.ceil(REACH * sigma))
    down, across = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along = across * np.cos(angle) + down * np.sin(angle)
    envelope = np.exp(-(across**2 + down**2) / (2 * sigma**2))
    wave = np.exp(2j * np.pi * along / wavelength)
    made = envelope * (wave - (envelope * wave).sum() / envelope.sum())
    return np.asarray(made / np.abs(made).sum())


class GaborFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Moduli of an image's Gabor wavelet coefficients, averaged over places.

    Each channel is convolved with wavelets of every wavelength and direction (zeros around the image), the modulus is
    taken, and averaged over squares of ``pool`` x ``pool`` pixels. Nothing is learned.

    Source: Zhang et al. 2017 (arXiv:1611.03530), Table 3, put "Gabor wavelets" before a kernel on MNIST and give no
    lengths, directions or pooling; these are ours.

    Args:
        image_shape: (channels, height, width) of the images whose pixels are the rows of X; None: one line of pixels.
        wavelengths: In pixels, each at least 2, the shortest wave that pixels hold, and at most 32 or four times the
            longer side of the images.
        n_directions: Directions of the waves, even over half a turn, at least 1.
        pool: Side of the squares, in pixels, at least 1; those at the right and lower edge may be cut off.

    Raises:
        InputError: In ``fit``: a parameter out of range, a shape that does not fit the rows, NaN.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...] | None = None,
        wavelengths: tuple[float, ...] = (4.0, 8.0),
        n_directions: int = 8,
        pool: int = 4,
    ):
        self.image_shape = image_shape
        self.wavelengths = wavelengths
        self.n_directions = n_directions
        self.pool = pool

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Makes the wavelets for images X ``[n, pixels]``; their values do not matter."""
        n_directions, self._pool = whole_number(self.n_directions, "n_directions"), whole_number(self.pool, "pool")
        wavelengths = finite_array(self.wavelengths, "wavelengths", ndim=1)
        points = validated(self, X, dtype=[np.float32, np.float64])
        self._shape = image_shape(self.image_shape, points.shape[1])
        longest = max(32, 4 * max(self._shape[1:]))
        for wavelength in wavelengths:
            if not SHORTEST <= wavelength <= longest:
                raise InputError(
                    f"wavelengths holds {exact(wavelength)}.",
                    expected=f"pixels from {exact(SHORTEST)}, the shortest wave that they hold, to {longest}",
                )
        angles = np.pi * np.arange(n_directions) / n_directions
        self.wavelets_ = [
            np.stack([wavelet(length, angle) for angle in angles]).astype(np.complex64) for length in wavelengths
        ]
        self._n_features_out = self._features(points[:1]).shape[1]
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Features ``[m, wavelengths x channels x directions x places]``, float32."""
        check_is_fitted(self)
        points = validated(self, X, dtype=[np.float32, np.float64], reset=False)
        out = np.empty((len(points), self._n_features_out), np.float32)
        for part in blocks(len(points), 4 * 4 * points.shape[1] * len(self.wavelets_[0])):
            out[part] = self._features(points[part])
        return out

    def _features(self, points: NDArray[Any]) -> NDArray[np.float32]:
        import torch
        from torch.nn.functional import avg_pool2d, conv2d

        height, width = self._shape[1:]
        images = torch.from_numpy(float32_images(points, (-1, 1, height, width)))
        square = [min(self._pool, side) for side in (height, width)]
        with torch.inference_mode():
            pooled = []
            for wavelets in self.wavelets_:
                parts = torch.from_numpy(np.concatenate([wavelets.real, wavelets.imag])[:, None])
                real, imaginary = conv2d(images, parts, padding=wavelets.shape[-1] // 2).chunk(2, dim=1)
                modulus = torch.hypot(real, imaginary)
                pooled.append(avg_pool2d(modulus, square, self._pool, ceil_mode=True).reshape(len(points), -1))
            return np.asarray(torch.cat(pooled, dim=1).numpy())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
