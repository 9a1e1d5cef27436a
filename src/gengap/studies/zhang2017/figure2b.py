"""Figure 2b of Zhang et al. 2017: test accuracy by epoch, with and without batch normalisation.

Claim: batch normalisation steadies training and adds 3 to 4 points of test accuracy; stopping early gains nothing to
speak of on CIFAR-10.

Reported: the best and the last test accuracy of the 51 epochs shown, read off the figure's vector graphics. Tolerance:
3 points, by which the paper's own figures and table differ for the same setting.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import hypot
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from gengap.studies.study import Reported, Row, Scale, Study, study
from gengap.studies.zhang2017 import trainings
from gengap.studies.zhang2017.published import points
from gengap.studies.zhang2017.trainings import INCEPTION, NAMES, NO_BN, Config

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Options
    from gengap.verdicts import ClaimPart

TOLERANCE = 3.0  # percentage points
FEW_POINTS = 0.01  # of test accuracy: what counts as a few points is more than one
HARDLY = 0.02  # of test accuracy: what counts as hardly anything
EPOCHS = 51  # that the figure shows
SERIES = {INCEPTION: "test Inception BN", NO_BN: "test Inception noBN"}
QUANTITIES = {"best_accuracy": "best test accuracy", "last_accuracy": "last test accuracy"}


def _curve(model: str) -> list[float]:
    """The paper's test accuracy after each epoch."""
    return [float(point["accuracy"]) for point in points("fig2b") if point["series"] == SERIES[model]]


def best_and_last(accuracies: Sequence[float]) -> dict[str, float | None]:
    """Best and last of the accuracies, and what stopping at the best would gain; None without any."""
    if not accuracies:
        return {"best_accuracy": None, "last_accuracy": None, "early_stopping_gain": None}
    best, last = max(accuracies), accuracies[-1]
    return {"best_accuracy": best, "last_accuracy": last, "early_stopping_gain": best - last}


def _reported() -> tuple[Reported, ...]:
    numbers = []
    for model in SERIES:
        values = best_and_last(_curve(model))
        for quantity, words in QUANTITIES.items():
            value = round(100 * (values[quantity] or 0.0), 4)
            what, where = f"{words}, {NAMES[model]}", {"model": model}
            numbers.append(Reported(what, "Figure 2b", value, "%", TOLERANCE, "read off a plot", quantity, where))
    return tuple(numbers)


REPORTED = _reported()


def sweep(scale: Scale) -> list[Config]:
    """Both networks on true labels."""
    return [Config(scale, model, seed=seed) for model in SERIES for seed in trainings.seeds(scale)]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """Trained rows with best and last test accuracy."""
    return with_best_and_last(trainings.measure(configs, options))


def with_best_and_last(rows: Sequence[Row]) -> list[Row]:
    """The rows with ``best_and_last`` of their first 51 epochs."""
    return [row | best_and_last([epoch["test_accuracy"] for epoch in row["history"][:EPOCHS]]) for row in rows]


def figure_2b(rows: "pd.DataFrame") -> "Figure | None":
    """Test accuracy by epoch."""
    import altair as alt
    import pandas as pd

    from gengap.report import Figure, charts

    curves = [*_ours(rows), *(_paper() if "cifar10" in set(rows["problem"]) else [])]
    if not any(point["source"] == charts.OURS for point in curves):
        return None
    data = pd.DataFrame(curves)
    dash = alt.Scale(domain=[charts.OURS, charts.PAPER], range=[[1, 0], [5, 4]])
    chart = alt.Chart(data).mark_line().encode(
        x=alt.X("epoch:Q", title="epoch"),
        y=alt.Y("test_accuracy:Q", title="test accuracy", axis=alt.Axis(format=".0%"), scale=alt.Scale(zero=False)),
        color=alt.Color("network:N", legend=alt.Legend(title=None)),
        strokeDash=alt.StrokeDash("source:N", scale=dash, legend=alt.Legend(title=None)),
        detail="seed:N",
        tooltip=["network", "source", "seed", "epoch", alt.Tooltip("test_accuracy:Q", format=".2%")],
    )  # fmt: skip
    ends = data[data["source"] == charts.OURS].groupby("network", sort=False)["test_accuracy"].agg(["max", "last"])
    summary = "; ".join(f"{name}: best {best:.1%}, last {last:.1%}" for name, best, last in ends.itertuples())
    return Figure(
        "test-accuracy-by-epoch",
        chart.properties(height=300),
        "Test accuracy after each epoch, without explicit regularisation. Dashed: the paper's.",
        f"Test accuracy by epoch. Ours: {summary}.",
        data,
        {"test_accuracy": ".2%"},
    )


