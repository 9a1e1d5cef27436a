"""Figure 1c of Zhang et al. 2017: test error against the level of label corruption.

Claim: as labels are replaced by random ones, which are fitted all the same, test error rises steadily to that of
guessing.

Reported: the 33 points of the figure, read off its vector graphics. Tolerance: 3 points, by which the paper's own
figures and table differ for the same setting.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gengap.studies.study import Row, Study, study
from gengap.studies.zhang2017 import claims, trainings
from gengap.studies.zhang2017.corruption import level_figure, level_points, reported, sweep
from gengap.studies.zhang2017.trainings import Config

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Options
    from gengap.verdicts import ClaimPart

TOLERANCE = 3.0  # percentage points
CHANCE = 0.9  # the paper's dashed line
REPORTED = reported("fig1c", "test_error", "test_error", "%", TOLERANCE, relative=False)


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """Trained rows with their test error at the end."""
    return with_test_error(trainings.measure(configs, options))


def with_test_error(rows: Sequence[Row]) -> list[Row]:
    """The rows with the columns ``test_error`` and ``noisy_test_error``, fractions; None where there is no result.

    ``noisy_test_error`` is the error to expect if each test label, too, were redrawn uniformly from C classes with
    probability p, the level: 1 - ((1 - p) a + p / C) for a test accuracy a.
    """
    return [row | _test_errors(row) for row in rows]


def _test_errors(row: Row) -> Row:
    if row["status"] != "done":
        return {"test_error": None, "noisy_test_error": None}
    accuracy, p = row["test_accuracy"], row["level"]
    return {"test_error": 1 - accuracy, "noisy_test_error": 1 - ((1 - p) * accuracy + p / row["n_classes"])}


def figure_1c(rows: "pd.DataFrame") -> "Figure | None":
    """Test error at the end of training."""
    points = level_points(rows, "test_error", "fig1c", "test_error")
    caption = "Error on the test set, whose labels are true, of networks trained until they fit corrupted labels."
    return level_figure(points, caption, title="test error", form=".0%", reference=(CHANCE, "guessing"))


def figure_1c_noisy(rows: "pd.DataFrame") -> "Figure | None":
    """The same against test labels that are corrupted like the training labels, which the paper's curve suits."""
    points = level_points(rows, "noisy_test_error", "fig1c", "test_error")
    caption = (
        "The error to expect if test labels were corrupted like the training labels, 1 - ((1 - p) a + p / C) at level "
        "p for a test accuracy a and C classes."
    )
    title = "test error, test labels corrupted too"
    return level_figure(points, caption, title=title, form=".0%", reference=(CHANCE, "guessing"))


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    return [
        claims.fits(rows, "labels of every level"),
        claims.rises_steadily(rows),
        claims.ends_at_chance(rows),
    ]


@study
def zhang2017_figure1c() -> Study:
    """Figure 1c."""
    return Study(
        name="zhang2017/figure1c",
        artifact="Figure 1c",
        claim="Test error rises steadily with the level of label corruption, to that of guessing.",
        paper=trainings.PAPER,
        differences=(
            *trainings.DIFFERENCES,
            "The AlexNet of this figure is not that of the paper's Table 1: on true labels it errs on 30.1 % of the "
            "test images here and on 23.9 % there. Ours is the table's.",
            "Our test labels are true. Between levels 0 and 1 the paper's errors lie above ours, by what corrupting "
            "the test labels as well would add: the second chart draws that. The paper does not say so.",
        ),
        scaled=trainings.SCALED,
        cost=trainings.COST,
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(figure_1c, figure_1c_noisy),
        check=check,
    )
