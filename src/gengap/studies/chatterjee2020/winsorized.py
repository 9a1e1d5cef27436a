"""The winsorisation experiment of Chatterjee 2020: clipping the gradients of a few examples ends memorising.

Claim: where each coordinate of the gradient is clipped to its c-th percentiles over the minibatch, the training
accuracy on noisy labels no longer exceeds what a network that has learned no noise would reach; the adjusted overfit
falls as c grows.

Reported: that it falls, as 1, from a secondary source; the paper prints no numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from gengap.studies.chatterjee2020.trainings import BATCH, DIFFERENCES, IMAGES, PAPER, Training
from gengap.studies.rows import image_data, measured
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "chatterjee2020/winsorized"
HIDDEN: dict[Scale, tuple[int, ...]] = {"smoke": (16,), "desk": (256, 256, 256), "paper": (256, 256, 256)}
EPOCHS: dict[Scale, int] = {"smoke": 6, "desk": 80, "paper": 100}
NOISE: dict[Scale, tuple[float, ...]] = {
    "smoke": (0.0, 0.5),
    "desk": (0.0, 0.5, 1.0),
    "paper": (0.0, 0.25, 0.5, 0.75, 1.0),
}
CLIPPED: dict[Scale, tuple[float, ...]] = {
    "smoke": (0.0, 2.0),
    "desk": (0.0, 2.0, 8.0),
    "paper": (0.0, 1.0, 2.0, 4.0, 8.0),
}
RIPPLE = 0.01  # by which the overfit may rise from one c to the next and still fall as c grows
FALL = 0.05  # by which it has to fall from the least c to the largest
COLUMNS = (
    *("train_loss", "train_accuracy", "test_accuracy", "pristine_accuracy", "corrupt_accuracy", "overfit"),
    *("best_test_accuracy", "overfit_falls", "history"),
)
REPORTED = tuple(
    Reported(
        f"the adjusted overfit with c = {c:g} is below that of plain descent at noise {noise:g} (1: it is)",
        "winsorisation experiment",
        1.0,
        "yes = 1",
        0.5,
        "secondary source",
        "overfit_falls",
        {"noise": noise, "c": c},
    )
    for noise in (0.5, 1.0)
    for c in (2.0, 8.0)
)


@dataclass(frozen=True)
class Config:
    """One training."""

    scale: Scale
    noise: float  # probability with which a label is redrawn
    c: float  # percentile that is clipped at both ends
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """Every noise with every percentile."""
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    return [Config(scale, noise, c, seed) for seed in seeds for noise in NOISE[scale] for c in CLIPPED[scale]]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a training; whether its overfit is below that of plain descent on the same labels."""
    rows = measured(NAME, configs, COLUMNS, train, options, data=image_data("mnist"))
    plain = {(row["noise"], row["seed"]): row["overfit"] for row in rows if row["c"] == 0}
    for row in rows:
        base = plain.get((row["noise"], row["seed"]))
        if row["c"] and row["overfit"] is not None and base is not None:
            row["overfit_falls"] = float(row["overfit"] < base)
    return rows


def train(configs: list[Config], context: "Context") -> list[Row]:
    """The row of one training, with its curve."""
    (config,) = configs
    epochs = EPOCHS[config.scale]
    training = Training(config.scale, IMAGES[config.scale], HIDDEN[config.scale], config.noise, config.c, config.seed)
    curve = []
    for epoch in range(1, epochs + 1):
        training.epoch(epoch)
        curve.append({"epoch": epoch, **training.accuracies()})
        context.report(epoch, epochs, f"accuracy {curve[-1]['train_accuracy']:.3f}")
    last = {name: value for name, value in curve[-1].items() if name != "epoch"}
    best = max(point["test_accuracy"] for point in curve)
    known = {"status": "done", "reason": None, "seen_as": training.problem.seen_as}
    return [known | last | {"best_test_accuracy": best, "history": curve}]


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, learned, present, span

    noisy = [row for row in rows if row["noise"] > 0]
    clipped = [row for row in rows if row["c"] >= 2]

    def memorises(done: list[Row]) -> tuple[bool, str]:
        values = [row["overfit"] for row in done]
        return min(values) > 0.2, f"overfit of {span(values)} without clipping"

    def no_more(done: list[Row]) -> tuple[bool, str]:
        values = [row["overfit"] for row in done if row["noise"] > 0]
        for row in done:
            if row["noise"] == 0:
                learned(row["test_accuracy"])
        return max(present(values, "noise")) < 0.1, f"overfit of {span(values)} with c >= 2"

    def falls(done: list[Row]) -> tuple[bool, str]:
        curves: dict[tuple[float, int], list[float]] = {}
        for row in sorted(done, key=lambda row: float(row["c"])):
            curves.setdefault((row["noise"], row["seed"]), []).append(row["overfit"])
        for values in curves.values():
            present(values, "values of c:", 2)
        worst = max(b - a for values in curves.values() for a, b in pairwise(values))
        least = min(values[0] - values[-1] for values in curves.values())
        figures = f"it falls by at least {least:.3f} in all, and rises by at most {max(0.0, worst):.3f} in a step"
        return worst <= RIPPLE and least > FALL, figures

    return [
        claim_part("plain descent memorises the noise", [r for r in noisy if r["c"] == 0], ["overfit"], memorises),
        claim_part("with c >= 2 the overfit stays below a tenth", clipped, ["overfit", "test_accuracy"], no_more),
        claim_part("the overfit falls as c grows", noisy, ["overfit"], falls),
    ]


