"""The names of conditions, in the order of the paper's legend, and their colours."""

from made_up_rows import grid_rows

from gengap.studies.zhang2017 import condition_colours
from gengap.verdicts import with_conditions


def test_conditions_follow_the_papers_legend() -> None:
    named = with_conditions(grid_rows((0,)))
    assert list(dict.fromkeys(named["condition"])) == [
        "true labels", "50% corrupted", "random labels", "shuffled pixels", "random pixels", "gaussian",
    ]  # fmt: skip
    palette = condition_colours(named)
    assert len(set(palette.values())) == 6
    assert (palette["true labels"], palette["random labels"]) == ("#0072b2", "#d55e00")
