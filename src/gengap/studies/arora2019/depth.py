"""Deep matrix factorisation of Arora et al. 2019: with few entries depth finds lower rank, not lower norm.

Claim: the deeper the product of matrices that is descended on from a small start, the lower the effective rank of what
it completes; from few entries and with three or more factors lower than that of the least nuclear norm, at the price of
a larger norm. Two factors are about as low as that.

Reported: nothing; the paper shows it in figures whose numbers are not at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING

from gengap.studies.rows import measured
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure, Table
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "arora2019/depth"
# Rows and columns, rank, and the fractions of the entries that are known.
SIZES: dict[Scale, tuple[int, int, tuple[float, ...]]] = {
    "smoke": (10, 1, (0.4, 0.8)),
    "desk": (30, 2, (0.15, 0.2, 0.25, 0.3, 0.4, 0.5)),
    "paper": (100, 5, (0.2, 0.5)),
}
DEPTHS = (1, 2, 3, 4)
START = 1e-6  # scale of the product at the start
TOLERANCE = 1e-3  # relative residual, or gap
COLUMNS = ("count", "norm", "effective_rank", "recovery_error", "residual", "gap", "steps", "converged")


@dataclass(frozen=True)
class Config:
    """A matrix, some of its entries, and one way to complete it."""

    scale: Scale
    known: float  # fraction of the entries
    depth: int | None  # factors; None: the least nuclear norm
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """Every depth and the least nuclear norm, for every number of entries."""
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    methods = (None, *DEPTHS)
    return [Config(scale, known, depth, seed) for seed in seeds for known in SIZES[scale][2] for depth in methods]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a configuration."""
    return measured(NAME, configs, COLUMNS, complete, options)


def complete(configs: list[Config], context: "Context") -> list[Row]:
    """One row for each: the solution, its properties, and how far it can be trusted."""
    return [_row(config) for config in configs]


def _row(config: Config) -> Row:
    from gengap.interpolate import factorisation as mf

    n, rank, _ = SIZES[config.scale]
    truth = mf.low_rank((n, n), rank, seed=config.seed)
    entries = mf.entry_measurements((n, n), round(config.known * n * n), seed=config.seed)
    solution: mf.Factorised | mf.NuclearSolution
    if config.depth is None:
        solution = mf.minimum_nuclear_norm(entries, entries(truth), tolerance=TOLERANCE)
    else:
        solution = mf.deep_descent(
            entries, entries(truth), depth=config.depth, scale=START, tolerance=TOLERANCE, seed=config.seed
        )
    return {
        "status": "done",
        "reason": None,
        "count": len(entries),
        "norm": mf.nuclear_norm(solution.matrix),
        "effective_rank": mf.effective_rank(solution.matrix),
        "recovery_error": mf.recovery_error(solution.matrix, truth),
        "residual": solution.residual,
        "gap": getattr(solution, "gap", None),
        "steps": solution.steps,
        "converged": solution.converged,
    }


RANK_RESOLVED = 1e-3  # an effective rank is known to about the residual at which descent ends


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, present

    def rank(done: Sequence[Row], depth: int | None) -> float:
        """Effective rank of a product of this depth; None: of the least nuclear norm."""
        own = present((row["effective_rank"] for row in done if row["depth"] == depth), f"depth {depth}")
        return fmean(own)

    def deeper(done: list[Row]) -> tuple[bool, str]:
        by_depth = [rank(done, depth) for depth in DEPTHS]
        rises = any(b > a + RANK_RESOLVED for a, b in pairwise(by_depth))
        falls = by_depth[-1] < by_depth[0] - RANK_RESOLVED
        figures = ", ".join(f"{one:.3f}" for one in by_depth)
        return falls and not rises, f"effective rank {figures} at depths 1 to 4"

    def below(done: list[Row]) -> tuple[bool, str]:
        least, deep = rank(done, None), max(rank(done, depth) for depth in DEPTHS if depth >= 3)
        return deep < least - RANK_RESOLVED, f"{deep:.3f} with three or more factors, {least:.3f} of the least norm"

    usable = [
        row if row.get("converged") else row | {"effective_rank": None, "reason": "not converged"} for row in rows
    ]
    fewest = min(row["known"] for row in rows)
    few = [row for row in usable if row["known"] == fewest]
    part = "from the fewest entries three or more factors give a lower rank than the least nuclear norm has"
    return [
        claim_part("deeper products complete with lower effective rank", few, ["effective_rank"], deeper),
        claim_part(part, few, ["effective_rank"], below),
    ]


