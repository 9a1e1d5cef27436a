"""Figure 6 of Liao et al. 2018: networks that differ in their seed alone.

Claim: Even networks that differ in their seed alone, with almost the same training loss, lie near a line once they
are normalised.

Reported: slope, intercept, R2, adjusted R2 and RMSE, and the fixed point that follows. Tolerances: see ``published``.
"""

from gengap.studies.liao2018.claims import almost_one_training_loss, near_a_line
from gengap.studies.liao2018.line_study import line_study
from gengap.studies.liao2018.published import reported_fit
from gengap.studies.liao2018.trainings import Config
from gengap.studies.study import Scale, Study, study

REPORTED = reported_fit("Figure 6")


def sweep(scale: Scale) -> list[Config]:
    """One line through networks of several seeds."""
    return [Config(scale, "Figure 6", method="seeds")]


@study
def liao2018_figure6() -> Study:
    """Figure 6."""
    return line_study(
        "liao2018/figure6",
        "Figure 6",
        claim=(
            "Even networks that differ in their seed alone, with almost the same training loss, lie near a "
            "line once they are normalised."
        ),
        reported=REPORTED,
        sweep=sweep,
        parts=(almost_one_training_loss, near_a_line),
    )
