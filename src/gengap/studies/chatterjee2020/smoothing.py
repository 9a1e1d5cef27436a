"""Other ways to suppress weak directions: dropout, weight decay, averaged weights and ensembles, on noisy labels.

Claim: what averages over examples, weights or networks leaves the gradient directions that many examples share and
suppresses those of few, so that random labels are fitted less and the test error on true labels falls.

Reported: nothing that can be compared; no figure of the paper's shows these ways on random labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from gengap.studies.chatterjee2020.trainings import PAPER
from gengap.studies.rows import image_data, measured
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from gengap.data import Problem
    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.train import Recipe, Run
    from gengap.verdicts import ClaimPart

NAME = "chatterjee2020/smoothing"
IMAGES: dict[Scale, tuple[int, int | None]] = {"smoke": (100, 100), "desk": (1_000, 2_000), "paper": (60_000, None)}
EPOCHS: dict[Scale, int] = {"smoke": 4, "desk": 80, "paper": 100}
NOISE: dict[Scale, tuple[float, ...]] = {
    "smoke": (0.5,),
    "desk": (0.0, 0.5, 1.0),
    "paper": (0.0, 0.25, 0.5, 0.75, 1.0),
}
# Way -> strengths: probability of dropout, weight decay, part of the epochs whose weights are averaged, networks.
STRENGTHS: dict[str, dict[Scale, tuple[float, ...]]] = {
    "plain": {"smoke": (0.0,), "desk": (0.0,), "paper": (0.0,)},
    "dropout": {"smoke": (0.5,), "desk": (0.2, 0.5, 0.8), "paper": (0.2, 0.5, 0.8)},
    "weight decay": {"smoke": (0.01,), "desk": (0.001, 0.01, 0.03), "paper": (0.0001, 0.001, 0.01)},
    "averaged weights": {"smoke": (0.5,), "desk": (0.25, 0.5, 1.0), "paper": (0.25, 0.5, 1.0)},
    "ensemble": {"smoke": (2.0,), "desk": (2.0, 4.0, 8.0), "paper": (2.0, 4.0, 8.0, 16.0)},
}
MODEL: dict[Scale, str] = {"smoke": "mlp-1x512", "desk": "mlp-1x512", "paper": "mlp-3x512"}
LEARNING_RATE, BATCH = 0.1, 100
COLUMNS = ("train_accuracy", "corrupt_accuracy", "pristine_accuracy", "test_error")


@dataclass(frozen=True)
class Config:
    """One way of smoothing at one strength."""

    scale: Scale
    noise: float  # probability with which a label is redrawn
    way: str
    strength: float
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """Every way and strength on every noise."""
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    return [
        Config(scale, noise, way, strength, seed)
        for seed in seeds
        for noise in NOISE[scale]
        for way, strengths in STRENGTHS.items()
        for strength in strengths[scale]
    ]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a way and strength; those that only combine networks of plain descent share their trainings."""

    def together(c: Config) -> tuple[object, ...]:
        combined = c.way in ("plain", "averaged weights", "ensemble")
        return (c.noise, c.seed, *(() if combined else (c.way, c.strength)))

    return measured(NAME, configs, COLUMNS, train, options, together=together, data=image_data("mnist"))


