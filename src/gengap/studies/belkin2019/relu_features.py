"""Random ReLU features on MNIST, of the supporting information of Belkin et al. 2019.

Claim: with ReLU features in place of Fourier features the curve has the same shape: its peak lies where their number
N reaches the number n of examples, and beyond it risk falls again.

Reported: where the peak lies; from a secondary source, as the supporting information was not at hand.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from gengap.studies.belkin2019 import random_features
from gengap.studies.belkin2019.curve import figure
from gengap.studies.belkin2019.published import PAPER
from gengap.studies.belkin2019.random_features import N_EXAMPLES, Config
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Options
    from gengap.verdicts import ClaimPart

NAME, KERNEL = "belkin2019/relu_features", "relu"
REPORTED = (
    Reported(
        "N at the peak of the test loss",
        "supporting information",
        N_EXAMPLES,
        "N",
        999.0,
        "secondary source",
        "peak_at",
        {"n_features": N_EXAMPLES, "noise": 0.0},
    ),
)


def sweep(scale: Scale) -> list[Config]:
    """All N of Figure 2, without and with noise."""
    return random_features.sweep(scale, KERNEL, limit=False)


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """Measured rows with the peak of their curve."""
    return random_features.measure(NAME, configs, options)


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    return random_features.claim_parts(rows, limit=False)


def _figure(quantity: str, rows: "pd.DataFrame") -> "Figure | None":
    n = random_features.EXAMPLES[rows["scale"].iloc[0]][0]
    return figure(rows, quantity, "n_features", "random ReLU features N", threshold=n)


@study
def belkin2019_relu_features() -> Study:
    """ReLU features."""
    return Study(
        name=NAME,
        artifact="ReLU features",
        claim=(
            "The risk of least squares on random ReLU features peaks where their number N reaches that of the "
            "examples, and falls again beyond."
        ),
        paper=PAPER,
        differences=(
            "That the peak lies at n is as others report of the supporting information, which was not at hand.",
            *random_features.DIFFERENCES,
        ),
        scaled=random_features.SCALED,
        cost=random_features.COST,
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=tuple(partial(_figure, quantity) for quantity in ("test_error", "test_loss", "norm")),
        check=check,
        seen_as="pixels divided by 255",
    )