def _ours(rows: "pd.DataFrame") -> list[dict[str, Any]]:
    from gengap.report import OURS

    return [
        {
            "network": NAMES[row["model"]],
            "source": OURS,
            "seed": row["seed"],
            "epoch": epoch["epoch"],
            "test_accuracy": epoch["test_accuracy"],
        }
        for row in rows.to_dict("records")
        for epoch in row["history"][:EPOCHS]
    ]


def _paper() -> list[dict[str, Any]]:
    from gengap.report import PAPER

    return [
        {"network": NAMES[model], "source": PAPER, "seed": None, "epoch": epoch, "test_accuracy": accuracy}
        for model in SERIES
        for epoch, accuracy in enumerate(_curve(model), start=1)
    ]


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import MissingRows, claim_part, learned, present, span

    accuracies = ["last_accuracy", "best_accuracy"]

    def mean(done: list[Row], model: str, column: str) -> float:
        return fmean(present((row[column] for row in done if row["model"] == model), NAMES[model]))

    def trained(done: list[Row]) -> None:
        learned(min(row["best_accuracy"] for row in done))

    def steadier(done: list[Row]) -> tuple[bool, str]:
        changes = {
            model: present(
                _changes([row for row in done if row["model"] == model]), f"{NAMES[model]} by epoch", least=2
            )
            for model in SERIES
        }
        means = {model: fmean(values) for model, values in changes.items()}
        error = hypot(*(stdev(values) / len(values) ** 0.5 for values in changes.values()))
        figures = (
            f"mean change from epoch to epoch {means[INCEPTION]:.2%} with it, {means[NO_BN]:.2%} without, a difference "
            f"with a standard error of {error:.2%}"
        )
        trained(done)
        if abs(means[NO_BN] - means[INCEPTION]) <= 2 * error:
            raise MissingRows(f"{figures}: too few epochs to tell")
        return means[INCEPTION] < means[NO_BN], figures

    def adds(done: list[Row]) -> tuple[bool, str]:
        gain = mean(done, INCEPTION, "last_accuracy") - mean(done, NO_BN, "last_accuracy")
        trained(done)
        return gain > FEW_POINTS, f"{100 * gain:.2f} points of test accuracy at the end"

    def stops(done: list[Row]) -> tuple[bool, str]:
        trained(done)
        gains = [row["early_stopping_gain"] for row in done]
        return max(gains) <= HARDLY, f"stopping at the best epoch gains {span([100 * g for g in gains], '.2f')} points"

    return [
        claim_part("batch normalisation steadies training", rows, [*accuracies, "history"], steadier),
        claim_part("batch normalisation adds more than a point of test accuracy", rows, accuracies, adds),
        claim_part("stopping early gains hardly anything", rows, ["early_stopping_gain", "best_accuracy"], stops),
    ]


def _changes(rows: Sequence[Row]) -> list[float]:
    """Absolute changes of test accuracy from an epoch to the next, in the second half of the epochs shown."""
    changes = []
    for row in rows:
        own = [epoch["test_accuracy"] for epoch in row["history"][:EPOCHS]]
        changes += [abs(b - a) for a, b in pairwise(own[len(own) // 2 :])]
    return changes


@study
def zhang2017_figure2b() -> Study:
    """Figure 2b."""
    return Study(
        name="zhang2017/figure2b",
        artifact="Figure 2b",
        claim=(
            "Batch normalisation steadies training and adds a few points of test accuracy; stopping early gains hardly "
            "anything on CIFAR-10."
        ),
        paper=trainings.PAPER,
        differences=(
            *trainings.DIFFERENCES,
            f"The first {EPOCHS} of 68 epochs are judged, as many as the figure shows.",
        ),
        scaled=trainings.SCALED,
        cost=trainings.COST,
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(figure_2b,),
        check=check,
    )
