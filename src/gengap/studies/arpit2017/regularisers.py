"""Figures 10 and 11 of Arpit et al. 2017: regularisers against memorising noise and against learning real data.

Claim: some regularisers hinder the fit of random labels without hindering the fit of real ones or generalization,
dropout and adversarial training most, weight decay least.

Reported, read by eye off Figure 11: training accuracy on random labels of CIFAR-10 after 100 epochs, to 0.02.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from gengap.studies.arpit2017.trainings import DIFFERENCES, PAPER, Descent, Regularisation, images
from gengap.studies.rows import measured
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "arpit2017/regularisers"
DATA: dict[Scale, str] = {"smoke": "digits", "desk": "mnist", "paper": "cifar10"}
SIZE: dict[Scale, tuple[int, int | None]] = {"smoke": (100, 50), "desk": (1_000, 2_000), "paper": (50_000, None)}
HIDDEN: dict[Scale, tuple[int, ...] | None] = {"smoke": (32, 32), "desk": (256, 256), "paper": None}
EPOCHS: dict[Scale, int] = {"smoke": 4, "desk": 60, "paper": 100}
SETTING: dict[Scale, Mapping[str, Any]] = {
    "smoke": {"batch": 50, "learning_rate": 0.1},
    "desk": {"batch": 100, "learning_rate": 0.1},
    "paper": {"batch": 128, "learning_rate": 0.01, "momentum": 0.9, "halved_every": 15},
}
WIDE = 0.1  # of the range of a pixel: the box of critical samples beside the paper's
# Regulariser -> strengths; those of adversarial training are the weight of critical samples, with dropout of 0.1.
STRENGTHS: dict[str, dict[Scale, tuple[float, ...]]] = {
    "none": {"smoke": (0.0,), "desk": (0.0,), "paper": (0.0,)},
    "dropout": {"smoke": (0.5,), "desk": (0.1, 0.5, 0.8), "paper": (0.1, 0.25, 0.5, 0.7, 0.9)},
    "input mask": {"smoke": (), "desk": (0.1, 0.5), "paper": (0.1, 0.25, 0.5, 0.7, 0.9)},
    "input noise": {"smoke": (0.3,), "desk": (0.1, 0.3), "paper": (0.1, 0.5, 1.0, 2.0, 5.0)},
    "hidden noise": {"smoke": (), "desk": (0.1, 0.5), "paper": (0.05, 0.1, 0.2, 0.3)},
    "weight decay": {"smoke": (0.01,), "desk": (0.001, 0.01), "paper": (0.0001, 0.001, 0.01, 0.1, 1.0)},
    "adversarial": {"smoke": (0.5,), "desk": (0.5,), "paper": (0.2, 0.5, 0.7)},
    "wide adversarial": {"smoke": (), "desk": (0.5,), "paper": (0.5,)},
}
NEEDED = 0.02  # validation accuracy that counts as lost
APART = 0.01  # of the training accuracy: what one fit has to be below another by
COLUMNS = ("train_accuracy", "validation_accuracy", "best_validation_accuracy")


@dataclass(frozen=True)
class Config:
    """One training."""

    scale: Scale
    regulariser: str
    strength: float
    labels: str  # real or random
    seed: int = 0


REPORTED = tuple(
    Reported(
        f"training accuracy on random labels with {regulariser} of {strength:g}",
        "Figure 11",
        value,
        "fraction",
        0.02,
        "read off a plot",
        "train_accuracy",
        {"regulariser": regulariser, "strength": strength, "labels": "random"},
    )
    for regulariser, strength, value in (
        ("none", 0.0, 0.987),
        ("weight decay", 0.001, 0.995),
        ("hidden noise", 0.1, 0.945),
        ("input noise", 0.1, 0.74),
        ("dropout", 0.1, 0.725),
        ("input mask", 0.1, 0.67),
        ("adversarial", 0.5, 0.515),
    )
)


def regularisation(regulariser: str, strength: float) -> Regularisation:
    """What a row's regulariser and strength mean."""
    match regulariser:
        case "none":
            return Regularisation()
        case "dropout":
            return Regularisation(dropout=strength)
        case "input mask":
            return Regularisation(mask=strength)
        case "input noise":
            return Regularisation(input_noise=strength)
        case "hidden noise":
            return Regularisation(hidden_noise=strength)
        case "weight decay":
            return Regularisation(weight_decay=strength)
        case "adversarial":
            return Regularisation(dropout=0.1, adversarial=strength)
        case "wide adversarial":
            return Regularisation(dropout=0.1, adversarial=strength, radius=WIDE)
    raise ValueError(regulariser)


