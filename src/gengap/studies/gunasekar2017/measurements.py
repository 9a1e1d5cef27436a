"""Recovery against the number of measurements: descent, the least nuclear norm, and the rank itself.

Claim: descent from a small start recovers a low-rank matrix from about as many measurements as the least nuclear norm
does, from a large start it does not.

Reported: nothing; the paper's numbers are not at hand.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gengap.studies.gunasekar2017 import recovery
from gengap.studies.gunasekar2017.recovery import Config, Method
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Options

NAME = "gunasekar2017/measurements"
METHODS: tuple[tuple[Method, float | None], ...] = (
    ("descent", 1e-3),
    ("descent", 0.3),
    ("nuclear norm", None),
    ("rank", None),
)
# Measurements m / (n r); n r - r (r - 1) / 2 numbers determine a matrix of rank r.
PER_PARAMETER: dict[Scale, tuple[float, ...]] = {
    "smoke": (1.0, 2.0, 3.0),
    "desk": (0.5, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0),
    "paper": (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0),
}


def sweep(scale: Scale) -> list[Config]:
    """Every number of measurements, recovered in four ways."""
    return [
        Config(scale, "gaussian", per_parameter, method, start, seed)
        for seed in recovery.seeds(scale)
        for per_parameter in PER_PARAMETER[scale]
        for method, start in METHODS
    ]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a configuration."""
    return recovery.measure(NAME, configs, options)


def figure(rows: "pd.DataFrame") -> "Figure | None":
    """Recovery error against measurements."""
    import altair as alt

    from gengap.report import Figure, marked_by_convergence

    data = rows[rows["recovery_error"].notna()].copy()
    if data.empty:
        return None
    data["found by"] = [recovery.name(*each) for each in zip(data["method"], data["start"], strict=True)]
    data["state"] = data["converged"].map({True: "converged", False: "not converged"})
    data = data[["found by", "seed", "per_parameter", "count", "recovery_error", "effective_rank", "state"]]
    log = alt.Scale(type="log")
    base = alt.Chart(data).encode(
        x=alt.X("per_parameter:Q", title="measurements / (n r)", axis=alt.Axis(tickCount=6)),
        y=alt.Y(
            "recovery_error:Q",
            title="recovery error, relative",
            scale=log,
            axis=alt.Axis(tickCount=5),
        ),
        color=alt.Color("found by:N", legend=alt.Legend(title=None)),
        detail="seed:N",
        tooltip=["found by", "seed", "count", alt.Tooltip("recovery_error:Q", format=".3g"), "state"],
    )
    points = marked_by_convergence(base, data["state"])
    most = data[data["per_parameter"] == data["per_parameter"].max()]
    told = "; ".join(f"{n}: {e:.2g}" for n, e in most.groupby("found by")["recovery_error"].mean().items())
    return Figure(
        "recovery-by-measurements",
        (base.mark_line() + points).properties(height=300),
        "Relative error of the recovered matrix against the number of Gaussian measurements. A cross: not converged.",
        f"Relative recovery error with the most measurements. {told}.",
        data,
        {"recovery_error": ".3g", "effective_rank": ".3g"},
    )


@study
def gunasekar2017_measurements() -> Study:
    """Recovery against the number of measurements."""
    return Study(
        name=NAME,
        artifact="Recovery by number of measurements",
        claim=(
            "Descent from a small start recovers a matrix of low rank from about as many measurements as the least "
            "nuclear norm does; from a large start it does not."
        ),
        paper=recovery.PAPER,
        differences=recovery.DIFFERENCES,
        scaled=recovery.SCALED,
        cost=recovery.COST,
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(figure, recovery.table),
    )