def figure(rows: "pd.DataFrame") -> "Figure | None":
    """Effective rank against depth."""
    import altair as alt

    from gengap.report import Figure, marked_by_convergence

    data = _named(rows[rows["effective_rank"].notna()])
    if data.empty:
        return None
    data = data[["completed by", "known", "seed", "effective_rank", "norm", "recovery_error", "state"]]
    base = alt.Chart(data).encode(
        x=alt.X("known:Q", title="fraction of the entries known", axis=alt.Axis(format=".0%")),
        y=alt.Y("effective_rank:Q", title="effective rank", scale=alt.Scale(type="log", nice=False, domainMin=0.95)),
        color=alt.Color("completed by:N", legend=alt.Legend(title=None)),
        detail="seed:N",
        tooltip=["completed by", "known", "seed", alt.Tooltip("effective_rank:Q", format=".3f"), "state"],
    )
    points = marked_by_convergence(base, data["state"])
    fewest = data[data["known"] == data["known"].min()]
    summary = "; ".join(f"{n}: {r:.2f}" for n, r in fewest.groupby("completed by")["effective_rank"].mean().items())
    return Figure(
        "effective-rank-by-entries",
        (base.mark_line() + points).properties(height=300),
        "Effective rank of the completed matrix against the entries known, for products of one to four factors and for "
        "the least nuclear norm. A cross: not converged.",
        f"Effective rank with the fewest entries. {summary}.",
        data,
        dict.fromkeys(("effective_rank", "norm", "recovery_error"), ".4g"),
    )


def table(rows: "pd.DataFrame") -> "Table":
    """Every row with its convergence."""
    from gengap.report import Table

    columns = ["completed by", "count", "seed", "effective_rank", "norm", "recovery_error", "residual", "gap", "steps"]
    return Table(
        _named(rows)[[*columns, "converged"]],
        "The solutions. norm: the nuclear norm; gap: a bound on how far it lies above the least one; gap, residual and "
        "recovery_error are relative. A row that did not converge is no limit of descent",
        dict.fromkeys(("effective_rank", "norm", "recovery_error", "residual", "gap"), ".3g"),
    )


def _named(rows: "pd.DataFrame") -> "pd.DataFrame":
    names = rows["depth"].map("depth {:.0f}".format, na_action="ignore").fillna("least nuclear norm")
    states = ["converged" if converged else "not converged" for converged in rows["converged"]]
    return rows.assign(state=states).assign(**{"completed by": names.astype(str)})


@study
def arora2019_depth() -> Study:
    """Effective rank and depth."""
    return Study(
        name=NAME,
        artifact="Depth and effective rank",
        claim=(
            "The deeper the product of matrices that is descended on from a small start, the lower the rank of what it "
            "completes: from few entries, with three or more factors, lower than that of the least nuclear norm."
        ),
        paper=("Arora, Cohen, Hu and Luo 2019, Implicit regularization in deep matrix factorization, arXiv:1905.13655"),
        differences=(
            "The paper's numbers are not at hand, so none is compared. Matrices are scaled to a Frobenius norm of 1 "
            f"instead of n = 100; factors start with a standard deviation of {START:g}^(1/depth) n^(-1/2), where the "
            "authors' 1e-3 to 1e-6 would be 1e-5 to 1e-8.",
            "Descent takes steps found by backtracking, each of which changes the factors by at most a twentieth of "
            "their norm, instead of RMSprop with a common step. It ends at a relative residual of 0.001.",
        ),
        scaled={
            "smoke": "10 x 10 matrices of rank 1 instead of 100 x 100 of rank 5.",
            "desk": "30 x 30 matrices of rank 2 instead of 100 x 100 of rank 5, one draw of each.",
        },
        cost={
            "smoke": "seconds",
            "desk": "a minute on two cores",
            "paper": "minutes on two cores",
        },
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(figure, table),
        check=check,
    )