def sweep(scale: Scale) -> list[Config]:
    """Every regulariser and strength on real and on random labels."""
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    return [
        Config(scale, regulariser, strength, labels, seed)
        for seed in seeds
        for regulariser, strengths in STRENGTHS.items()
        for strength in strengths[scale]
        for labels in ("real", "random")
    ]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a training."""
    return measured(NAME, configs, COLUMNS, train, options, data=lambda c: DATA[c.scale])


def train(configs: list[Config], context: "Context") -> list[Row]:
    """The row of one training."""
    (config,) = configs
    scale = config.scale
    data = images(DATA[scale], SIZE[scale], "labels", 1.0 if config.labels == "random" else 0.0, config.seed)
    added = regularisation(config.regulariser, config.strength)
    descent = Descent(data, HIDDEN[scale], **SETTING[scale], regularisation=added, seed=config.seed)
    best = 0.0
    for epoch in range(1, EPOCHS[scale] + 1):
        descent.epoch(epoch)
        accuracies = descent.accuracies()
        best = max(best, accuracies["validation_accuracy"])
        context.report(epoch, EPOCHS[scale], f"training accuracy {accuracies['train_accuracy']:.1%}")
    return [{"status": "done", "reason": None, **accuracies, "best_validation_accuracy": best}]


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part

    plain = [row for row in rows if row["regulariser"] == "none"]

    def part(regulariser: str) -> "ClaimPart":
        chosen = [row for row in rows if row["regulariser"] == regulariser]

        def decide(done: list[Row]) -> tuple[bool, str]:
            kept = _kept(done, regulariser)
            if not kept:
                return False, f"validation accuracy on real labels falls by {NEEDED:.0%} or more at every strength"
            strength, fit, validation = min(kept, key=lambda one: one[1])
            without = _mean(done, "none", 0.0, "random", "train_accuracy")
            return fit < without - 0.1, (
                f"at {strength:g}, fit of random labels {fit:.1%} instead of {without:.1%}, validation accuracy on "
                f"real ones {validation:+.1%} against none"
            )

        return claim_part(
            f"{regulariser} hinders memorising, and real data are learned as well",
            plain + chosen,
            ["train_accuracy", "best_validation_accuracy"],
            decide,
        )

    def least(done: list[Row]) -> tuple[bool, str]:
        without = _mean(done, "none", 0.0, "random", "train_accuracy")
        fits = {name: min([without, *(f for _, f, _ in _kept(done, name))]) for name in ("dropout", "weight decay")}
        shown = ", ".join(f"{name} {fit:.1%}" for name, fit in fits.items())
        return fits["dropout"] < fits[
            "weight decay"
        ] - APART, f"lowest fit of random labels while real ones are learned: {shown}"

    both = [row for row in rows if row["regulariser"] in ("none", "dropout", "weight decay")]
    return [
        part("dropout"),
        part("adversarial"),
        claim_part(
            "dropout does so more than weight decay", both, ["train_accuracy", "best_validation_accuracy"], least
        ),
    ]


def _mean(rows: Sequence[Row], regulariser: str, strength: float, labels: str, column: str) -> float:
    from gengap.verdicts import present

    wanted = {"regulariser": regulariser, "strength": strength, "labels": labels}
    own = (row[column] for row in rows if all(row[name] == value for name, value in wanted.items()))
    return fmean(present(own, f"{regulariser} of {strength:g} on {labels} labels"))


def _kept(rows: Sequence[Row], regulariser: str) -> list[tuple[float, float, float]]:
    """Strength, fit of random labels and change of validation accuracy on real ones, where little of it is lost."""
    from gengap.verdicts import learned, present

    before = _mean(rows, "none", 0.0, "real", "best_validation_accuracy")
    learned(before)
    strengths = sorted(present({row["strength"] for row in rows if row["regulariser"] == regulariser}, regulariser))
    found = [
        (
            s,
            _mean(rows, regulariser, s, "random", "train_accuracy"),
            _mean(rows, regulariser, s, "real", "best_validation_accuracy") - before,
        )
        for s in strengths
    ]
    return [one for one in found if one[2] > -NEEDED]


def fits(rows: "pd.DataFrame") -> "Figure | None":
    """Validation accuracy on real labels against training accuracy on random ones, a point a strength."""
    import altair as alt

    from gengap.report import Figure

    known = rows[rows["train_accuracy"].notna()]
    keys = ["regulariser", "strength", "seed"]
    random = known[known["labels"] == "random"].set_index(keys)["train_accuracy"].rename("random_fit")
    real = known[known["labels"] == "real"].set_index(keys)[["train_accuracy", "best_validation_accuracy"]]
    data = real.rename(columns={"train_accuracy": "real_fit"}).join(random, how="inner").reset_index()
    if data.empty:
        return None
    base = alt.Chart(data).encode(
        x=alt.X("random_fit:Q", title="training accuracy on random labels", axis=alt.Axis(format="%")),
        y=alt.Y(
            "best_validation_accuracy:Q",
            title="best validation accuracy on real labels",
            axis=alt.Axis(format="%"),
            scale=alt.Scale(zero=False),
        ),
        color=alt.Color("regulariser:N", sort=list(STRENGTHS)),
        detail="seed:N",
    )
    chart = base.mark_line() + base.mark_point(filled=True, opacity=1, size=70).encode(
        tooltip=["regulariser", "strength", "random_fit", "real_fit", "best_validation_accuracy"]
    )
    words = "; ".join(
        f"{r.regulariser} {r.strength:g}: {r.random_fit:.1%} and {r.best_validation_accuracy:.1%}"
        for r in data.itertuples()
    )
    return Figure(
        "regularisers",
        chart.properties(height=320),
        "Each point is a strength: to the left memorising is hindered, downwards learning is.",
        f"Training accuracy on random labels and best validation accuracy on real ones: {words}.",
        data,
        dict.fromkeys(("random_fit", "real_fit", "best_validation_accuracy"), ".1%"),
    )


@study
def arpit2017_regularisers() -> Study:
    """Figures 10 and 11."""
    return Study(
        name=NAME,
        artifact="Figures 10 and 11",
        claim=(
            "Regularisers can hinder the memorising of random labels without hindering the learning of real ones: "
            "dropout and adversarial training do, dropout more than weight decay."
        ),
        paper=PAPER,
        differences=(
            *DIFFERENCES,
            "Convolutions of the network for CIFAR-10 are not padded, and its pooling of 3 x 3 steps by 2.",
            "Adversarial training weighs the loss on critical samples, found in 10 steps in evaluation mode, by its "
            "strength and adds dropout of 0.1; Figure 11 does not give the weight, ours is 0.5. The wide box is ours.",
            "Noise on hidden units follows each hidden layer behind the convolutions, and so does dropout.",
        ),
        scaled={
            "smoke": "100 of the embedded digits, two layers of 32 units, 4 epochs, some regularisers.",
            "desk": (
                "1,000 of MNIST's training images and a perceptron with two layers of 256 units instead of CIFAR-10 "
                "and a convolutional network, 60 epochs of plain SGD, few strengths, one seed."
            ),
        },
        cost={
            "smoke": "seconds",
            "desk": "about three minutes on one core",
            "paper": "days on a GPU (an estimate)",
        },
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(fits,),
        check=check,
        seen_as="pixels divided by 255",
    )
