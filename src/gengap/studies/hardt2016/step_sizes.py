"""Step sizes and stability on CIFAR-10, of Hardt, Recht and Singer 2016.

Claim: with a smaller constant step size the gap between training and test error is smaller after as many epochs, and so
is the distance between twins whose training sets differ in one example.

Reported, read by eye off a raster picture of the figure: the gap at some epochs of the panel of 60 epochs, to 0.02,
which is more than the reading's 0.002 as the network's sizes are not known.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

from gengap.studies.rows import image_data, measured
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "hardt2016/step_sizes"
STEP_SIZES: dict[Scale, tuple[float, ...]] = {
    "smoke": (0.01, 0.1),
    "desk": (0.0032, 0.0064, 0.0128),
    "paper": (0.0001, 0.0002, 0.0004, 0.0008, 0.0016, 0.0032, 0.0064, 0.0128),
}
EPOCHS: dict[Scale, tuple[int, ...]] = {
    "smoke": (0, 1, 3),
    "desk": (0, 1, 5, 10, 20, 30, 40),
    "paper": (0, 1, 5, 10, 20, 30, 40, 60),
}
IMAGES: dict[Scale, tuple[int, int | None]] = {"smoke": (130, 60), "desk": (1_501, 1_000), "paper": (50_000, None)}
MODEL: dict[Scale, str] = {"smoke": "mlp-1x512", "desk": "convnet-3", "paper": "convnet-3"}
BATCH = 60
TOLERANCE = 0.02
COLUMNS = (
    *("distance", "loss_change", "train_error", "test_error", "train_loss", "test_loss", "gap"),
    *("lipschitz_seen", "smoothness_seen", "hardt_nonconvex", "hardt_nonconvex_reason"),
)
PAPER = "Hardt, Recht and Singer 2016, Train faster, generalize better, ICML, arXiv:1509.01240"


@dataclass(frozen=True)
class Config:
    """Twins of one step size after one epoch."""

    scale: Scale
    step: float  # constant step size
    epoch: int
    seed: int = 0


def published() -> list[dict[str, str]]:
    """The points of the paper's figure, as text."""
    file = files("gengap.studies.hardt2016") / "curves" / "hardt2016_fig_generr_cifar10.csv"
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def _reported() -> tuple[Reported, ...]:
    return tuple(
        Reported(
            f"gap with step size {point['step_size']} after epoch {point['epoch']}",
            f"figure 'generalization error', panel of {point['panel']}",
            float(point["abs_train_minus_test_error"]),
            "fraction",
            TOLERANCE,
            "read off a plot",
            "gap",
            {"step": float(point["step_size"]), "epoch": int(point["epoch"])},
        )
        for point in published()
        if point["panel"] == "60 epochs" and int(point["epoch"]) in EPOCHS["paper"]
    )


REPORTED = _reported()


def sweep(scale: Scale) -> list[Config]:
    """Every step size at every epoch."""
    seeds = (0, 1, 2, 3, 4) if scale == "paper" else (0,)
    return [Config(scale, step, epoch, seed) for seed in seeds for step in STEP_SIZES[scale] for epoch in EPOCHS[scale]]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row an epoch; the epochs of a step size share their training."""
    return measured(
        NAME, configs, COLUMNS, follow, options, together=lambda c: (c.step, c.seed), data=image_data("cifar10")
    )


def follow(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of one step size."""
    from gengap.data import load
    from gengap.probes import twin_runs
    from gengap.train import Execution, Recipe

    first = configs[0]
    problem = load("digits" if first.scale == "smoke" else "cifar10").take(*IMAGES[first.scale])
    recipe = Recipe(
        model=MODEL[first.scale],
        learning_rate=first.step,
        momentum=0.0,
        schedule="constant",
        batch_size=BATCH,
        epochs=max(config.epoch for config in configs),
        evaluate_every=1_000,
        precision="float32",
        memory_format="contiguous",
    )
    epochs = tuple(sorted(config.epoch for config in configs))
    context.report(0, 1, f"step size {first.step:g}")
    # One run after the other: on a CPU convolutions of stacked networks are slower than those of one.
    result = twin_runs(problem, recipe, epochs=epochs, seed=first.seed, together=False, execution=Execution())
    promise = result.promises()["nonconvex"]
    rows = {
        drift.epoch: {
            "status": "done",
            "reason": None,
            "seen_as": problem.seen_as,
            **{name: value for name, value in drift._asdict().items() if name in COLUMNS},
            "gap": drift.gap,
            "lipschitz_seen": result.lipschitz,
            "smoothness_seen": result.smoothness,
            "hardt_nonconvex": promise if isinstance(promise, float) else None,
            "hardt_nonconvex_reason": promise if isinstance(promise, str) else None,
        }
        for drift in result.drifts
    }
    return [rows[config.epoch] for config in configs]


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, clearly_less, learned, means, present

    last = max(row["epoch"] for row in rows)
    late = [row for row in rows if row["epoch"] >= last / 2]

    def ordered(quantity: str) -> "Callable[[list[Row]], tuple[bool, str]]":
        def decide(done: list[Row]) -> tuple[bool, str]:
            rows_of = {epoch: [row for row in done if row["epoch"] == epoch] for epoch in {r["epoch"] for r in done}}
            present(rows_of.get(last, ()), f"epoch {last}")
            curves = {epoch: means(own, "step", quantity, least=2) for epoch, own in sorted(rows_of.items())}
            learned(1 - max(row["train_error"] for row in rows_of[last] if row["step"] == max(curves[last])))
            unordered = [
                epoch
                for epoch, curve in curves.items()
                if not all(clearly_less(a, b) for a, b in pairwise(curve.values()))
            ]
            figures = "; ".join(f"{step:g}: {value:.3g}" for step, value in curves[last].items())
            where = f"; otherwise after {', '.join(map(str, unordered))}" if unordered else ""
            return not unordered, f"at each of the epochs {', '.join(map(str, curves))}{where}; after {last}, {figures}"

        return decide

    gaps_of = [row | {"gap": _gap(row)} for row in late]
    near = "a smaller step size has twins less far apart"
    return [
        claim_part("a smaller step size has a smaller gap", gaps_of, ["gap", "train_error"], ordered("gap")),
        claim_part(near, late, ["distance", "train_error"], ordered("distance")),
    ]


