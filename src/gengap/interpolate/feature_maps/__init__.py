"""Fixed or random maps of images, applied before a kernel: scikit-learn transformers of flat images."""

from gengap.interpolate.feature_maps.convolution import RandomConvFeatures
from gengap.interpolate.feature_maps.gabor import GaborFeatures
from gengap.interpolate.feature_maps.zca import ZCAWhitening

__all__ = ["GaborFeatures", "RandomConvFeatures", "ZCAWhitening"]
