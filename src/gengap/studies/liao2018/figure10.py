"""Figure 10 of Liao et al. 2018: with networks that are trained and tested on random labels.

Claim: Networks trained and tested on random labels lie approximately on the same line as those that learned.

Reported: slope, intercept, R2, adjusted R2 and RMSE, and the fixed point that follows. Tolerances: see ``published``.
"""

from gengap.studies.liao2018.claims import near_a_line, random_labels_too
from gengap.studies.liao2018.line_study import line_study
from gengap.studies.liao2018.published import reported_fit
from gengap.studies.liao2018.trainings import Config
from gengap.studies.study import Scale, Study, study

REPORTED = reported_fit("Figure 10")


def sweep(scale: Scale) -> list[Config]:
    """One line through networks of several seeds, some of them on random labels."""
    return [Config(scale, "Figure 10", method="seeds and random labels")]


@study
def liao2018_figure10() -> Study:
    """Figure 10."""
    return line_study(
        "liao2018/figure10",
        "Figure 10",
        claim=(
            "Networks trained and tested on random labels lie approximately on the same line as those that learned."
        ),
        reported=REPORTED,
        sweep=sweep,
        parts=(near_a_line, random_labels_too),
    )
