"""Positive semidefinite matrices recovered from few measurements in several ways, at every scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gengap.studies.rows import measured
from gengap.studies.study import Row, Scale

if TYPE_CHECKING:
    import pandas as pd

    from gengap.arrays import Floats
    from gengap.interpolate.factorisation import Factorised, Measurements, NuclearSolution
    from gengap.report import Table
    from gengap.sweep import Context, Options

Kind = Literal["gaussian", "entries"]
Method = Literal["descent", "nuclear norm", "rank"]
PAPER = (
    "Gunasekar, Woodworth, Bhojanapalli, Neyshabur and Srebro 2017, Implicit regularization in matrix factorization, "
    "arXiv:1705.09280"
)
# Rows and columns of the matrix, and its rank.
SIZES: dict[Scale, tuple[int, int]] = {"smoke": (10, 1), "desk": (30, 2), "paper": (50, 2)}
COLUMNS = (
    "count", "norm", "true_norm", "lower", "effective_rank", "recovery_error", "residual", "gap", "steps", "converged",
)  # fmt: skip
SCALED: dict[Scale, str] = {
    "smoke": "10 x 10 matrices of rank 1 instead of 50 x 50 of rank 2, and few settings.",
    "desk": "30 x 30 matrices of rank 2 instead of 50 x 50, one draw of each.",
}
COST: dict[Scale, str] = {
    "smoke": "seconds",
    "desk": "a minute on two cores",
    "paper": "some ten minutes on two cores",
}
DIFFERENCES = (
    "Sizes are as remembered of the paper, whose numbers are not at hand; so none is compared. Matrices are scaled to "
    "a Frobenius norm of 1, and the start is that much times the identity.",
    "Descent takes steps found by backtracking, each of which changes U by at most a twentieth of its norm, instead of "
    "a small fixed step or an exact line search. It ends at a relative residual of 0.001; a row says so if it did not.",
    "The least nuclear norm is bounded from both sides, by a feasible matrix and by a feasible point of the dual.",
)
TOLERANCE = 1e-3  # relative residual, or gap
STEPS = 200_000  # of descent at most; from a large start with many measurements it takes more than 20,000


@dataclass(frozen=True)
class Config:
    """A matrix, its measurements, and one way to recover it."""

    scale: Scale
    kind: Kind
    per_parameter: float  # measurements m / (n r)
    method: Method
    start: float | None = None  # of descent: U = start times the identity
    seed: int = 0

    @property
    def count(self) -> int:
        """m, at most all there are."""
        n, rank = SIZES[self.scale]
        return min(round(self.per_parameter * n * rank), n * (n + 1) // 2)


def seeds(scale: Scale) -> tuple[int, ...]:
    """One draw of matrix and measurements, at paper scale three."""
    return (0, 1, 2) if scale == "paper" else (0,)


def measure(study: str, configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a configuration."""
    return measured(study, configs, COLUMNS, recover, options, revision=1)


def recover(configs: list[Config], context: "Context") -> list[Row]:
    """One row for each: the solution, its properties, and how far it can be trusted."""
    return [_row(config) for config in configs]


def _row(config: Config) -> Row:
    from gengap.interpolate.factorisation import effective_rank, low_rank, nuclear_norm, recovery_error

    n, rank = SIZES[config.scale]
    truth = low_rank((n, n), rank, psd=True, seed=config.seed)
    solution = _found(config, _measurements(config), truth, rank)
    return {
        "status": "done",
        "reason": None,
        "count": config.count,
        "norm": nuclear_norm(solution.matrix),
        "true_norm": nuclear_norm(truth),
        "lower": getattr(solution, "lower", None),
        "effective_rank": effective_rank(solution.matrix),
        "recovery_error": recovery_error(solution.matrix, truth),
        "residual": solution.residual,
        "gap": getattr(solution, "gap", None),
        "steps": solution.steps,
        "converged": solution.converged,
    }


def _measurements(config: Config) -> "Measurements":
    from gengap.interpolate.factorisation import entry_measurements, gaussian_measurements

    n, _ = SIZES[config.scale]
    make = gaussian_measurements if config.kind == "gaussian" else entry_measurements
    return make((n, n), config.count, symmetric=True, seed=config.seed)


def _found(config: Config, known: "Measurements", truth: "Floats", rank: int) -> "Factorised | NuclearSolution":
    from gengap.interpolate.factorisation import minimum_nuclear_norm, psd_descent, rank_constrained

    y = known(truth)
    if config.method == "nuclear norm":
        return minimum_nuclear_norm(known, y, psd=True, tolerance=TOLERANCE)
    if config.method == "rank":
        return rank_constrained(known, y, rank, psd=True, tolerance=TOLERANCE)
    return psd_descent(known, y, scale=config.start or 1.0, steps=STEPS, tolerance=TOLERANCE)


def name(method: str, start: float) -> str:
    """A way to recover, for people."""
    return f"descent from {start:g}" if method == "descent" else method


def table(rows: "pd.DataFrame") -> "Table":
    """Every row with its convergence."""
    from gengap.report import Table

    columns = ["kind", "count", "method", "start", "seed", "norm", "true_norm", "effective_rank", "recovery_error"]
    columns += ["residual", "gap", "steps", "converged"]
    return Table(
        rows[columns],
        "The solutions. norm: the nuclear norm; gap: a bound on how far it lies above the least one; gap, residual and "
        "recovery_error are relative. A row that did not converge is no limit of descent",
        dict.fromkeys(("norm", "true_norm", "effective_rank", "recovery_error", "residual", "gap"), ".3g"),
    )