def curves(rows: "pd.DataFrame") -> "Figure | None":
    """Training and test accuracy over epochs, a panel a noise."""
    import altair as alt
    import pandas as pd

    from gengap.report import Figure

    points = [
        {
            "noise": row["noise"],
            "c": f"{row['c']:g}",
            "split": split,
            "epoch": p["epoch"],
            "accuracy": p[f"{split}_accuracy"],
        }
        for row in rows.to_dict("records")
        if row["seed"] == 0
        for p in row.get("history") or ()
        for split in ("train", "test")
    ]
    if not points:
        return None
    data = pd.DataFrame(points)
    chart = (
        alt.Chart(data)
        .mark_line()
        .encode(
            x=alt.X("epoch:Q"),
            y=alt.Y("accuracy:Q", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("c:N", title="c"),
            strokeDash=alt.StrokeDash("split:N", sort=["train", "test"], title=None),
        )
        .properties(width=200, height=220)
        .facet(column=alt.Column("noise:Q", title="label noise"))
    )
    return Figure(
        "winsorized-curves",
        chart,
        "Accuracy on the noisy training labels (solid) and on the test labels (dashed), by percentile c.",
        "Training and test accuracy over epochs for each noise and percentile.",
        data[data["epoch"] == data["epoch"].max()],
        {"accuracy": ".1%"},
    )


def overfit(rows: "pd.DataFrame") -> "Figure | None":
    """The adjusted overfit at the end, against c."""
    import altair as alt

    from gengap.report import Figure

    data = rows[rows["overfit"].notna()][["noise", "c", "seed", "overfit", "train_accuracy", "test_accuracy"]].copy()
    if data.empty:
        return None
    data["noise"] = data["noise"].map("{:g}".format)
    chart = alt.Chart(data).encode(
        x=alt.X("c:Q", title="percentile c that is clipped at both ends"),
        y=alt.Y("overfit:Q", title="adjusted overfit", axis=alt.Axis(format="%")),
        color=alt.Color("noise:N", title="label noise"),
        detail="seed:N",
    )
    last = "; ".join(f"noise {r.noise}, c {r.c:g}: {r.overfit:.1%}" for r in data.itertuples())
    return Figure(
        "adjusted-overfit",
        (chart.mark_line() + chart.mark_point(filled=True, opacity=1)).properties(height=280),
        "By how much the training accuracy exceeds that of a network without any memorised noise, at the end.",
        f"Adjusted overfit against c. {last}.",
        data,
        dict.fromkeys(("overfit", "train_accuracy", "test_accuracy"), ".1%"),
    )


@study
def chatterjee2020_winsorized() -> Study:
    """Winsorised descent."""
    return Study(
        name=NAME,
        artifact="Winsorised descent",
        claim=(
            "Clipping each coordinate of the gradient to its c-th percentiles over the minibatch keeps the training "
            "accuracy on noisy labels from exceeding what is learned without memorising; the overfit falls as c grows."
        ),
        paper=PAPER,
        differences=(
            *DIFFERENCES,
            f"k = floor(c B / 100) examples are clipped at each end of minibatches of {BATCH}: the percentiles.",
        ),
        scaled={
            "smoke": "200 of the embedded digits, one hidden layer of 16 units, 6 epochs, c of 0 and 2.",
            "desk": (
                f"the first {IMAGES['desk'][0]:,} training images, {EPOCHS['desk']} epochs of 10 steps instead of 100 "
                "of 600, one seed, noise of 0, 0.5 and 1 and c of 0, 2 and 8 only."
            ),
        },
        cost={
            "smoke": "seconds",
            "desk": "about ten minutes on one core",
            "paper": "days on one core, hours on a GPU (an estimate)",
        },
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(curves, overfit),
        check=check,
    )