def _gap(row: Row) -> float | None:
    train, test = row.get("train_error"), row.get("test_error")
    return None if train is None or test is None else abs(test - train)


def gaps(rows: "pd.DataFrame") -> "Figure | None":
    """The gap over epochs, a line a step size, with the paper's points."""
    import altair as alt
    import pandas as pd

    from gengap.report import OURS, PAPER, Figure

    ours = rows[rows["gap"].notna()][["step", "epoch", "seed", "gap"]].assign(source=OURS)
    if ours.empty:
        return None
    theirs = pd.DataFrame(
        [
            {"step": float(p["step_size"]), "epoch": int(p["epoch"]), "gap": float(p["abs_train_minus_test_error"])}
            for p in published()
            if p["panel"] == "60 epochs"
        ]
    ).assign(source=PAPER, seed=-1)
    steps = set(ours["step"])
    data = pd.concat([ours, theirs[theirs["step"].isin(steps) & (rows["scale"].iloc[0] != "smoke")]])
    data["step"] = data["step"].map("{:g}".format)
    chart = alt.Chart(data).encode(
        x=alt.X("epoch:Q"),
        y=alt.Y("gap:Q", title="|training error - test error|", axis=alt.Axis(format="%")),
        color=alt.Color("step:N", title="step size"),
        strokeDash=alt.StrokeDash("source:N", sort=[OURS, PAPER], title=None),
        detail="seed:N",
    )
    return Figure(
        "gap",
        chart.mark_line(point=True).properties(height=300),
        "Gap over epochs by step size. Dashed: the paper's, of another network and the whole of CIFAR-10.",
        "Gap between training and test error over epochs, by step size.",
        data,
        {"gap": ".1%"},
    )


def distances(rows: "pd.DataFrame") -> "Figure | None":
    """The normalised distance of twins over epochs."""
    import altair as alt

    from gengap.report import Figure

    data = rows[rows["distance"].notna()][["step", "epoch", "seed", "distance", "loss_change"]].copy()
    if data.empty:
        return None
    data["step"] = data["step"].map("{:g}".format)
    chart = alt.Chart(data).encode(
        x=alt.X("epoch:Q"),
        y=alt.Y("distance:Q", title="normalised distance of twins"),
        color=alt.Color("step:N", title="step size"),
        detail="seed:N",
    )
    return Figure(
        "distance",
        chart.mark_line(point=True).properties(height=300),
        "Distance between the weights of twins, relative to the root of the sum of all their squares.",
        "Normalised distance of twins over epochs, by step size.",
        data,
        dict.fromkeys(("distance", "loss_change"), ".4g"),
    )


@study
def hardt2016_step_sizes() -> Study:
    """Step sizes and stability."""
    return Study(
        name=NAME,
        artifact="Generalization error by step size",
        claim=(
            "A smaller constant step size gives a smaller gap between training and test error after as many epochs, "
            "and a smaller distance between twins whose training sets differ in one example."
        ),
        paper=PAPER,
        differences=(
            "The network is the 3-layer ConvNet of Liao et al. 2018: that of the paper, in the manner of cuda-convnet, "
            "is not known to us.",
            f"Minibatches of {BATCH} examples, as remembered from the paper.",
            "The non-convex bound is filled with constants seen on the way, which are lower estimates: it is no bound. "
            "Its theorem takes one example a step and a loss in [0, 1], at which its value is cut; ours takes "
            f"minibatches of {BATCH}, and the constants are those of the cross-entropy, which has no upper limit.",
        ),
        scaled={
            "smoke": "130 of the embedded digits and an MLP instead of CIFAR-10, 3 epochs, two step sizes.",
            "desk": "1,500 of CIFAR-10's training images, 1,000 test images, the three largest step sizes, one seed.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about fifteen minutes on one core",
            "paper": "days on one core, hours on a GPU (an estimate)",
        },
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(gaps, distances),
        check=check,
    )