def train(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of configurations that share their trainings."""
    import numpy as np

    from gengap.data import load

    first = configs[0]
    scale = first.scale
    clean = load("digits" if scale == "smoke" else "mnist").preprocess(scale="unit").take(*IMAGES[scale])
    problem = clean.corrupt("labels", level=first.noise, seed=first.seed) if first.noise else clean
    corrupt = problem.train.y != clean.train.y
    networks = int(max([1.0, *(c.strength for c in configs if c.way == "ensemble")]))
    runs = []
    for member in range(networks):
        context.report(member, networks, f"{first.way}, network {member + 1}")
        runs.append(_run(problem, _recipe(first), 1_000 * first.seed + member))
    rows: list[Row] = []
    for config in configs:
        right = []
        for split in (problem.train, problem.test):
            scores = _scores(config, runs, problem, split.x)
            right.append(scores.argmax(1) == split.y)
        kinds = {"pristine_accuracy": right[0][~corrupt], "corrupt_accuracy": right[0][corrupt]}
        rows.append(
            {
                "status": "done",
                "reason": None,
                "seen_as": problem.seen_as,
                "train_accuracy": float(right[0].mean()),
                **{name: float(np.mean(values)) if len(values) else None for name, values in kinds.items()},
                "test_error": 1 - float(right[1].mean()),
            }
        )
    return rows


def _recipe(config: Config) -> "Recipe":
    from gengap.train import Recipe

    averaged = config.way in ("plain", "averaged weights", "ensemble")
    return Recipe(
        model=MODEL[config.scale],
        learning_rate=LEARNING_RATE,
        momentum=0.0,
        schedule="constant",
        batch_size=BATCH,
        epochs=EPOCHS[config.scale],
        dropout=config.strength if config.way == "dropout" else 0.0,
        weight_decay=config.strength if config.way == "weight decay" else 0.0,
        evaluate_every=1_000,
        snapshots=tuple(range(1, EPOCHS[config.scale] + 1)) if averaged else (),
        precision="float32",
        memory_format="contiguous",
    )


def _run(problem: "Problem", recipe: "Recipe", seed: int) -> "Run":
    from gengap.train import Execution
    from gengap.train import train as trained

    snapshots = recipe.snapshots if seed % 1_000 == 0 else ()  # weights are averaged of the first network alone
    return trained(
        problem.take(None, 1), recipe.model_copy(update={"snapshots": snapshots}), seed, execution=Execution()
    )


def _scores(config: Config, runs: "Sequence[Run]", problem: "Problem", x: "np.ndarray") -> "np.ndarray":
    """Scores of the network, of that with averaged weights, or probabilities of an ensemble."""
    import numpy as np
    from scipy.special import softmax

    from gengap.network.inputs import class_scores

    if config.way == "ensemble":
        members = [softmax(class_scores(run.model(), problem, x), axis=1) for run in runs[: int(config.strength)]]
        mean: np.ndarray = np.mean(members, axis=0)
        return mean
    model = runs[0].model()
    if config.way == "averaged weights":
        count = max(1, round(config.strength * len(runs[0].snapshots)))
        states = [runs[0].snapshots[epoch] for epoch in sorted(runs[0].snapshots)[-count:]]
        model.load_state_dict({name: sum(state[name] for state in states) / count for name in states[0]})
    return class_scores(model, problem, x)


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, means, present

    partly = [row for row in rows if 0 < row["noise"] < 1]
    wholly = [row for row in rows if row["noise"] == 1]

    def of_way(done: list[Row], way: str) -> list[Row]:
        return [row for row in done if row["way"] == way]

    def best(done: list[Row], way: str) -> float:
        """The strength with the lowest mean test error over partly random labels."""
        errors = means((row for row in of_way(done, way) if row["noise"] < 1), "strength", "test_error", least=1)
        return float(min(errors, key=lambda strength: errors[strength]))

    def lowers(way: str, column: str, of: list[Row], part: str, least: float) -> "ClaimPart":
        def decide(done: list[Row]) -> tuple[bool, str]:
            own = [row for row in done if row in of]
            plain = means(of_way(own, "plain"), "strength", column)
            strength, before = best(done, way), fmean(present(plain.values(), "plain training"))
            after = means(of_way(own, way), "strength", column)[strength]
            return after < before - least, f"{before:.1%} plain, {after:.1%} at {strength:g}"

        needed = [row for row in [*partly, *wholly] if row["way"] in ("plain", way)]
        return claim_part(part, needed if of else [], ["test_error", column], decide)

    ways = [way for way in STRENGTHS if way != "plain"]
    fit = "lowers the fit of random labels, at the strength of the lowest test error"
    return [
        *(
            lowers(w, "test_error", partly, f"{w} lowers the test error where labels are partly random", 0.01)
            for w in ways
        ),
        *(lowers(w, "train_accuracy", wholly, f"{w} {fit}", 0.05) for w in ways),
    ]


def fits(rows: "pd.DataFrame") -> "Figure | None":
    """Test error on true labels against the fit of the training labels, a point a strength."""
    import altair as alt

    from gengap.report import Figure

    names = ["noise", "way", "strength", "seed", *COLUMNS]
    data = rows[rows["train_accuracy"].notna()][names]
    if data.empty:
        return None
    base = alt.Chart(data).encode(
        x=alt.X("train_accuracy:Q", title="training accuracy on the labels as they are", axis=alt.Axis(format="%")),
        y=alt.Y(
            "test_error:Q", title="test error on true labels", axis=alt.Axis(format="%"), scale=alt.Scale(zero=False)
        ),
        color=alt.Color("way:N", sort=list(STRENGTHS), title=None),
        detail="seed:N",
    )
    points = base.mark_point(filled=True, opacity=1, size=60).encode(tooltip=names)
    chart = (
        alt.layer(base.mark_line(), points)
        .properties(width=210, height=240)
        .facet(column=alt.Column("noise:N", title="label noise"))
        .resolve_scale(x="independent", y="independent")
    )
    words = "; ".join(
        f"noise {r.noise:g}, {r.way} {r.strength:g}: {r.train_accuracy:.1%} and {r.test_error:.1%}"
        for r in data.itertuples()
    )
    return Figure(
        "smoothing",
        chart,
        "Each line is a way of smoothing at several strengths. Further left, fewer labels are fitted; lower is better.",
        f"Training accuracy and test error: {words}.",
        data,
        dict.fromkeys(COLUMNS, ".1%"),
    )


@study
def chatterjee2020_smoothing() -> Study:
    """Other ways to smooth."""
    return Study(
        name=NAME,
        artifact="Other ways to suppress weak directions",
        claim=(
            "Dropout, weight decay, averaged weights and ensembles fit random labels less and lower the test error of "
            "a network trained on partly random labels."
        ),
        paper=PAPER,
        differences=(
            "Networks, ways and strengths are ours: no figure of the paper's shows these ways on random labels.",
            "Noise replaces a label, with the probability given, by a class drawn uniformly. Pixels lie in [0, 1].",
            "Averaged weights are the mean of the weights after the last part of the epochs; the learning rate stays "
            "constant. An ensemble averages the probabilities of networks with seeds of their own.",
        ),
        scaled={
            "smoke": "100 of the embedded digits, 4 epochs, one noise, one strength of each.",
            "desk": "the first 1,000 training images, one hidden layer of 512 units, 80 epochs of 10 steps, one seed.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about two minutes on one core",
            "paper": "days on one core, hours on a GPU (an estimate)",
        },
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(fits,),
        check=check,
    )
