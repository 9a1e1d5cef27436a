"""Figure 3 of Arpit et al. 2017: how unequally training inputs matter, on real and on random data.

Claim: the Gini coefficient of the loss sensitivity over the examples rises as training goes on, and more so on real
data than on noise: on real data a few examples matter much.

Reported, digitised from the figure's vector graphics: the coefficient at steps of the left panel, to 0.03, about what
neighbouring points differ by where a curve is flat.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

from gengap.studies.arpit2017.trainings import PAPER, SMALL_FED, small_digits, small_network
from gengap.studies.rows import image_data, measured
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "arpit2017/gini"
REAL = {"real": 1.0, "50% real": 0.5, "random": 0.0}  # the paper's word -> part of the inputs that is real
STEPS: dict[Scale, tuple[int, ...]] = {
    "smoke": (2, 5),
    "desk": (500, 800, 1200, 2000, 5000),
    "paper": (500, 800, 1200, 2000, 5000, 10_000, 30_000, 100_000),
}
EXAMPLES: dict[Scale, int] = {"smoke": 60, "desk": 1000, "paper": 1000}
LEARNING_RATE, BATCH = 0.01, 100
TOLERANCE = 0.03
APART = 0.01  # what one coefficient has to exceed another by
COLUMNS = ("gini", "mean_sensitivity", "train_loss", "train_accuracy")


@dataclass(frozen=True)
class Config:
    """One point of a curve."""

    scale: Scale
    data: str  # real, 50% real or random
    steps: int  # of SGD
    seed: int = 0


def published() -> list[dict[str, str]]:
    """The points of the paper's figure, as text."""
    file = files("gengap.studies.arpit2017") / "curves" / "arpit2017_fig3_gini.csv"
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def _nearest(steps: int) -> int:
    """The step of the sweep that a digitised step such as 9999 stands for."""
    return min(STEPS["paper"], key=lambda step: abs(step - steps))


REPORTED = tuple(
    Reported(
        f"Gini coefficient on {point['series']} data after {_nearest(int(point['sgd_steps']))} steps",
        "Figure 3, left",
        float(point["gini"]),
        "index",
        TOLERANCE,
        "read off a plot",
        "gini",
        {"data": point["series"], "steps": _nearest(int(point["sgd_steps"]))},
    )
    for point in published()
    if point["panel"] == "classes=labels"
)


def sweep(scale: Scale) -> list[Config]:
    """Every kind of data at every step."""
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    return [Config(scale, data, steps, seed) for seed in seeds for data in REAL for steps in STEPS[scale]]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a point; the points of a curve share their training."""
    return measured(
        NAME, configs, COLUMNS, sensitivities, options, together=lambda c: (c.data, c.seed), data=image_data("mnist")
    )


def sensitivities(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of one curve."""
    from gengap.probes import loss_sensitivity

    first = configs[0]
    x, y = small_digits(first.scale, EXAMPLES[first.scale], REAL[first.data], first.seed)
    model = small_network(x[0].numel(), first.seed)
    context.report(0, 1, f"{first.data} data")
    steps = tuple(sorted(config.steps for config in configs))
    result = loss_sensitivity(
        model, x, y, lr=LEARNING_RATE, steps=steps, batch_size=min(BATCH, len(y) // 2), seed=first.seed
    )
    rows = {
        t: {
            "status": "done",
            "reason": None,
            "gini": coefficient,
            "mean_sensitivity": float(values.mean()),
            "train_loss": loss,
            "train_accuracy": accuracy,
        }
        for t, coefficient, values, loss, accuracy in zip(
            result.steps, result.gini, result.values, result.losses, result.accuracies, strict=True
        )
    }
    return [rows[config.steps] for config in configs]


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, learned, means, present

    last = max(row["steps"] for row in rows)
    needed = ["gini", "train_accuracy"]

    def on_real_data(done: list[Row]) -> None:
        own = (row["train_accuracy"] for row in done if (row["data"], row["steps"]) == ("real", last))
        learned(min(present(own, f"real data after {last} steps")))

    def rises(done: list[Row]) -> tuple[bool, str]:
        on_real_data(done)
        *before, end = means((r for r in done if r["data"] == "real"), "steps", "gini", least=2).values()
        most = max(before)
        return (
            end > most + APART,
            f"{before[0]:.3f} after the fewest steps, {most:.3f} at most before the end, {end:.3f} there",
        )

    def higher(done: list[Row]) -> tuple[bool, str]:
        on_real_data(done)
        values = means((row for row in done if row["steps"] == last), "data", "gini")
        shown = ", ".join(f"{name}: {values[name]:.3f}" for name in REAL)
        ordered = [values[name] for name in REAL]
        return all(a > b + APART for a, b in pairwise(ordered)), f"after {last} steps, {shown}"

    return [
        claim_part("the coefficient on real data rises in training", list(rows), needed, rises),
        claim_part("it is higher on real data than on noise", list(rows), needed, higher),
    ]


def curves(rows: "pd.DataFrame") -> "Figure | None":
    """Gini coefficients over steps, with the paper's."""
    import altair as alt
    import pandas as pd

    from gengap.report import OURS, PAPER, Figure

    ours = rows[rows["gini"].notna()][["data", "steps", "seed", "gini"]].assign(source=OURS)
    if ours.empty:
        return None
    theirs = pd.DataFrame(
        [
            {"data": p["series"], "steps": int(p["sgd_steps"]), "gini": float(p["gini"]), "seed": -1, "source": PAPER}
            for p in published()
            if p["panel"] == "classes=labels"
        ]
    )
    data = ours if rows["scale"].iloc[0] == "smoke" else pd.concat([ours, theirs])
    chart = alt.Chart(data).encode(
        x=alt.X("steps:Q", title="steps of SGD", scale=alt.Scale(type="log")),
        y=alt.Y("gini:Q", title="Gini coefficient of the loss sensitivity"),
        color=alt.Color("data:N", sort=list(REAL), title="data"),
        strokeDash=alt.StrokeDash("source:N", sort=[OURS, PAPER], title=None),
        detail="seed:N",
    )
    return Figure(
        "gini",
        chart.mark_line(point=True).properties(height=300),
        "Gini coefficient of the loss sensitivity over the examples. Dashed: the paper's.",
        "Gini coefficients over steps: " + ", ".join(f"{r.data} {r.steps} {r.gini:.3f}" for r in ours.itertuples()),
        data,
        {"gini": ".3f"},
    )


@study
def arpit2017_gini() -> Study:
    """Figure 3."""
    return Study(
        name=NAME,
        artifact="Figure 3",
        claim=(
            "The Gini coefficient of the loss sensitivity rises in training and is higher on real data than on noise: "
            "on real data a few examples matter much, on noise all do."
        ),
        paper=PAPER,
        differences=(
            "The loss after t steps is differentiated through all of them; the paper averages over steps up to t.",
            f"Minibatches of {BATCH}, learning rate {LEARNING_RATE:g}, Xavier's weights; the paper gives the rate.",
            "Pixels are divided by 255; images are shrunk by means of 2 x 2 pixels.",
            "Random data are inputs of noise with the data's mean and variance and the labels of the images.",
        ),
        scaled={
            "smoke": "60 of the embedded digits, 5 steps.",
            "desk": "5,000 steps instead of 100,000, one seed.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about five minutes on one core",
            "paper": "about an hour on one core (an estimate)",
        },
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(curves,),
        check=check,
        seen_as=SMALL_FED,
    )
