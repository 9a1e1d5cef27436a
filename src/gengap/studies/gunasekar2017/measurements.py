"""Recovery against the number of measurements: descent, the least nuclear norm, and the rank itself.

Claim: descent from a small start recovers a low-rank matrix from about as many measurements as the least nuclear norm
does, from a large start it does not.

Reported: nothing; the paper's numbers are not at hand.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gengap.studies.gunasekar2017 import recovery
from gengap.studies.gunasekar2017.recovery import Config, Method
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Options
    from gengap.verdicts import ClaimPart

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


RECOVERED, MISSED = 0.01, 0.1  # relative error up to which a matrix is recovered, and from which it is not


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, present, span

    small, large = (start for _, start in METHODS if start is not None)
    converged = [row if row.get("converged") else row | {"recovery_error": None} for row in rows]

    def fewest(done: Sequence[Row], method: str, start: float | None) -> float:
        """The fewest measurements over n r from which every seed recovers, and so with all more."""
        enough = math.inf
        for per_parameter in sorted({row["per_parameter"] for row in done}, reverse=True):
            own = [r for r in done if (r["method"], r["start"], r["per_parameter"]) == (method, start, per_parameter)]
            errors = present((row["recovery_error"] for row in own), f"{method} from {per_parameter:g} measurements")
            if max(errors) > RECOVERED:
                break
            enough = per_parameter
        return enough

    def alike(done: list[Row]) -> tuple[bool, str]:
        present({row["per_parameter"] for row in done}, "numbers of measurements:", 2)
        descent, norm = fewest(done, "descent", small), fewest(done, "nuclear norm", None)
        figures = f"{descent:g} measurements / (n r) by descent, {norm:g} by the least nuclear norm"
        return descent < math.inf and descent <= 1.5 * norm, figures

    def large_start(done: list[Row]) -> tuple[bool, str]:
        most = max(row["per_parameter"] for row in done)
        errors = [row["recovery_error"] for row in done if row["per_parameter"] == most]
        return min(errors) >= MISSED, f"error {span(errors)} with the most measurements"

    both = [row for row in converged if (row["method"], row["start"]) in (("descent", small), ("nuclear norm", None))]
    from_large = [row for row in converged if (row["method"], row["start"]) == ("descent", large)]
    part = "descent from a small start recovers from about as many measurements as the least nuclear norm"
    return [
        claim_part(part, both, ["recovery_error"], alike),
        claim_part("descent from a large start does not recover", from_large, ["recovery_error"], large_start),
    ]


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
    summary = "; ".join(f"{n}: {e:.2g}" for n, e in most.groupby("found by")["recovery_error"].mean().items())
    return Figure(
        "recovery-by-measurements",
        (base.mark_line() + points).properties(height=300),
        "Relative error of the recovered matrix against the number of Gaussian measurements. A cross: not converged.",
        f"Relative recovery error with the most measurements. {summary}.",
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
        check=check,
    )
