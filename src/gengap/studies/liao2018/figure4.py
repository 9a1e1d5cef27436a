"""Figures 4 and 5 of Liao et al. 2018: normalised losses at the last epoch, with L1 and Frobenius norms.

Claim: At the last epoch normalised test loss is almost linear in normalised training loss, with a slope near 1,
whichever norm is divided out.

Reported: slope, intercept, R2, adjusted R2 and RMSE of both figures, and the fixed point that follows. Tolerances:
see ``published``.
"""

from gengap.studies.liao2018.claims import near_a_line, slope_near_one
from gengap.studies.liao2018.line_study import line_study
from gengap.studies.liao2018.published import reported_fit
from gengap.studies.liao2018.trainings import Config
from gengap.studies.study import Scale, Study, study

REPORTED = (*reported_fit("Figure 4"), *reported_fit("Figure 5"))


def sweep(scale: Scale) -> list[Config]:
    """Two lines through the same networks."""
    return [Config(scale, "Figure 4", norm="l1"), Config(scale, "Figure 5")]


@study
def liao2018_figure4() -> Study:
    """Figures 4 and 5."""
    return line_study(
        "liao2018/figure4",
        "Figures 4 and 5",
        claim=(
            "At the last epoch normalised test loss is almost linear in normalised training loss, with a "
            "slope near 1, whichever norm is divided out."
        ),
        reported=REPORTED,
        sweep=sweep,
        parts=(near_a_line, slope_near_one),
    )
