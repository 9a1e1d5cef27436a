"""Coherence over training, of Chatterjee 2020 and of Chatterjee and Zielinski 2020.

Claim: gradients agree more on real labels than on random ones; pristine examples are learned earlier than corrupt ones
and make most of the mean gradient until late. m-coherence on random labels starts near 1, rises into the hundreds while
they are memorised, and falls again.

Reported: nothing that can be compared; the papers' figures are of other networks, and their numbers are not at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gengap.studies.chatterjee2020.trainings import DIFFERENCES, PAPER, Training
from gengap.studies.rows import image_data, measured
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "chatterjee2020/coherence"
HIDDEN: dict[Scale, int] = {"smoke": 16, "desk": 2048, "paper": 2048}
IMAGES: dict[Scale, tuple[int, int | None]] = {"smoke": (200, 100), "desk": (5_000, None), "paper": (60_000, None)}
NOISE: dict[Scale, tuple[float, ...]] = {
    "smoke": (0.0, 0.5, 1.0),
    "desk": (0.0, 0.25, 0.5, 0.75, 1.0),
    "paper": (0.0, 0.25, 0.5, 0.75, 1.0),
}
EPOCHS: dict[Scale, tuple[int, ...]] = {
    "smoke": (0, 1, 4),
    "desk": (0, 1, 2, 3, 5, 8, 12, 18, 25, 35, 50, 70, 100),
    "paper": (0, 1, 2, 3, 5, 8, 12, 18, 25, 35, 45, 60, 80, 100, 130, 167),
}
APART = 0.05  # of the accuracy: what right labels have to be learned better by
HUNDREDS = 100  # m-coherence from which it has grown into the hundreds
COLUMNS = (
    *("train_loss", "train_accuracy", "test_accuracy", "pristine_accuracy", "corrupt_accuracy", "overfit"),
    *("m_coherence", "m_coherence_error", "alpha", "alpha_unbiased", "mean_gradient_norm"),
    *("first_layer_m_coherence", "last_layer_m_coherence"),
    *("pristine_contribution", "null_low", "null_high"),
)


@dataclass(frozen=True)
class Config:
    """One training at one of its epochs."""

    scale: Scale
    noise: float  # probability with which a label is redrawn
    epoch: int
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """Every noise at every epoch."""
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    return [Config(scale, noise, epoch, seed) for seed in seeds for noise in NOISE[scale] for epoch in EPOCHS[scale]]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row an epoch; the epochs of a training share it."""
    return measured(
        NAME, configs, COLUMNS, train, options, together=lambda c: (c.noise, c.seed), data=image_data("mnist")
    )


