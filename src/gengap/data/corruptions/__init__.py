"""The randomization test's corruptions, one a file. To add one: write its file and import it here."""

from gengap.data.corruptions import (  # noqa: F401
    gaussian,
    labels,
    random_labels,
    random_pixels,
    random_positions,
    random_tokens,
    shuffled_pixels,
    shuffled_positions,
)
from gengap.data.corruptions.apply import check_inputs, check_level, corrupt
from gengap.data.corruptions.registry import changes_labels, corruption_names, find_corruption

__all__ = ["changes_labels", "check_inputs", "check_level", "corrupt", "corruption_names", "find_corruption"]
