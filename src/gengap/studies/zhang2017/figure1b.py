"""Figure 1b of Zhang et al. 2017: how much longer a network takes to overfit as its labels are corrupted.

Claim: fitting corrupted labels takes longer than fitting true ones only by a small constant factor.

Reported: the 33 points of the figure, read off its vector graphics. Tolerance: a fifth of the value, as times are
whole epochs and one epoch more or less of the ten that Inception needs on true labels moves all its ratios by a tenth.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gengap.studies.study import Row, Study, study
from gengap.studies.zhang2017 import claims, trainings
from gengap.studies.zhang2017.corruption import level_figure, level_points, reported, sweep
from gengap.studies.zhang2017.overfitting import OVERFIT_LOSS, with_overfit_times
from gengap.studies.zhang2017.trainings import Config

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure, Table
    from gengap.sweep import Options
    from gengap.verdicts import ClaimPart

TOLERANCE = 0.2  # of the value
REPORTED = reported("fig1b", "relative_time_to_overfit", "relative_time", "x", TOLERANCE, relative=True)


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """Trained rows with their times to overfit."""
    return with_overfit_times(trainings.measure(configs, options))


def figure_1b(rows: "pd.DataFrame") -> "Figure | None":
    """Time to overfit, relative to that on true labels."""
    points = level_points(rows, "relative_time", "fig1b", "relative_time_to_overfit")
    caption = (
        f"Epochs until the training loss is below {OVERFIT_LOSS}, relative to the same network on true labels. "
        "A level at which it was not reached has no point; the table says why."
    )
    return level_figure(points, caption, title="relative time to overfit", form="~g")


def times(rows: "pd.DataFrame") -> "Table":
    """Epochs by both criteria: training loss below 0.05, and training accuracy of 99 %."""
    import pandas as pd

    from gengap.report import Table

    columns = ["epochs_to_overfit", "epochs_to_fit", "relative_time", "relative_time_to_fit"]
    numbers = rows[columns].apply(pd.to_numeric)
    means = numbers.groupby([rows["model"].replace(trainings.NAMES), rows["level"]], sort=False).mean().reset_index()
    caption = (
        f"Epochs to a training loss below {OVERFIT_LOSS} (to overfit) and to a training accuracy of 99 % (to fit), and "
        "both relative to true labels; means over the seeds that got there"
    )
    return Table(means, caption, dict.fromkeys(columns, ".3g") | {"level": "g"})


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    return [claims.only_longer(rows)]


@study
def zhang2017_figure1b() -> Study:
    """Figure 1b."""
    return Study(
        name="zhang2017/figure1b",
        artifact="Figure 1b",
        claim="Fitting corrupted labels takes only a small constant factor longer than fitting the true ones.",
        paper=trainings.PAPER,
        differences=(
            *trainings.DIFFERENCES,
            f"Time to overfit is the first epoch that ends with a training loss below {OVERFIT_LOSS}: the paper does "
            "not define it, and this threshold is what its Figures 1a and 1b have in common. The epochs to a training "
            "accuracy of 99 % stand beside it.",
        ),
        scaled=trainings.SCALED,
        cost=trainings.COST,
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(figure_1b, times),
        check=check,
    )
