"""Figure 7 of Arpit et al. 2017: critical samples over training, on real data and on noise.

Claim: the more of the labels are noise, the larger the critical sample ratio becomes in training; noise on inputs
raises it far less; and validation accuracy falls from an early peak where labels are noise.

Reported, read by eye off the figure: validation accuracy and critical sample ratio on MNIST after 100 epochs. Ratios
agree to 0.02 with noise on labels and to 0.001 with noise on inputs, a sixth of that panel's axis; accuracies to 0.01.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from gengap.studies.arpit2017.trainings import DIFFERENCES, FED, LEVELS, PAPER, Descent, Noise, images
from gengap.studies.rows import image_data, measured
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "arpit2017/critical_samples"
SIZE: dict[Scale, tuple[int, int | None]] = {"smoke": (200, 50), "desk": (1_000, 1_000), "paper": (60_000, None)}
HIDDEN: dict[Scale, tuple[int, ...]] = {"smoke": (16, 16), "desk": (256, 256), "paper": (4096, 4096)}
EPOCHS: dict[Scale, tuple[int, ...]] = {
    "smoke": (0, 1, 3),
    "desk": (0, 1, 2, 5, 10, 20, 40, 70, 100),
    "paper": (0, 1, 2, 5, 10, 20, 40, 60, 80, 100),
}
RATE: dict[Scale, float] = {"smoke": 0.1, "desk": 0.1, "paper": 0.01}
SHOWN: dict[Scale, tuple[float, ...]] = {"smoke": (0.0, 0.8), "desk": (0.0, 0.4, 0.8), "paper": LEVELS}
PIXELS = (0.3, 2.55)  # radii of the box, of grey levels from 0 to 255: the paper's, and a hundredth of the range
BATCH, SEARCH = 100, 50
MEMORISED = 0.9  # training accuracy from which noisy labels are memorised
APART = 0.01  # of the images: what one ratio has to exceed another by
RIPPLE = 0.02  # by which the ratio may be below its largest value at the end and still have grown
COLUMNS = ("critical_ratio", "wide_critical_ratio", "validation_accuracy", "train_accuracy")
# Level of noise: validation accuracy and critical sample ratio after 100 epochs.
PUBLISHED: dict[str, dict[float, tuple[float, float]]] = {
    "inputs": {
        0.0: (0.985, 0.0034),
        0.2: (0.982, 0.0044),
        0.4: (0.98, 0.0053),
        0.6: (0.978, 0.0056),
        0.8: (0.97, 0.006),
    },
    "labels": {0.0: (0.985, 0.003), 0.2: (0.89, 0.087), 0.4: (0.745, 0.188), 0.6: (0.55, 0.3), 0.8: (0.33, 0.37)},
}


@dataclass(frozen=True)
class Config:
    """One training after one of its epochs."""

    scale: Scale
    noise: Noise
    level: float
    epoch: int
    seed: int = 0


REPORTED = tuple(
    Reported(
        f"{what} with noise of {level:g} on {noise}",
        f"Figure 7, noise on {noise}",
        values[index],
        "fraction",
        tolerance if index == 0 or noise == "labels" else 0.001,
        "read off a plot",
        quantity,
        {"noise": noise, "level": level, "epoch": 100},
    )
    for noise, levels in PUBLISHED.items()
    for level, values in levels.items()
    for index, (what, quantity, tolerance) in enumerate(
        (("validation accuracy", "validation_accuracy", 0.01), ("critical sample ratio", "critical_ratio", 0.02))
    )
)


def sweep(scale: Scale) -> list[Config]:
    """Every noise and level at every epoch; without noise both kinds are one training."""
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    kinds = cast("tuple[Noise, ...]", ("inputs", "labels"))
    return [Config(scale, k, v, e, s) for s in seeds for k in kinds for v in SHOWN[scale] for e in EPOCHS[scale]]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row an epoch; the epochs of a training share it."""
    together = lambda c: (c.noise if c.level else "none", c.level, c.seed)  # noqa: E731
    return measured(NAME, configs, COLUMNS, follow, options, together=together, data=image_data("mnist"))


