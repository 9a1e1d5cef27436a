"""Figures 5 and 6 of Arpit et al. 2017: capacity and data size against noise.

Claim: the more noise there is in the training set, the more capacity is needed for good validation accuracy; and the
time to fit a noisy set falls more steeply with capacity and grows more steeply with its size than that of a real one.

Reported, read by eye off the figures: validation accuracy by units, to 0.01; epochs to fit over those of the smallest
network or set, to 0.1.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from statistics import fmean
from typing import TYPE_CHECKING, cast

from gengap.studies.arpit2017.trainings import DIFFERENCES, FED, LEVELS, PAPER, Descent, Noise, images
from gengap.studies.rows import image_data, measured
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "arpit2017/capacity"
UNITS: dict[Scale, tuple[int, ...]] = {
    "smoke": (8, 64),
    "desk": (16, 64, 256, 1024),
    "paper": (16, 64, 256, 1024, 4096),
}
EXAMPLES: dict[Scale, tuple[int, ...]] = {
    "smoke": (50, 100),
    "desk": (125, 250, 500, 1000),
    "paper": (180, 781, 3125, 12_500, 50_000),
}
SHOWN: dict[Scale, tuple[float, ...]] = {"smoke": (0.0, 0.8), "desk": (0.0, 0.4, 0.8), "paper": LEVELS}
SMALLEST: dict[Scale, int] = {"smoke": 8, "desk": 256, "paper": 256}  # units whose time is 1
EPOCHS: dict[Scale, int] = {"smoke": 4, "desk": 150, "paper": 1_000}
VALIDATION: dict[Scale, int | None] = {"smoke": 50, "desk": 1_000, "paper": None}
RATE: dict[Scale, float] = {"smoke": 0.1, "desk": 0.1, "paper": 0.01}
BATCH = 100
GAINED = 0.01  # of validation accuracy: what a gain has to be larger by
COLUMNS = ("validation_accuracy", "train_accuracy", "epochs_to_fit")


@dataclass(frozen=True)
class Config:
    """One training."""

    scale: Scale
    noise: Noise
    level: float
    units: int
    examples: int
    seed: int = 0


def published() -> list[dict[str, str]]:
    """The points of the paper's figures, as text."""
    file = files("gengap.studies.arpit2017") / "curves" / "arpit2017_fig5_fig6.csv"
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def _reported(point: dict[str, str]) -> Reported:
    where = {
        "noise": point["noise"],
        "level": float(point["level"]),
        "units": int(point["units"]),
        "examples": int(point["examples"]),
    }
    words = f"{point['units']} units, {point['examples']} examples, noise of {point['level']} on {point['noise']}"
    accuracy = point["quantity"] == "validation_accuracy"
    return Reported(
        f"{point['quantity'].replace('_', ' ')}, {words}",
        point["figure"],
        float(point["value"]),
        "fraction" if accuracy else "ratio",
        0.01 if accuracy else 0.1,
        "read off a plot",
        point["quantity"],
        where,
    )


REPORTED = tuple(_reported(point) for point in published())


