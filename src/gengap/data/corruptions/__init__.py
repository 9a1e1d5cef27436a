"""The randomization test's corruptions, one a file. To add one: write its file and import it here."""

from gengap.data.corruptions import gaussian, labels, random_labels, random_pixels, shuffled_pixels  # noqa: F401
from gengap.data.corruptions.apply import check_level, corrupt
from gengap.data.corruptions.registry import changes_labels, corruption_names, find_corruption

__all__ = ["changes_labels", "check_level", "corrupt", "corruption_names", "find_corruption"]