def follow(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of one training."""
    from gengap.probes import critical_samples

    first, last = configs[0], max(config.epoch for config in configs)
    name = "digits" if first.scale == "smoke" else "mnist"
    data = images(name, SIZE[first.scale], first.noise, first.level, first.seed)
    descent = Descent(data, HIDDEN[first.scale], batch=BATCH, learning_rate=RATE[first.scale], seed=first.seed)
    result: dict[int, Row] = {}
    for epoch in range(last + 1):
        if epoch:
            descent.epoch(epoch)
        if epoch in {config.epoch for config in configs}:
            narrow, wide = (
                critical_samples(
                    descent.model, data.validation_x, radius / 255, steps=SEARCH, seed=first.seed, evaluation=True
                ).ratio
                for radius in PIXELS
            )
            ratios = {"critical_ratio": narrow, "wide_critical_ratio": wide}
            result[epoch] = {"status": "done", "reason": None, **descent.accuracies(), **ratios}
        context.report(epoch + 1, last + 1, f"epoch {epoch}")
    return [result[config.epoch] for config in configs]


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import MissingRows, claim_part, means, present

    last = max(row["epoch"] for row in rows)
    ends = [row for row in rows if row["epoch"] == last]
    most = max(row["level"] for row in rows)

    def by_level(done: list[Row], noise: str, column: str) -> dict[float, float]:
        own = [row for row in done if row["noise"] == noise]
        if noise == "labels":
            memorised(own)
        return means(own, "level", column, least=2)

    def memorised(done: list[Row]) -> None:
        accuracy = min(present((row["train_accuracy"] for row in done if row["epoch"] == last), "the last epoch"))
        if accuracy < MEMORISED:
            raise MissingRows(f"noisy labels are not memorised: a training accuracy of {accuracy:.1%}")

    def rises(column: str) -> "ClaimPart":
        def decide(done: list[Row]) -> tuple[bool, str]:
            values = by_level(done, "labels", column)
            shown = ", ".join(f"{level:g}: {value:.3f}" for level, value in values.items())
            ordered = list(values.values())
            return all(a + APART < b for a, b in pairwise(ordered)), f"by noise on labels, {shown}"

        box = "the paper's box" if column == "critical_ratio" else "a box of a hundredth of the range"
        return claim_part(
            f"more noise on labels gives more critical samples in {box}",
            ends,
            [column, "train_accuracy"],
            decide,
            of_paper=column == "critical_ratio",
        )

    def less(done: list[Row]) -> tuple[bool, str]:
        inputs, labels = (by_level(done, kind, "critical_ratio")[most] for kind in ("inputs", "labels"))
        return inputs + APART < labels, f"noise of {most:g}: {inputs:.3f} on inputs, {labels:.3f} on labels"

    def grows(done: list[Row]) -> tuple[bool, str]:
        memorised(done)
        values = means(done, "epoch", "critical_ratio", least=2)
        start, end, most = values[min(values)], values[last], max(values.values())
        figures = f"{start:.3f} after the first epoch, {end:.3f} after epoch {last}, {most:.3f} at most"
        return end > start + APART and end >= most - RIPPLE, figures

    def falls(done: list[Row]) -> tuple[bool, str]:
        memorised(done)
        values = means(done, "epoch", "validation_accuracy", least=2)
        best = max(values, key=lambda epoch: values[epoch])
        return values[best] - values[
            last
        ] > 0.05, f"{values[best]:.1%} after epoch {best}, {values[last]:.1%} at the end"

    ratio = ["critical_ratio", "train_accuracy"]
    random = [row for row in rows if row["noise"] == "labels" and row["level"] == most and row["epoch"] > 0]
    return [
        rises("critical_ratio"),
        claim_part("noise on inputs raises it less than noise on labels", ends, ratio, less),
        claim_part("it grows while random labels are memorised", random, ratio, grows),
        claim_part(
            "validation accuracy falls from an early peak", random, ["validation_accuracy", "train_accuracy"], falls
        ),
        rises("wide_critical_ratio"),
    ]


def ratios(rows: "pd.DataFrame") -> "Figure | None":
    """Critical sample ratio over epochs, with the paper's at the end."""
    return _curves(rows, "critical_ratio", "critical sample ratio, box of 0.3 grey levels", 1)


def wide_ratios(rows: "pd.DataFrame") -> "Figure | None":
    """The same in a box that is 8.5 times as wide."""
    return _curves(rows, "wide_critical_ratio", "critical sample ratio, box of 2.55 grey levels", None)


def accuracies(rows: "pd.DataFrame") -> "Figure | None":
    """Validation accuracy over epochs, with the paper's at the end."""
    return _curves(rows, "validation_accuracy", "validation accuracy", 0)


def _curves(rows: "pd.DataFrame", column: str, title: str, published: int | None) -> "Figure | None":
    import altair as alt
    import pandas as pd

    from gengap.report import OURS, PAPER, Figure

    data = rows[rows[column].notna()][["noise", "level", "epoch", "seed", column]].assign(source=OURS)
    if data.empty:
        return None
    if published is not None and rows["scale"].iloc[0] != "smoke":
        levels = set(data["level"])
        theirs = [
            {"noise": noise, "level": level, "epoch": 100, "seed": -1, column: values[published], "source": PAPER}
            for noise, table in PUBLISHED.items()
            for level, values in table.items()
            if level in levels
        ]
        data = pd.concat([data, pd.DataFrame(theirs)])
    data["level"] = data["level"].map("{:g}".format)
    chart = (
        alt.Chart(data)
        .mark_line(point=alt.OverlayMarkDef(size=50))
        .encode(
            x=alt.X("epoch:Q", scale=alt.Scale(type="symlog")),
            y=alt.Y(f"{column}:Q", title=title, axis=alt.Axis(format="%")),
            color=alt.Color("level:N", title="noise"),
            shape=alt.Shape("source:N", sort=[OURS, PAPER], title=None),
            detail="seed:N",
        )
        .properties(width=260, height=240)
        .facet(column=alt.Column("noise:N", title="noise on"))
    )
    last = data[(data["epoch"] == data["epoch"].max()) & (data["source"] == OURS)]
    words = "; ".join(f"{r.noise} {r.level}: {getattr(r, column):.3f}" for r in last.itertuples())
    return Figure(
        column.replace("_", "-"),
        chart,
        f"{title[0].upper()}{title[1:]}, over epochs by level of noise. Other marks: the paper's, after 100 epochs.",
        f"{title} at the end: {words}.",
        data,
        {column: ".3f"},
    )


@study
def arpit2017_critical_samples() -> Study:
    """Figure 7."""
    return Study(
        name=NAME,
        artifact="Figure 7",
        claim=(
            "The more of the labels are noise, the more validation images have another prediction near by once the "
            "labels are memorised; noise on inputs raises their share far less."
        ),
        paper=PAPER,
        differences=(
            *DIFFERENCES,
            f"The search follows the gradient at the moving point that raises the best rival, for {SEARCH} steps; the "
            "paper writes the gradient of one unspecified score at the image and gives no number of steps.",
            f"Minibatches of {BATCH}; the paper gives none. The wide box is ours.",
        ),
        scaled={
            "smoke": "200 of the embedded digits, two layers of 16 units, 3 epochs.",
            "desk": (
                "the first 1,000 training images, two layers of 256 units instead of 4,096, learning rate 0.1 instead "
                "of 0.01, 1,000 validation images, one seed."
            ),
        },
        cost={
            "smoke": "seconds",
            "desk": "about two minutes on one core",
            "paper": "days on one core, hours on a GPU (an estimate)",
        },
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(ratios, wide_ratios, accuracies),
        check=check,
        seen_as=FED,
    )