def sweep(scale: Scale) -> list[Config]:
    """Networks of all widths on the largest set, and the widest on all sets with noise on inputs."""
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    levels = SHOWN[scale]
    kinds = cast("tuple[Noise, ...]", ("inputs", "labels"))
    most, widest = EXAMPLES[scale][-1], UNITS[scale][-1]
    by_units = [
        Config(scale, kind, v, u, most, s) for s in seeds for kind in kinds for v in levels for u in UNITS[scale]
    ]
    all_noise = tuple(dict.fromkeys((*levels, 1.0))) if scale == "paper" else levels
    by_size = [Config(scale, "inputs", v, widest, n, s) for s in seeds for v in all_noise for n in EXAMPLES[scale]]
    noise = [Config(scale, "inputs", 1.0, u, most, s) for s in seeds for u in UNITS[scale] if scale == "paper"]
    return list(dict.fromkeys([*by_units, *by_size, *noise]))


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a training, with its time over those of the smallest network and set."""
    return with_ratios(measured(NAME, configs, COLUMNS, train, options, data=image_data("mnist")))


def with_ratios(rows: Sequence[Row]) -> list[Row]:
    """The rows with ``time_over_smallest_network`` and ``time_over_smallest_set``; None where one is not known."""

    def over(row: Row, smallest: dict[str, int]) -> float | None:
        same = ("noise", "level", "units", "examples", "seed")
        wanted = {name: row[name] for name in same} | smallest
        base = next((r.get("epochs_to_fit") for r in rows if all(r[n] == v for n, v in wanted.items())), None)
        return row["epochs_to_fit"] / base if base and row.get("epochs_to_fit") else None

    return [
        {
            **row,
            "time_over_smallest_network": over(row, {"units": SMALLEST[row["scale"]]}),
            "time_over_smallest_set": over(row, {"examples": EXAMPLES[row["scale"]][0]}),
        }
        for row in rows
    ]


def train(configs: list[Config], context: "Context") -> list[Row]:
    """The row of one training."""
    (config,) = configs
    scale = config.scale
    name = "digits" if scale == "smoke" else "mnist"
    data = images(name, (config.examples, VALIDATION[scale]), config.noise, config.level, config.seed)
    hidden = (config.units, config.units)
    descent = Descent(data, hidden, batch=BATCH, learning_rate=RATE[scale], seed=config.seed)
    fitted = None
    for epoch in range(1, EPOCHS[scale] + 1):
        descent.epoch(epoch)
        accuracies = descent.accuracies()
        context.report(epoch, EPOCHS[scale], f"training accuracy {accuracies['train_accuracy']:.1%}")
        if accuracies["train_accuracy"] == 1.0:
            fitted = epoch
            break
    return [{"status": "done", "reason": None, **accuracies, "epochs_to_fit": fitted}]


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, clearly_less, present

    rows = with_ratios(rows)
    levels = sorted({row["level"] for row in rows if row["level"] < 1}) or [1.0]
    units, sizes = sorted({row["units"] for row in rows}), sorted({row["examples"] for row in rows})
    by_units = [row for row in rows if row["examples"] == sizes[-1] and row["level"] in levels]
    by_size = [row for row in rows if row["units"] == units[-1] and row["noise"] == "inputs" and row["level"] in levels]

    def mean(done: list[Row], column: str, **wanted: object) -> float:
        present({row["level"] for row in done}, "levels of noise:", 2)
        own = (row[column] for row in done if all(row[name] == value for name, value in wanted.items()))
        return fmean(present(own, str(wanted)))

    def needs(noise: str) -> "ClaimPart":
        def decide(done: list[Row]) -> tuple[bool, str]:
            present({row["units"] for row in done}, "widths:", 2)
            gains = {
                v: mean(done, "validation_accuracy", level=v, units=units[-1])
                - mean(done, "validation_accuracy", level=v, units=units[0])
                for v in (levels[0], levels[-1])
            }
            shown = ", ".join(f"noise {v:g}: {gain:+.1%}" for v, gain in gains.items())
            return gains[levels[-1]] > gains[levels[0]] + GAINED, f"{units[-1]} units against {units[0]}, {shown}"

        chosen = [row for row in by_units if row["noise"] == noise and row["units"] in (units[0], units[-1])]
        return claim_part(f"with noise on {noise} capacity pays more", chosen, ["validation_accuracy"], decide)

    def faster(done: list[Row]) -> tuple[bool, str]:
        ratios = {
            v: mean(done, "time_over_smallest_network", level=v, units=units[-1]) for v in (levels[0], levels[-1])
        }
        shown = ", ".join(f"noise {v:g}: {ratio:.2f}" for v, ratio in ratios.items())
        present({SMALLEST[done[0]["scale"]], units[-1]}, "widths:", 2)
        return clearly_less(
            ratios[levels[-1]], ratios[levels[0]]
        ), f"epochs with {units[-1]} units over the smallest, {shown}"

    def slower(done: list[Row]) -> tuple[bool, str]:
        ratios = {v: mean(done, "time_over_smallest_set", level=v, examples=sizes[-1]) for v in (levels[0], levels[-1])}
        shown = ", ".join(f"noise {v:g}: {ratio:.2f}" for v, ratio in ratios.items())
        return clearly_less(
            ratios[levels[0]], ratios[levels[-1]]
        ), f"epochs with {sizes[-1]} examples over the smallest, {shown}"

    widest = [row for row in by_units if row["noise"] == "inputs" and row["units"] == units[-1]]
    largest = [row for row in by_size if row["examples"] == sizes[-1]]
    return [
        needs("inputs"),
        needs("labels"),
        claim_part("capacity shortens the fit of noise more", widest, ["time_over_smallest_network"], faster),
        claim_part("more examples lengthen the fit of noise more", largest, ["time_over_smallest_set"], slower),
    ]


def accuracies(rows: "pd.DataFrame") -> "Figure | None":
    """Validation accuracy by units, a line a level of noise."""
    most = rows["examples"].max()
    chosen = rows[(rows["examples"] == most) & (rows["level"] < 1)]
    return _lines(chosen, "units", "validation_accuracy", "units of each hidden layer", "validation accuracy", ".1%")


def times_by_units(rows: "pd.DataFrame") -> "Figure | None":
    """Epochs to fit over those of the smallest network."""
    chosen = rows[(rows["examples"] == rows["examples"].max()) & (rows["noise"] == "inputs")]
    title = f"epochs over those of {SMALLEST[rows['scale'].iloc[0]]} units"
    return _lines(chosen, "units", "time_over_smallest_network", "units of each hidden layer", title, ".2f")


def times_by_size(rows: "pd.DataFrame") -> "Figure | None":
    """Epochs to fit over those of the smallest set."""
    chosen = rows[(rows["units"] == rows["units"].max()) & (rows["noise"] == "inputs")]
    title = "epochs over those of the smallest set"
    return _lines(chosen, "examples", "time_over_smallest_set", "training examples", title, ".2f")


def _lines(rows: "pd.DataFrame", x: str, y: str, x_title: str, y_title: str, form: str) -> "Figure | None":
    import altair as alt
    import pandas as pd

    from gengap.report import OURS, PAPER, Figure

    data = rows[rows[y].notna()][["noise", "level", x, "seed", y, "scale"]].assign(source=OURS)
    if data.empty:
        return None
    if data["scale"].iloc[0] != "smoke":
        levels = set(data["level"])
        theirs = [
            {
                "noise": p["noise"],
                "level": float(p["level"]),
                x: int(p[x]),
                "seed": -1,
                y: float(p["value"]),
                "source": PAPER,
            }
            for p in published()
            if p["quantity"] == y and float(p["level"]) in levels
        ]
        data = pd.concat([data, pd.DataFrame(theirs)])
    data = data.drop(columns="scale")
    data["level"] = data["level"].map("{:g}".format)
    chart = (
        alt.Chart(data)
        .mark_line(point=True)
        .encode(
            x=alt.X(f"{x}:Q", title=x_title, scale=alt.Scale(type="log")),
            y=alt.Y(f"{y}:Q", title=y_title, scale=alt.Scale(zero=False)),
            color=alt.Color("level:N", title="noise"),
            strokeDash=alt.StrokeDash("source:N", sort=[OURS, PAPER], title=None),
            detail="seed:N",
        )
        .properties(width=260, height=240)
        .facet(column=alt.Column("noise:N", title="noise on"))
    )
    ours = data[data["source"] == OURS]
    words = "; ".join(f"{r.noise} {r.level}, {getattr(r, x)}: {getattr(r, y):{form}}" for r in ours.itertuples())
    return Figure(
        y.replace("_", "-"),
        chart,
        f"{y_title[0].upper()}{y_title[1:]} by level of noise. Dashed: the paper's, with more images.",
        f"{y_title}: {words}.",
        data,
        {y: form},
    )


@study
def arpit2017_capacity() -> Study:
    """Figures 5 and 6."""
    return Study(
        name=NAME,
        artifact="Figures 5 and 6",
        claim=(
            "The noisier the training set, the more capacity validation accuracy asks for, the more capacity shortens "
            "the time to fit it, and the more its size lengthens that time."
        ),
        paper=PAPER,
        differences=(
            *DIFFERENCES,
            "Training ends when every training label is fitted, and validation accuracy is that of the end. Time is "
            "counted in epochs, which the paper leaves open.",
            "Which panel of Figure 5 has noise on inputs is not said there; the one with higher accuracies is taken.",
            f"Minibatches of {BATCH}; the paper gives none. Networks of 4 units are left out.",
        ),
        scaled={
            "smoke": "100 of the embedded digits, 8 and 64 units, 4 epochs.",
            "desk": (
                "1,000 of MNIST's training images instead of 50,000, up to 1,024 units, learning rate 0.1 instead of "
                "0.01, 150 epochs at most, 1,000 validation images, one seed."
            ),
        },
        cost={
            "smoke": "seconds",
            "desk": "about four minutes on one core",
            "paper": "weeks on one core, days on a GPU (an estimate)",
        },
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(accuracies, times_by_units, times_by_size),
        check=check,
        seen_as=FED,
    )
