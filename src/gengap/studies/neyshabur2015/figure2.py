"""Figure 2 of Neyshabur et al. 2015: the same on small training sets, with weight decay, censored and noisy labels.

Claim: on 2,000 examples too the test error does not rise with width; not even where some labels are random, and a small
network could fit all others.

Reported: the curves, digitised from the paper's PDF; means of five repetitions.
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

NAME = "neyshabur2015/figure2"
DECAYS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
SETTINGS: dict[Scale, Setting] = {
    "smoke": Setting(100, 50, 100, 8, (1e-3,)),
    "desk": Setting(1_000, 1_000, 1_000, 150, (1e-3,)),
    "paper": Setting(2_000, 2_000, None, 1_000, DECAYS),
}
UNITS = tuple(2**k for k in range(2, 13))
LABELS = ("original", "censored", "censored and noise")


def sweep(scale: Scale) -> list[Config]:
    """All widths and kinds of labels on both data sets; at paper scale five repetitions."""
    if scale == "smoke":
        return [Config(scale, "digits", units, labels) for labels in LABELS for units in (8, 64)]
    units, seeds = (UNITS, range(5)) if scale == "paper" else (UNITS[:9:2], range(1))
    return [
        Config(scale, data, count, labels, seed)
        for data in ("mnist", "cifar10")
        for labels in LABELS
        for count in units
        for seed in seeds
    ]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a network."""
    return width.measure(NAME, SETTINGS, configs, options)


@study
def neyshabur2015_figure2() -> Study:
    """Figure 2."""
    return Study(
        name=NAME,
        artifact="Figure 2",
        claim=(
            "On small training sets, with censored and with noisy labels, a hidden layer beyond what fits the training "
            "set does not raise the test error."
        ),
        paper=PAPER,
        differences=(
            *width.DIFFERENCES,
            f"Weight decay is chosen on the validation set among {', '.join(f'{d:g}' for d in DECAYS)}; the paper does "
            "not name its grid.",
        ),
        scaled={
            "smoke": "100 of the embedded digits, two widths, 8 epochs.",
            "desk": "1,000 training, validation and test images, at most 150 epochs, five widths to 1,024, one weight "
            "decay, 0.001, one repetition.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about five minutes on one core (an estimate)",
            "paper": "about a day on two cores (an estimate)",
        },
        reported=width.reported(2),
        sweep=sweep,
        measure=measure,
        views=(*(partial(views.errors_by_width, 2, data) for data in ("mnist", "cifar10")), views.table),
        check=partial(width.check, SETTINGS),
        seen_as=width.FED,
    )
