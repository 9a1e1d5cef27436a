"""Theorem 1 of Zhang et al. 2017: two layers of ReLUs with 2n + d weights fit any labels.

Claim: for n distinct points in d dimensions there is a network of two layers of ReLUs with 2n + d weights that has any
given values there. Its construction is carried out on CIFAR-10 with random real labels.

Reported: the number of weights, and that nothing is missed. Tolerance: 1e-6 of the largest label, for float64.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gengap.studies.rows import image_data, measured
from gengap.studies.study import Reported, Row, Scale, Study, study
from gengap.studies.zhang2017.trainings import PAPER

if TYPE_CHECKING:
    import pandas as pd

    from gengap.arrays import Floats
    from gengap.interpolate import ReLUInterpolator
    from gengap.report import Figure, Table
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "zhang2017/theorem1"
SIZES: dict[Scale, tuple[int, ...]] = {"smoke": (100, 400), "desk": (5_000, 20_000, 50_000), "paper": (50_000,)}
DIMENSION = 3 * 32 * 32
ALLOWED = 1e-6  # error as a fraction of the largest |y|
DRAWN = 12  # points of the fit that is drawn
COLUMNS = ("n_weights", "weights_over_theorem", "relative_error", "smallest_gap", "largest_weight", "seconds")
DRAWING = ("line_points", "line_values", "line_knots", "line_weights")  # lists; None of fits that are not drawn
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
    """A fit to be drawn, and one for each number of points; at paper scale of three seeds."""
    fits = [Config(scale, n, seed) for n in SIZES[scale] for seed in ((0, 1, 2) if scale == "paper" else (0,))]
    return [Config(scale, DRAWN), *fits]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a fit."""
    return measured(NAME, configs, (*COLUMNS, *DRAWING), fit, options, data=image_data("cifar10"))


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
        "seen_as": problem.preprocess(crop=None, scale="none").seen_as,
        "n_weights": model.n_weights_,
        "weights_over_theorem": model.n_weights_ - (2 * config.n + x.shape[1]),
        "relative_error": model.residual_ / float(np.abs(y).max()),
        "smallest_gap": model.min_gap_,
        "largest_weight": float(np.abs(model.weights_).max()),
        "seconds": time.perf_counter() - started,
        **_drawing(model, x @ model.direction_, y),
    }


def _drawing(model: "ReLUInterpolator", line: "Floats", y: "Floats") -> Row:
    """Where points lie along the direction, their values, and the ReLUs, of a fit that is small enough to be drawn."""
    if len(y) > DRAWN:
        return dict.fromkeys(DRAWING)
    parts = (line, y, model.knots_, model.weights_)
    return {name: part.tolist() for name, part in zip(DRAWING, parts, strict=True)}


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


def figure(rows: "pd.DataFrame") -> "Figure | None":
    """The points along the direction, each ReLU by itself, and the network: their sum."""
    import altair as alt
    import numpy as np
    import pandas as pd

    from gengap.report import PALETTE, Figure

    drawn = [row for row in rows.to_dict("records") if isinstance(row.get("line_points"), list)]
    if not drawn:
        return None
    points, values, knots, weights = (np.array(drawn[0][name]) for name in DRAWING)
    margin = 0.1 * (points.max() - points.min())
    ends = [points.min() - margin, points.max() + margin]  # the first knot lies far to the left
    along = np.unique([*knots, *points, *ends])
    units = weights * np.maximum(along[:, None] - knots, 0)  # [places, ReLUs]
    # Along the line the network is linear between knots; at the knot behind a point it has nearly that point's value.
    sums = [{"place": t, "value": v, "what": "the network"} for t, v in zip(along, units.sum(1), strict=True)]
    single = [
        {"place": t, "value": v, "what": f"ReLU {j + 1}"}
        for j in range(len(knots))
        for t, v in zip(along, units[:, j], strict=True)
    ]
    given = [{"place": t, "value": v, "what": "a point"} for t, v in zip(points, values, strict=True)]
    reach = 1.4 * float(np.abs(values).max())
    x = alt.X("place:Q", title="projection of the image on the direction a", scale=alt.Scale(domain=ends, nice=False))
    y = alt.Y("value:Q", title="value", scale=alt.Scale(domain=[-reach, reach]))
    chart = alt.layer(
        alt.Chart(pd.DataFrame(single)).mark_line(clip=True, strokeWidth=1, opacity=0.35, color=PALETTE[1]).encode(
            x, y, detail="what:N", tooltip=["what", "place", "value"]
        ),
        alt.Chart(pd.DataFrame(sums)).mark_line(clip=True, strokeWidth=2.5, color=PALETTE[0]).encode(x, y),
        alt.Chart(pd.DataFrame(given)).mark_point(filled=True, size=70, opacity=1, color=PALETTE[0]).encode(
            x, y, tooltip=["place", "value"]
        ),
    ).properties(height=320)  # fmt: skip
    return Figure(
        "network",
        chart,
        f"The network of {len(points)} points (thick) through the values that it was given (dots), and its "
        f"{len(knots)} ReLUs, each by itself (thin, cut off where they leave the frame). Each knot lies just right of "
        "the point before it.",
        f"A piecewise linear curve through {len(points)} points: the sum of {len(knots)} ReLUs.",
        pd.DataFrame(given + sums + single),
    )


def table(rows: "pd.DataFrame") -> "Table | None":
    """Every fit."""
    from gengap.report import Table

    done = rows[rows["status"] == "done"]
    if done.empty:
        return None
    frame = done[["n", "seed", *COLUMNS]].rename(columns=lambda name: name.replace("_", " "))
    return Table(
        frame,
        "Networks through random real labels: how many weights they have, and by how much they miss the labels",
        FORMATS,
    )


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
        views=(figure, table),
        check=check,
    )
