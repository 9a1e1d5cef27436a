"""Figure 1 of Neyshabur et al. 2015: more hidden units than fit the training set do not overfit.

Claim: as a hidden layer grows, the training error reaches zero and the test error goes on falling, without any
explicit regularisation.

Reported: the curves, digitised from the paper's PDF.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from gengap.studies.neyshabur2015 import views, width
from gengap.studies.neyshabur2015.published import PAPER
from gengap.studies.neyshabur2015.width import Config, Setting
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    from gengap.sweep import Options

NAME = "neyshabur2015/figure1"
SETTINGS: dict[Scale, Setting] = {
    "smoke": Setting(150, 50, 100, 15),
    "desk": Setting(2_000, 1_000, 1_000, 150),
    "paper": Setting(40_000, 10_000, None, 1_000),
}
UNITS = tuple(2**k for k in range(2, 13))


def sweep(scale: Scale) -> list[Config]:
    """All widths on both data sets."""
    if scale == "smoke":
        return [Config(scale, "digits", units) for units in (8, 64)]
    units = UNITS if scale == "paper" else UNITS[:10]
    return [Config(scale, data, count) for data in ("mnist", "cifar10") for count in units]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a network."""
    return width.measure(NAME, SETTINGS, configs, options)


@study
def neyshabur2015_figure1() -> Study:
    """Figure 1."""
    return Study(
        name=NAME,
        artifact="Figure 1",
        claim=(
            "As one hidden layer grows beyond what fits the training set, the test error does not rise, without any "
            "explicit regularisation."
        ),
        paper=PAPER,
        differences=(
            *width.DIFFERENCES,
            "40,000 training and 10,000 validation images of either data set; the paper has 50,000 of MNIST.",
        ),
        scaled={
            "smoke": "150 of the embedded digits, two widths, 15 epochs.",
            "desk": "2,000 training, 1,000 validation and 1,000 test images, at most 150 epochs, widths to 2,048.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about four minutes on one core (an estimate)",
            "paper": "about a day on two cores (an estimate)",
        },
        reported=width.reported(1),
        sweep=sweep,
        measure=measure,
        views=(*(partial(views.errors_by_width, 1, data) for data in ("mnist", "cifar10")), views.table),
        check=partial(width.check, SETTINGS),
        seen_as=width.FED,
    )
