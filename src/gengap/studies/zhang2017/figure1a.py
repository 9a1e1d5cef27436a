"""Figure 1a of Zhang et al. 2017: training loss of Inception on true and on randomised data.

Claim: the training loss goes to zero on random labels, shuffled pixels, random pixels and Gaussian noise as it does on
true data, later but not much later.

Reported, read off the figure's vector graphics: the epoch at whose end the training loss first is below 0.05, to a
fifth (see Figure 1b), and the loss after some epochs, to 0.2 nats, about what one epoch more or less makes where a
curve falls.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gengap.studies.study import Reported, Row, Scale, Study, study
from gengap.studies.zhang2017 import trainings
from gengap.studies.zhang2017.colours import condition_colours
from gengap.studies.zhang2017.overfitting import OVERFIT_LOSS, epochs_to_overfit, with_overfit_times
from gengap.studies.zhang2017.published import curves, points
from gengap.studies.zhang2017.trainings import INCEPTION, MLP_1, Config

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Options
    from gengap.verdicts import ClaimPart

TIME_TOLERANCE, LOSS_TOLERANCE = 0.2, 0.2  # of the epochs; in nats
EPOCHS = (1, 5, 10, 20, 30)  # after which losses are compared

# The paper's name of a curve -> corruption and level.
CONDITIONS = {
    "true labels": ("labels", 0.0),
    "random labels": ("labels", 1.0),
    "shuffled pixels": ("shuffled-pixels", 1.0),
    "random pixels": ("random-pixels", 1.0),
    "gaussian": ("gaussian", 1.0),
}


def _history(series: str) -> list[dict[str, Any]]:
    """The paper's curve as a row's history."""
    steps = [point for point in points("fig1a") if point["series"] == series]
    return [{"epoch": n, "train_loss": float(point["train_loss"])} for n, point in enumerate(steps, start=1)]


def _reported() -> tuple[Reported, ...]:
    numbers = []
    for series, (corruption, level) in CONDITIONS.items():
        history = _history(series)
        where = {"model": INCEPTION, "corruption": corruption, "level": level}
        place = f"Figure 1a, {series}"
        epochs = float(epochs_to_overfit(history) or 0)
        what, quantity = f"epochs to a training loss below {OVERFIT_LOSS}, {series}", "epochs_to_overfit"
        numbers.append(
            Reported(what, place, epochs, "epochs", TIME_TOLERANCE * epochs, "read off a plot", quantity, where)
        )
        for epoch in EPOCHS:
            loss, what = history[epoch - 1]["train_loss"], f"training loss after epoch {epoch}, {series}"
            numbers.append(
                Reported(what, place, loss, "nats", LOSS_TOLERANCE, "read off a plot", f"train_loss_{epoch}", where)
            )
    return tuple(numbers)


REPORTED = _reported()


def sweep(scale: Scale) -> list[Config]:
    """Inception on all five conditions; at smoke scale the smallest network."""
    model = MLP_1 if scale == "smoke" else INCEPTION
    return [
        Config(scale, model, corruption, level, seed=seed)
        for corruption, level in CONDITIONS.values()
        for seed in trainings.seeds(scale)
    ]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """Trained rows with their times to overfit and their losses after some epochs."""
    return with_losses(with_overfit_times(trainings.measure(configs, options)))


def with_losses(rows: Sequence[Row]) -> list[Row]:
    """The rows with ``train_loss_E`` for each epoch E that is compared; the last loss where training ended before."""
    return [row | {f"train_loss_{epoch}": _loss(row["history"], epoch) for epoch in EPOCHS} for row in rows]


def _loss(history: Sequence[dict[str, Any]], epoch: int) -> float | None:
    return history[min(epoch, len(history)) - 1]["train_loss"] if history else None


def figure_1a(rows: "pd.DataFrame") -> "Figure | None":
    """Training loss against training steps; with CIFAR-10 the paper's curves too, epoch beside epoch."""
    from gengap.report import Figure, charts, loss_points, steps_per_epoch
    from gengap.verdicts import with_conditions

    named = with_conditions(rows)
    shown = loss_points(named, curves()["fig1a"] if "cifar10" in set(rows["problem"]) else None)
    if shown.empty:
        return None
    per_epoch = steps_per_epoch(named)
    if per_epoch:
        shown["steps"] = shown["epoch"].astype(float) * per_epoch
    last = shown[shown["source"] == charts.OURS].groupby("condition", sort=False)["train_loss"].last()
    return Figure(
        "learning-curves",
        charts.learning_curves(shown, condition_colours(named), per_epoch),
        "Training loss after each epoch." + (" Dashed: the paper's." if charts.PAPER in set(shown["source"]) else ""),
        "Training loss against steps. Ours at the end: " + ", ".join(f"{k} {v:.3g}" for k, v in last.items()) + ".",
        shown,
        {"train_loss": ".4f"},
    )


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, present, span

    def goes_to_zero(done: list[Row]) -> tuple[bool, str]:
        epochs = [row["epochs_to_overfit"] for row in done if row["epochs_to_overfit"] is not None]
        return len(epochs) == len(done), f"{len(epochs)} of {len(done)} trainings reach a loss below {OVERFIT_LOSS}"

    def later(done: list[Row]) -> tuple[bool, str]:
        true = [row["epochs_to_overfit"] for row in done if (row["corruption"], row["level"]) == ("labels", 0.0)]
        others = [row["epochs_to_overfit"] for row in done if row["level"] > 0]
        present(true, "true labels")
        return min(present(others, "other data")) > max(
            true
        ), f"{span(others, 'g')} epochs, {span(true, 'g')} on true data"

    return [
        claim_part("the training loss goes to zero on all kinds of data", rows, ["train_accuracy"], goes_to_zero),
        claim_part("it does so later than on true data", rows, ["epochs_to_overfit"], later),
    ]


@study
def zhang2017_figure1a() -> Study:
    """Figure 1a."""
    return Study(
        name="zhang2017/figure1a",
        artifact="Figure 1a",
        claim="Inception's training loss goes to zero on random labels and on random images, later than on true ones.",
        paper=trainings.PAPER,
        differences=trainings.DIFFERENCES,
        scaled=trainings.SCALED,
        cost=trainings.COST,
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(figure_1a,),
        check=check,
    )
