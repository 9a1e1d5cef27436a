"""The conjecture of Gunasekar et al. 2017: descent from a small start finds the least nuclear norm.

Conjecture: of all positive semidefinite matrices with the given measurements, gradient descent on X = U U^T tends to
the one of least nuclear norm as its start goes to 0. What is seen: it does where the measurements suffice for recovery.
With far fewer the norm comes within a few percent of the least and grows again, as the rank goes on falling.

Reported: nothing; the paper's numbers are not at hand. The figure sets each norm against the least, which is certified.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gengap.studies.gunasekar2017 import recovery
from gengap.studies.gunasekar2017.recovery import Config, Kind
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Options
    from gengap.verdicts import ClaimPart

NAME = "gunasekar2017/initialisation"
KINDS: tuple[Kind, ...] = ("gaussian", "entries")
STARTS: dict[Scale, tuple[float, ...]] = {
    "smoke": (1.0, 0.1, 1e-3),
    "desk": (1.0, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-6),
    "paper": (1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 1e-4, 1e-6),
}
# Measurements m / (n r): enough for recovery, and far too few.
PER_PARAMETER = (3.0, 0.25)
LIMIT = (
    "The conjecture is of the limit of gradient flow. With few measurements the norm over the least is smallest at a "
    "start between 0.01 and 0.0001 and grows below it. Steps of a fifth of the size and a residual of 1e-6 do not "
    "change that. Li, Luo and Lyu 2021 (arXiv:2012.09839) show that a small start finds low rank greedily, which need "
    "not be the least norm."
)


def sweep(scale: Scale) -> list[Config]:
    """Every start and the least nuclear norm; for both kinds of measurements, many and few."""
    return [
        config
        for seed in recovery.seeds(scale)
        for kind in KINDS
        for per_parameter in PER_PARAMETER
        for config in (
            Config(scale, kind, per_parameter, "nuclear norm", seed=seed),
            *(Config(scale, kind, per_parameter, "descent", start, seed) for start in STARTS[scale]),
        )
    ]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """Rows with their norm over the least one of the same measurements."""
    return with_ratio(recovery.measure(NAME, configs, options))


def with_ratio(rows: Sequence[Row]) -> list[Row]:
    """The rows with ``norm_over_least``: None where the least is not certified or the norm is of no limit."""
    setting = ("kind", "per_parameter", "seed")
    least = {
        tuple(row[name] for name in setting): row["norm"]
        for row in rows
        if row["method"] == "nuclear norm" and row["converged"]
    }
    results = []
    for row in rows:
        base = least.get(tuple(row[name] for name in setting))
        known = base and row["converged"]
        reason = None if known else "the least norm is not certified, or descent did not converge"
        results.append(
            row | {"norm_over_least": row["norm"] / base if known else None, "norm_over_least_reason": reason}
        )
    return results


# A norm is known to about the residual at which descent ends and the gap of the least norm, each at most 0.001.
RESOLVED = 3 * recovery.TOLERANCE
NEARLY, LARGE = 1.05, 1.5  # of the least norm


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, means, present, span

    def ratios(done: Sequence[Row], start: float) -> list[float]:
        return [row["norm_over_least"] for row in done if row["start"] == start]

    def none_below(done: list[Row]) -> tuple[bool, str]:
        least = min(row["norm_over_least"] for row in done)
        return least >= 1 - RESOLVED, f"smallest norm over the least {least:.4f}, known to {RESOLVED:g}"

    def recovers(done: list[Row]) -> tuple[bool, str]:
        smallest = ratios(done, least_start(done))
        return max(smallest) <= 1 + RESOLVED, f"{span(smallest, '.4f')} from the smallest start"

    def least_start(done: list[Row]) -> float:
        return min(float(start) for start in present({row["start"] for row in done}, "starts:", 2))

    def large_starts(done: list[Row]) -> tuple[bool, str]:
        least_start(done)
        largest = ratios(done, max(row["start"] for row in done))
        return min(largest) >= LARGE, f"{span(largest)} from the largest start"

    def curves(done: list[Row]) -> list[list[float]]:
        """Norms from the smallest start on, for each kind of measurements."""
        by_kind = ([row for row in done if row["kind"] == kind] for kind in KINDS)
        return [list(means(own, "start", "norm_over_least", least=2).values()) for own in by_kind]

    def nearly(done: list[Row]) -> tuple[bool, str]:
        best = [min(curve) for curve in curves(done)]
        return max(best) <= NEARLY, f"{span(best, '.4f')} at best"

    def rises(done: list[Row]) -> tuple[bool, str]:
        ends = [(min(curve), curve[0]) for curve in curves(done)]
        figures = (
            f"{span([e for _, e in ends], '.4f')} from the smallest start, {span([b for b, _ in ends], '.4f')} at best"
        )
        return all(end > best + RESOLVED for best, end in ends), figures

    own = [row for row in rows if row["method"] == "descent"]
    many, few = ([row for row in own if row["per_parameter"] == each] for each in PER_PARAMETER)
    needed = ["norm_over_least"]
    return [
        claim_part("no norm is below the least", own, needed, none_below),
        claim_part("a large start gives a norm far above the least", own, needed, large_starts),
        claim_part("from enough measurements the smallest start gives the least norm", many, needed, recovers),
        claim_part("from few measurements a small start comes near the least norm", few, needed, nearly),
        claim_part("from few measurements the norm rises again for still smaller starts", few, needed, rises),
    ]


def figure(rows: "pd.DataFrame") -> "Figure | None":
    """Nuclear norm over the least, against the start."""
    import altair as alt

    from gengap.report import Figure

    data = rows[(rows["method"] == "descent") & rows["norm_over_least"].notna()].copy()
    if data.empty:
        return None
    names = {"gaussian": "Gaussian", "entries": "entries"}
    data["measurements"] = [f"{c} {names[k]}" for c, k in zip(data["count"], data["kind"], strict=True)]
    data = data[["measurements", "seed", "start", "norm_over_least", "recovery_error", "effective_rank"]]
    log = alt.Scale(type="log")
    chart = alt.Chart(data).encode(
        x=alt.X(
            "start:Q",
            title="start: U = this times the identity",
            scale=log,
            axis=alt.Axis(tickCount=5),
        ),
        y=alt.Y("norm_over_least:Q", title="nuclear norm / the least", scale=alt.Scale(type="log", domainMin=0.95)),
        color=alt.Color("measurements:N", legend=alt.Legend(title=None)),
        detail="seed:N",
        tooltip=["measurements", "seed", "start", alt.Tooltip("norm_over_least:Q", format=".4f")],
    )
    smallest = data[data["start"] == data["start"].min()]
    summary = "; ".join(f"{m}: {r:.3f}" for m, r in smallest.groupby("measurements")["norm_over_least"].mean().items())
    return Figure(
        "norm-by-start",
        (chart.mark_line() + chart.mark_point(filled=True, opacity=1)).properties(height=300),
        "Nuclear norm of what descent finds, over the least with the same measurements, against the size of the start.",
        f"Nuclear norm over the least, from the smallest start. {summary}.",
        data,
        dict.fromkeys(("norm_over_least", "recovery_error", "effective_rank"), ".4g"),
    )


@study
def gunasekar2017_initialisation() -> Study:
    """The conjecture."""
    return Study(
        name=NAME,
        artifact="Small starts and the least nuclear norm",
        claim=(
            "From a small start gradient descent on X = U U^T, without any penalty, finds nearly the least nuclear "
            "norm with the given measurements, in the limit the least itself where they suffice for recovery, as was "
            "conjectured for any; with far fewer the norm rises again for still smaller starts."
        ),
        paper=recovery.PAPER,
        differences=(*recovery.DIFFERENCES, LIMIT),
        scaled=recovery.SCALED,
        cost=recovery.COST,
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(figure, recovery.table),
        check=check,
    )
