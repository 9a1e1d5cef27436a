"""Figures 3 and 9 of Liao et al. 2018: one training loss, different test losses, 3-layer network.

Claim: Networks that were pretrained on corrupted labels have different test losses at one training loss; the product
of their norms grows with the test error, and normalised losses lie on a line.

Reported: the number of parameters and the training loss, in the caption of Figure 3. The figures print no fit.
"""

from gengap.studies.liao2018.claims import near_a_line, one_training_loss, product_grows
from gengap.studies.liao2018.line_study import line_study
from gengap.studies.liao2018.published import reported_loss
from gengap.studies.liao2018.trainings import THREE, Config
from gengap.studies.study import Reported, Scale, Study, study

REPORTED = (
    reported_loss("Figures 3 and 9", 0.0044, 0.0001),
    Reported(
        what="parameters of the 3-layer network",
        place="Figure 3, caption",
        value=154_464,
        unit="",
        tolerance=0.5,
        source="printed",
        quantity="parameters",
        where={"model": THREE, "kind": "line"},
    ),
)


def sweep(scale: Scale) -> list[Config]:
    """One line, of the snapshots nearest to the given training loss."""
    return [Config(scale, "Figures 3 and 9", snapshot="nearest")]


@study
def liao2018_figure3() -> Study:
    """Figures 3 and 9."""
    return line_study(
        "liao2018/figure3",
        "Figures 3 and 9",
        claim=(
            "Networks that were pretrained on corrupted labels have different test losses at one training "
            "loss; the product of their norms grows with the test error, and normalised losses lie on a line."
        ),
        reported=REPORTED,
        sweep=sweep,
        parts=(near_a_line, one_training_loss, product_grows),
        with_product_norm=True,
    )
