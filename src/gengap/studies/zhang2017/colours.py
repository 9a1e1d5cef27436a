"""One colour for each condition of the randomization test, alike in every figure."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def condition_colours(rows: "pd.DataFrame") -> dict[str, str]:
    """Condition -> colour: from blue (true labels) to vermilion (random labels) by level, others a colour each.

    Args:
        rows: As ``gengap.verdicts.with_conditions`` returns them.
    """
    from gengap.report import PALETTE, blend

    pixels = {"shuffled-pixels": PALETTE[2], "random-pixels": PALETTE[4], "gaussian": PALETTE[3]}
    colours: dict[str, str] = {}
    for condition, corruption, level in zip(rows["condition"], rows["corruption"], rows["label_level"], strict=True):
        if level == level:  # NaN where pixels were changed
            colours.setdefault(condition, blend(PALETTE[0], PALETTE[1], level))
        else:
            colours.setdefault(condition, pixels.get(corruption, PALETTE[5]))
    return colours
