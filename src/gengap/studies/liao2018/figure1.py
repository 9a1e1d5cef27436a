"""Figures 1, 2, 7 and 8 of Liao et al. 2018: the 5-layer network, pretrained or begun from large weights.

Claim: Pretraining on corrupted labels and large initial weights both give networks of one training loss and different
test losses; normalised, they lie near a line.

Reported: the training loss of the snapshots, in the captions; the figures print no fit.
"""

from gengap.studies.liao2018.claims import near_a_line, one_training_loss
from gengap.studies.liao2018.line_study import line_study
from gengap.studies.liao2018.published import reported_loss
from gengap.studies.liao2018.trainings import FIVE, FIVE_NO_BN, THREE, Config, Method
from gengap.studies.study import Scale, Study, study

REPORTED = (reported_loss("Figures 1 and 7", 0.006, 0.0005), reported_loss("Figures 2 and 8", 0.006, 0.0005))


def sweep(scale: Scale) -> list[Config]:
    """Two methods for the 5-layer network, with and without batch norm; deviations for the 3-layer network too."""
    lines: list[tuple[str, Method]] = [(FIVE, "deviation")]
    if scale != "smoke":
        lines += [(FIVE, "pretraining"), (FIVE_NO_BN, "pretraining"), (FIVE_NO_BN, "deviation"), (THREE, "deviation")]
    figures = {"pretraining": "Figures 1 and 7", "deviation": "Figures 2 and 8"}
    return [Config(scale, figures[method], model=model, method=method, snapshot="nearest") for model, method in lines]


@study
def liao2018_figure1() -> Study:
    """Figures 1, 2, 7 and 8."""
    return line_study(
        "liao2018/figure1",
        "Figures 1, 2, 7 and 8",
        claim=(
            "Pretraining on corrupted labels and large initial weights both give networks of one training "
            "loss and different test losses; normalised, they lie near a line."
        ),
        reported=REPORTED,
        sweep=sweep,
        parts=(near_a_line, one_training_loss),
        with_product_norm=True,
    )
