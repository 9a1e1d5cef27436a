"""The fits that the paper prints, and the fixed points that follow from them."""

from gengap.studies.study import Reported

# Slope, intercept, R2, adjusted R2, RMSE of normalised test against normalised training loss.
PRINTED = {
    "Figure 4": (0.8358, 0.3783, 0.9998, 0.9998, 5.6567e-5),
    "Figure 5": (0.8360, 0.3770, 0.9998, 0.9998, 4.7651e-5),
    "Figure 6": (0.8117, 0.4333, 0.9660, 0.9592, 6.3624e-5),
    "Figure 10": (0.8789, 0.2795, 0.9721, 0.9721, 5.8304e-4),
}
NORMS = {"Figure 4": "L1 over 100"}

# How far another run of the same may differ: slopes of the paper's own figures differ by 0.07, and intercepts, which
# are ln 10 (1 - slope), by ln 10 times as much. An RMSE is in the units of a signal, whose size grows with training.
TOLERANCES = {"slope": 0.07, "intercept": 0.16, "r2": 0.03, "adjusted_r2": 0.04, "fixed_point": 0.01}
RMSE_TOLERANCE = 0.5  # of the value
FIXED_POINT = "fixed point, intercept / (1 - slope)"


def reported_fit(figure: str) -> tuple[Reported, ...]:
    """The numbers of a figure's fit, each against the same column of our line's row."""
    values = dict(zip(("slope", "intercept", "r2", "adjusted_r2", "rmse"), PRINTED[figure], strict=True))
    values["fixed_point"] = round(values["intercept"] / (1 - values["slope"]), 4)
    names = {"r2": "R2", "adjusted_r2": "adjusted R2", "rmse": "RMSE", "fixed_point": FIXED_POINT}
    return tuple(
        Reported(
            what=f"{names.get(quantity, quantity)}, {NORMS.get(figure, 'Frobenius')}, {figure}",
            place=f"{figure}, printed fit",
            value=value,
            unit="",
            tolerance=TOLERANCES.get(quantity, RMSE_TOLERANCE * value),
            source="printed",
            quantity=quantity,
            where={"figure": figure, "kind": "line"},
        )
        for quantity, value in values.items()
    )


def reported_loss(figure: str, loss: float, tolerance: float) -> Reported:
    """The training loss in nats at which a figure's networks are taken, against the mean of ours."""
    return Reported(
        what=f"training loss of the networks, {figure}",
        place=f"{figure}, captions",
        value=loss,
        unit="nats",
        tolerance=tolerance,
        source="printed",
        quantity="train_loss",
        where={"figure": figure, "kind": "line"},
    )