def train(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of one training."""
    first, last = configs[0], max(config.epoch for config in configs)
    training = Training(first.scale, IMAGES[first.scale], (HIDDEN[first.scale],), first.noise, 0.0, first.seed)
    result: dict[int, Row] = {}
    for epoch in range(last + 1):
        if epoch:
            training.epoch(epoch)
        if epoch in {config.epoch for config in configs}:
            known = {"status": "done", "reason": None, "seen_as": training.problem.seen_as}
            result[epoch] = known | training.accuracies() | _coherence(training)
        context.report(epoch + 1, last + 1, f"epoch {epoch}")
    return [result[config.epoch] for config in configs]


def _coherence(training: Training) -> Row:
    from gengap.probes import coherence

    result = coherence(training.model, training.problem)
    layers = list(result.layers.values())
    row: Row = {
        "m_coherence": result.m_coherence,
        "m_coherence_error": result.whole.m_coherence_error,
        "alpha": result.alpha,
        "alpha_unbiased": result.whole.unbiased,
        "mean_gradient_norm": (result.alpha * result.whole.mean_squared_norm) ** 0.5,
        "first_layer_m_coherence": layers[0].m_coherence,
        "last_layer_m_coherence": layers[-1].m_coherence,
    }
    if training.corrupt.any():
        parts = result.contributions(training.corrupt, permutations=199, seed=training.seed)
        row |= {
            "pristine_contribution": parts.pristine,
            "null_low": parts.null_low,
            "null_high": parts.null_high,
        }
    return row


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, clearly_less, present, span

    early = min((row["epoch"] for row in rows if row["epoch"] > 0), default=1)
    partly = [row for row in rows if 0 < row["noise"] < 1]
    first = [row for row in partly if row["epoch"] == early]
    whole = [row for row in rows if row["noise"] in (0, 1) and row["epoch"] == 0]
    random = [row for row in rows if row["noise"] == 1]

    def earlier(done: list[Row]) -> tuple[bool, str]:
        apart = [row["pristine_accuracy"] - row["corrupt_accuracy"] for row in done]
        return min(apart) > APART, f"pristine less corrupt accuracy {span(apart)}"

    def most(done: list[Row]) -> tuple[bool, str]:
        shares = [row["pristine_contribution"] for row in done]
        over = [row["pristine_contribution"] - row["null_high"] for row in done]
        figures = f"share of pristine examples {span(shares)}, less the null's upper end {span(over)}"
        return min(over) > 0 and min(shares) > 0.5, figures

    def lower(done: list[Row]) -> tuple[bool, str]:
        real, noise = (
            present((r["m_coherence"] for r in done if r["noise"] == level), f"noise {level}") for level in (0, 1)
        )
        return clearly_less(
            max(noise), min(real)
        ), f"{span(real)} on real and {span(noise)} on random labels before training"

    def grows(done: list[Row]) -> tuple[bool, str]:
        starts, peaks = [], []
        for seed in {row["seed"] for row in done}:
            own = [row for row in done if row["seed"] == seed]
            starts.append(present((r["m_coherence"] for r in own if r["epoch"] == 0), "an untrained network")[0])
            peaks.append(max(present((r["m_coherence"] for r in own if r["epoch"] > 0), "a trained network")))
        grown = all(peak > max(HUNDREDS, start) for start, peak in zip(starts, peaks, strict=True))
        return grown, f"{span(starts)} before training, at most {span(peaks)} later"

    right = ["pristine_accuracy", "corrupt_accuracy"]
    share = ["pristine_contribution", "null_high"]
    start = [row for row in partly if row["epoch"] == 0]
    return [
        claim_part(f"right labels are learned first (epoch {early})", first, right, earlier),
        claim_part("pristine examples make most of the mean gradient at the start", start, share, most),
        claim_part(f"they still do after epoch {early}", first, share, most),
        claim_part("m-coherence on random labels starts lower than on real ones", whole, ["m_coherence"], lower),
        claim_part("m-coherence on random labels grows into the hundreds", random, ["m_coherence"], grows),
    ]


def m_coherence(rows: "pd.DataFrame") -> "Figure | None":
    """m-coherence over epochs, a line a noise."""
    import altair as alt

    from gengap.report import Figure

    data = rows[rows["m_coherence"].notna()][["noise", "epoch", "seed", "m_coherence", "m_coherence_error"]].copy()
    if data.empty:
        return None
    data["noise"] = data["noise"].map("{:g}".format)
    chart = alt.Chart(data).encode(
        x=alt.X("epoch:Q", scale=alt.Scale(type="symlog")),
        y=alt.Y("m_coherence:Q", title="m-coherence", scale=alt.Scale(type="log")),
        color=alt.Color("noise:N", title="label noise"),
        detail="seed:N",
    )
    peaks = "; ".join(f"noise {n}: {v:.3g}" for n, v in data.groupby("noise")["m_coherence"].max().items())
    return Figure(
        "m-coherence",
        (chart.mark_line() + chart.mark_point(filled=True, opacity=1)).properties(height=300),
        "m-coherence over training. It is large on random labels too, once they are being memorised.",
        f"m-coherence over epochs; largest values: {peaks}.",
        data,
        dict.fromkeys(("m_coherence", "m_coherence_error"), ".4g"),
    )


def contributions(rows: "pd.DataFrame") -> "Figure | None":
    """The share of pristine examples in the mean gradient over epochs, with the band of permuted designations."""
    import altair as alt

    from gengap.report import Figure

    names = ["noise", "epoch", "seed", "pristine_contribution", "null_low", "null_high"]
    data = rows[rows["pristine_contribution"].notna() & (rows["seed"] == 0)][names]
    if data.empty:
        return None
    base = alt.Chart(data).encode(x=alt.X("epoch:Q", scale=alt.Scale(type="symlog")))
    band = base.mark_area(opacity=0.25).encode(y=alt.Y("null_low:Q", title="share"), y2="null_high:Q")
    line = base.mark_line(point=True).encode(y="pristine_contribution:Q")
    chart = alt.layer(band, line).properties(width=150, height=220).facet(column=alt.Column("noise:Q", title="noise"))
    return Figure(
        "contributions",
        chart,
        "Share f^p of the examples with right labels in the squared mean gradient; band: that of as many at random.",
        "Share of pristine examples in the mean gradient over epochs, with its null.",
        data,
        dict.fromkeys(names[3:], ".3f"),
    )


def accuracy(rows: "pd.DataFrame") -> "Figure | None":
    """Accuracy on pristine and on corrupt examples over epochs."""
    import altair as alt

    from gengap.report import Figure

    kinds = {"pristine_accuracy": "right labels", "corrupt_accuracy": "wrong labels", "test_accuracy": "test"}
    data = rows[rows["seed"] == 0].melt(["noise", "epoch"], list(kinds), "kind", "accuracy").dropna()
    if data.empty:
        return None
    data["kind"] = data["kind"].map(kinds)
    chart = (
        alt.Chart(data)
        .mark_line(point=True)
        .encode(
            x=alt.X("epoch:Q", scale=alt.Scale(type="symlog")),
            y=alt.Y("accuracy:Q", axis=alt.Axis(format="%")),
            color=alt.Color("kind:N", title=None, sort=list(kinds.values())),
        )
        .properties(width=150, height=220)
        .facet(column=alt.Column("noise:Q", title="noise"))
    )
    return Figure(
        "learning",
        chart,
        "Accuracy on training examples whose label noise left right or made wrong, and on the test labels.",
        "Accuracy by kind of example over epochs.",
        data[data["epoch"] == data["epoch"].max()],
        {"accuracy": ".1%"},
    )


@study
def chatterjee2020_coherence() -> Study:
    """Coherence over training."""
    return Study(
        name=NAME,
        artifact="Coherence over training",
        claim=(
            "Examples with right labels are learned before those with wrong ones and make most of the mean gradient "
            "at first; m-coherence on random labels starts lower, and grows into the hundreds too while they are "
            "memorised."
        ),
        paper=PAPER,
        differences=(
            *DIFFERENCES,
            "m-coherence is measured on the network of the label-noise experiment; the papers show it on ImageNet.",
            "m-coherence of hundreds on random labels is the authors' own finding: a large value shows no learning.",
        ),
        scaled={
            "smoke": "200 of the embedded digits, 16 hidden units, 4 epochs.",
            "desk": "the first 5,000 training images, 100 epochs of 50 steps instead of 167 of 600, one seed.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about ten minutes on one core",
            "paper": "a day on one core, an hour on a GPU (an estimate)",
        },
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(m_coherence, contributions, accuracy),
        check=check,
    )
