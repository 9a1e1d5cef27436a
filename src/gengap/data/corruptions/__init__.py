"""The randomization test's corruptions, one a file. To add one: write its file and import it here."""

from gengap.data.corruptions import gaussian, labels, random_labels, random_pixels, shuffled_pixels  # noqa: F401
from gengap.data.corruptions.apply import corrupt
from gengap.data.corruptions.registry import corruption_names

__all__ = ["corrupt", "corruption_names"]
