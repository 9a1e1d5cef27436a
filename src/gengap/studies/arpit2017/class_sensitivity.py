"""Figure 4 of Arpit et al. 2017: which classes' inputs the loss of each class depends on.

Claim: the loss of a class depends most on inputs of that class; on real data more of the sensitivity is between
classes than on random inputs, since classes share patterns.

Reported: nothing that can be compared; the figure is a pair of matrices in grey.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from statistics import fmean
from typing import TYPE_CHECKING

from gengap.studies.arpit2017.trainings import PAPER, SMALL_FED, small_digits, small_network
from gengap.studies.rows import image_data, measured
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "arpit2017/class_sensitivity"
REAL = {"real": 1.0, "random": 0.0}  # the paper's word -> part of the inputs that is real
STEPS: dict[Scale, tuple[int, ...]] = {
    "smoke": (4,),
    "desk": (200, 500, 1000),
    "paper": (500, 1000, 2000, 5000, 10_000, 30_000),
}
EXAMPLES: dict[Scale, int] = {"smoke": 60, "desk": 1000, "paper": 1000}
CLASSES = range(10)
LEARNING_RATE, BATCH = 0.01, 100
COLUMNS = ("sensitivity", "share_between", "train_accuracy")


@dataclass(frozen=True)
class Config:
    """One entry of a matrix."""

    scale: Scale
    data: str  # real or random
    of_loss: int  # class whose loss it is
    of_inputs: int  # class whose inputs they are
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """The entries of both matrices."""
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    return [Config(scale, data, i, j, seed) for seed in seeds for data in REAL for i in CLASSES for j in CLASSES]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row an entry; those of a matrix share their training."""
    return measured(
        NAME, configs, COLUMNS, entries, options, together=lambda c: (c.data, c.seed), data=image_data("mnist")
    )


def entries(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of one matrix: the mean over the measured steps."""
    import numpy as np

    from gengap.probes import loss_sensitivity

    first = configs[0]
    x, y = small_digits(first.scale, EXAMPLES[first.scale], REAL[first.data], first.seed)
    context.report(0, 1, f"{first.data} data")
    found = loss_sensitivity(
        small_network(x[0].numel(), first.seed),
        x,
        y,
        lr=LEARNING_RATE,
        steps=STEPS[first.scale],
        batch_size=min(BATCH, len(y) // 2),
        by_class=True,
        seed=first.seed,
    )
    matrix = np.asarray(found.by_class).mean(0)
    between = float(1 - matrix.trace() / matrix.sum())
    shared = {"share_between": between, "train_accuracy": found.accuracies[-1]}
    return [
        {"status": "done", "reason": None, "sensitivity": float(matrix[c.of_loss, c.of_inputs]), **shared}
        for c in configs
    ]


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, clearly_less

    def diagonal(done: list[Row]) -> tuple[bool, str]:
        _learned_on_real_data(done)
        shown, all_own = [], True
        for data in REAL:
            matrix = _matrix(done, data)
            classes = sorted({loss for loss, _ in matrix})
            own = sum(
                all(clearly_less(matrix[loss, other], matrix[loss, loss]) for other in classes if other != loss)
                for loss in classes
            )
            all_own &= own == len(classes)
            ratio = fmean(matrix[c, c] for c in classes) / fmean(v for (i, j), v in matrix.items() if i != j)
            shown.append(f"{data}: {own} of {len(classes)}, {ratio:.2f} times")
        return all_own, f"classes most sensitive to their own, and the mean over that to others, {', '.join(shown)}"

    def between(done: list[Row]) -> tuple[bool, str]:
        _learned_on_real_data(done)
        shares = {}
        for data in REAL:
            matrix = _matrix(done, data)
            shares[data] = fsum(v for (i, j), v in matrix.items() if i != j) / fsum(matrix.values())
        shown = ", ".join(f"{data}: {value:.1%}" for data, value in shares.items())
        return shares["real"] > shares["random"] + APART, f"share of the sensitivity that is between classes, {shown}"

    needed = ["sensitivity", "train_accuracy"]
    return [
        claim_part("a class's loss depends most on inputs of that class", list(rows), needed, diagonal),
        claim_part("more of it is between classes on real data", list(rows), needed, between),
    ]


APART = 0.01  # of the sensitivity: what the shares between classes differ by at least


def _learned_on_real_data(rows: Sequence[Row]) -> None:
    from gengap.verdicts import learned, present

    learned(min(present((row["train_accuracy"] for row in rows if row["data"] == "real"), "real data")))


def _matrix(rows: Sequence[Row], data: str) -> dict[tuple[int, int], float]:
    """Sensitivity by the class of the loss and that of the inputs, of two classes or more."""
    from gengap.verdicts import present

    own = present((row for row in rows if row["data"] == data), f"{data} data")
    present({row["of_loss"] for row in own}, "classes:", 2)
    return {(row["of_loss"], row["of_inputs"]): row["sensitivity"] for row in own}


def matrices(rows: "pd.DataFrame") -> "Figure | None":
    """Both matrices."""
    import altair as alt

    from gengap.report import Figure

    names = ["data", "of_loss", "of_inputs", "sensitivity", "share_between"]
    data = rows[rows["sensitivity"].notna() & (rows["seed"] == 0)][names]
    if data.empty:
        return None
    chart = (
        alt.Chart(data)
        .mark_rect()
        .encode(
            x=alt.X("of_inputs:O", title="class of the inputs"),
            y=alt.Y("of_loss:O", title="class of the loss"),
            color=alt.Color("sensitivity:Q", scale=alt.Scale(type="log", scheme="blues")),
            tooltip=names,
        )
        .properties(width=240, height=240)
        .facet(column=alt.Column("data:N", sort=list(REAL), title=None))
    )
    shares = data.drop_duplicates("data")
    words = "; ".join(f"{r.data}: {r.share_between:.1%} between classes" for r in shares.itertuples())
    return Figure(
        "class-sensitivity",
        chart,
        "How much the loss of each class depends on a training input of each class.",
        f"Sensitivity of each class's loss to inputs of each class: {words}.",
        data,
        {"sensitivity": ".3g", "share_between": ".1%"},
    )


@study
def arpit2017_class_sensitivity() -> Study:
    """Figure 4."""
    return Study(
        name=NAME,
        artifact="Figure 4",
        claim=(
            "The loss of a class depends most on training inputs of that class, and on real data more of it depends on "
            "those of other classes than on random inputs."
        ),
        paper=PAPER,
        differences=(
            "The mean is over a few steps t; the paper's is over all of them up to the last.",
            f"Minibatches of {BATCH}, learning rate {LEARNING_RATE:g}, Xavier's weights; the paper gives the rate.",
            "Pixels are divided by 255; images are shrunk by means of 2 x 2 pixels.",
            "Random data are inputs of noise with the data's mean and variance and the labels of the images.",
        ),
        scaled={
            "smoke": "60 of the embedded digits, 4 steps.",
            "desk": "1,000 steps, measured after 200, 500 and 1,000, one seed.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about three minutes on one core",
            "paper": "hours on one core (an estimate)",
        },
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(matrices,),
        check=check,
        seen_as=SMALL_FED,
    )
