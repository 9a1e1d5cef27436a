"""Figures 12 to 15 of Liao et al. 2018: the same on CIFAR-100.

Claim: The same holds on CIFAR-100, with 100 classes.

Reported: the training loss of the snapshots, as in the captions of the 5-layer network's other figures; these print
no fit.
"""

from gengap.studies.liao2018.claims import near_a_line, one_training_loss, product_grows
from gengap.studies.liao2018.line_study import line_study
from gengap.studies.liao2018.published import reported_loss
from gengap.studies.liao2018.trainings import FIVE, FIVE_NO_BN, Config
from gengap.studies.study import Scale, Study, study

REPORTED = (reported_loss("Figures 12 to 15", 0.006, 0.0005),)


def sweep(scale: Scale) -> list[Config]:
    """The pretrained 5-layer network, with and without batch norm."""
    models = (FIVE,) if scale == "smoke" else (FIVE, FIVE_NO_BN)
    return [Config(scale, "Figures 12 to 15", data="cifar100", model=model, snapshot="nearest") for model in models]


@study
def liao2018_figure12() -> Study:
    """Figures 12 to 15."""
    return line_study(
        "liao2018/figure12",
        "Figures 12 to 15",
        claim=("The same holds on CIFAR-100, with 100 classes."),
        reported=REPORTED,
        sweep=sweep,
        parts=(near_a_line, one_training_loss, product_grows),
        with_product_norm=True,
    )
