"""Theorem 1 of Zhang et al. 2017: two layers of ReLUs with 2n + d weights fit any labels.

Claim: for n distinct points in d dimensions there is a network of two layers of ReLUs with 2n + d weights that has any
given values there. Its construction is carried out on CIFAR-10 with random real labels.

Reported: the number of weights, and that nothing is missed. Tolerance: 1e-6 of the largest label, for float64.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gengap.studies.rows import measured
from gengap.studies.study import Reported, Row, Scale, Study, study
from gengap.studies.zhang2017.trainings import PAPER

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Table
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "zhang2017/theorem1"
SIZES: dict[Scale, tuple[int, ...]] = {"smoke": (100, 400), "desk": (5_000, 20_000, 50_000), "paper": (50_000,)}
DIMENSION = 3 * 32 * 32
ALLOWED = 1e-6  # error as a fraction of the largest |y|
COLUMNS = ("n_weights", "weights_over_theorem", "relative_error", "smallest_gap", "largest_weight", "seconds")
FORMATS = {"relative error": ".1e", "smallest gap": ".1e", "largest weight": ".1e", "seconds": ".2f"}


@dataclass(frozen=True)
class Config:
    """One fit."""

    scale: Scale
    n: int
    seed: int = 0


REPORTED = (
    Reported(
        "weights of the network for all training images",
        "Theorem 1",
        2 * 50_000 + DIMENSION,
        "weights",
        0.5,
        "printed",
        "n_weights",
        {"n": 50_000},
    ),
    Reported(
        "largest error over the largest label",
        "Theorem 1",
        0.0,
        "max |y|",
        ALLOWED,
        "printed",
        "relative_error",
        {"n": 50_000},
    ),
)


def sweep(scale: Scale) -> list[Config]:
    """A fit for each number of points; at paper scale of three seeds."""
    return [Config(scale, n, seed) for n in SIZES[scale] for seed in ((0, 1, 2) if scale == "paper" else (0,))]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a fit."""
    return measured(NAME, configs, COLUMNS, fit, options)


def fit(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of fits."""
    return [_fit(config) for config in configs]


def _fit(config: Config) -> Row:
    import time

    import numpy as np

    from gengap.data import load
    from gengap.interpolate import ReLUInterpolator
    from gengap.seeds import generator

    problem = load("digits" if config.scale == "smoke" else "cifar10")
    x = problem.train.x[: config.n].reshape(config.n, -1)
    y = generator(config.seed, "labels").standard_normal(config.n)
    started = time.perf_counter()
    model = ReLUInterpolator(random_state=config.seed).fit(x, y)
    return {
        "status": "done",
        "reason": None,
        "n_weights": model.n_weights_,
        "weights_over_theorem": model.n_weights_ - (2 * config.n + x.shape[1]),
        "relative_error": model.residual_ / float(np.abs(y).max()),
        "smallest_gap": model.min_gap_,
        "largest_weight": float(np.abs(model.weights_).max()),
        "seconds": time.perf_counter() - started,
    }


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part

    def counted(done: list[Row]) -> tuple[bool, str]:
        over = [row["weights_over_theorem"] for row in done]
        return max(map(abs, over)) == 0, f"{max(over):g} weights more than 2n + d at most"

    def fits(done: list[Row]) -> tuple[bool, str]:
        worst = max(row["relative_error"] for row in done)
        return worst <= ALLOWED, f"largest error {worst:.1g} of the largest label"

    return [
        claim_part("the network has 2n + d weights", rows, ["weights_over_theorem"], counted),
        claim_part("it has the given value at every point", rows, ["relative_error"], fits),
    ]


def table(rows: "pd.DataFrame") -> "Table | None":
    """Every fit."""
    from gengap.report import Table

    done = rows[rows["status"] == "done"]
    if done.empty:
        return None
    frame = done[["n", "seed", *COLUMNS]].rename(columns=lambda name: name.replace("_", " "))
    return Table(frame, "Networks that have random real labels, their weights and what they miss", FORMATS)


@study
def zhang2017_theorem1() -> Study:
    """Theorem 1."""
    return Study(
        name=NAME,
        artifact="Theorem 1",
        claim="Two layers of ReLUs with 2n + d weights have any given values at n distinct points in d dimensions.",
        paper=PAPER,
        differences=(
            "The function is evaluated by its linear pieces: a sum over 50,000 steep ReLUs in floating point would "
            "lose in cancellation what the theorem promises.",
            "The direction is the best of four random ones and knots lie just right of each point; the proof leaves "
            "both open.",
        ),
        scaled={
            "smoke": "the embedded digits instead of CIFAR-10, up to 400 of them.",
            "desk": "one seed; several numbers of points, to see how the time grows.",
        },
        cost={"smoke": "seconds", "desk": "seconds on two cores", "paper": "seconds on two cores"},
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(table,),
        check=check,
    )
