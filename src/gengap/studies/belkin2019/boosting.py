"""Boosting on MNIST, of the supporting information of Belkin et al. 2019.

Claim: L2-boosting goes on until it fits every label, and averaging several boosted ensembles then lowers the test risk
below what any of them reaches.

Reported: that averaging lowers it, as 1; from a secondary source, as the supporting information was not at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gengap.studies.belkin2019.curve import figure, with_peaks
from gengap.studies.belkin2019.published import PAPER
from gengap.studies.rows import image_data, measured
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from gengap.data import Points
    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "belkin2019/boosting"
LEAVES, SHRINKAGE = 10, 0.85
# Rounds of one ensemble, then ensembles of the largest number of rounds.
ROUNDS: dict[Scale, tuple[int, ...]] = {
    "smoke": (1, 3, 10, 30),
    "desk": (1, 3, 10, 30, 100, 200, 300),
    "paper": (1, 3, 10, 30, 100, 200, 300, 500, 700, 1000, 1500),
}
ENSEMBLES: dict[Scale, tuple[int, ...]] = {"smoke": (2, 5), "desk": (2, 3, 5, 10), "paper": (2, 3, 5, 10, 15, 20)}
EXAMPLES: dict[Scale, tuple[int, int | None]] = {
    "smoke": (200, 100),
    "desk": (2_000, None),
    "paper": (10_000, None),
}
COLUMNS = ("trees", "train_loss", "test_loss", "train_error", "test_error", "averaging_helps")
REPORTED = (
    Reported(
        "averaging boosted ensembles lowers the test loss of one (1: it does)",
        "supporting information",
        1.0,
        "yes = 1",
        0.5,
        "secondary source",
        "averaging_helps",
        {"ensembles": 20},
    ),
)


@dataclass(frozen=True)
class Config:
    """One point of a curve."""

    scale: Scale
    rounds: int
    ensembles: int = 1
    noise: float = 0.0
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """All rounds of one ensemble, then all numbers of whole ones; at paper scale of three seeds."""
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    return [
        config
        for seed in seeds
        for config in (
            *(Config(scale, rounds, seed=seed) for rounds in ROUNDS[scale]),
            *(Config(scale, max(ROUNDS[scale]), count, seed=seed) for count in ENSEMBLES[scale]),
        )
    ]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a point, with the peak of its curve."""
    rows = measured(NAME, configs, COLUMNS, boost, options, together=lambda c: c.seed, data=image_data("mnist"))
    return with_peaks(rows, "trees", ("seed",), lambda row: EXAMPLES[row["scale"]][0])


def boost(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of one curve."""
    import numpy as np

    from gengap.interpolate.trees import boosted_scores
    from gengap.seeds import stream
    from gengap.studies.belkin2019.examples import examples

    first = configs[0]
    data = examples(first.scale, EXAMPLES[first.scale], first.noise, first.seed)
    rounds, count = max(c.rounds for c in configs), max(c.ensembles for c in configs)
    by_size: dict[tuple[int, int], Row] = {}
    whole: list[tuple[np.ndarray, np.ndarray]] = []
    for ensemble in range(count):
        rng = np.random.RandomState(stream(first.seed, "boosting", ensemble) % 2**32)
        scores = boosted_scores(
            data.x,
            data.targets,
            data.x_test,
            rounds=rounds,
            max_leaves=LEAVES,
            shrinkage=SHRINKAGE,
            rng=rng,
            max_features="sqrt",
        )
        for done, outputs in enumerate(scores, start=1):
            if ensemble == 0:
                by_size[done, 1] = _row(*outputs, data)
            context.report(ensemble * rounds + done, count * rounds, f"ensemble {ensemble + 1}")
        whole.append(outputs)
        train, test = (np.mean(side, axis=0) for side in zip(*whole, strict=True))
        by_size[rounds, ensemble + 1] = _row(train, test, data)
    alone = by_size[rounds, 1]["test_loss"]
    return [
        {"status": "done", "reason": None, "trees": c.rounds * c.ensembles}
        | by_size[c.rounds, c.ensembles]
        | {"averaging_helps": float(by_size[c.rounds, c.ensembles]["test_loss"] < alone) if c.ensembles > 1 else None}
        for c in configs
    ]


def _row(train: "np.ndarray", test: "np.ndarray", data: "Points") -> Row:
    row: Row = {}
    for split, values, y in (("train", train, data.targets), ("test", test, data.targets_test)):
        row[f"{split}_loss"] = float(((values - y) ** 2).sum(axis=1).mean())
        row[f"{split}_error"] = float((values.argmax(axis=1) != y.argmax(axis=1)).mean())
    return row


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.studies.belkin2019.claims import by_seed
    from gengap.verdicts import claim_part, clearly_less, present, span

    def fits(done: list[Row]) -> tuple[bool, str]:
        errors = [curve[-1]["train_error"] for curve in by_seed(done, "rounds")]
        return max(errors) == 0, f"training error {span(errors, '.2%')} after the last round"

    def averages(done: list[Row]) -> tuple[bool, str]:
        curves = by_seed(done, "trees")
        best = [
            min(present((row["test_loss"] for row in curve if row["ensembles"] == 1), "one ensemble"))
            for curve in curves
        ]
        last = [
            present((row["test_loss"] for row in curve if row["ensembles"] > 1), "several ensembles")[-1]
            for curve in curves
        ]
        figures = f"{span(last)} of the most ensembles, {span(best)} at best of one"
        return all(clearly_less(a, b) for a, b in zip(last, best, strict=True)), figures

    alone = [row for row in rows if row["ensembles"] == 1]
    return [
        claim_part("boosting goes on until every label is fitted", alone, ["train_error"], fits),
        claim_part(
            "averaging ensembles brings the test loss below that of one", rows, ["test_loss", "trees"], averages
        ),
    ]


def _figure(quantity: str, rows: "pd.DataFrame") -> "Figure | None":
    return figure(rows, quantity, "trees", "trees of all ensembles", threshold=float(rows["rounds"].max()))


@study
def belkin2019_boosting() -> Study:
    """Boosting."""
    return Study(
        name=NAME,
        artifact="L2-boosting",
        claim=(
            "L2-boosting goes on until it fits every label, and averaging several boosted ensembles then lowers the "
            "test risk below what one of them reaches."
        ),
        paper=PAPER,
        differences=(
            "Leaves, shrinkage, rounds and ensembles are as others report of the supporting information, not at hand.",
            f"Trees of at most {LEAVES} leaves, each seeing sqrt(d) random features a split, without which all "
            f"ensembles would be one; shrinkage {SHRINKAGE:g}.",
            "The examples are the first of MNIST's training set; the paper does not say which ones it took.",
            "The vertical line of the figures stands where one ensemble is whole and averaging begins.",
        ),
        scaled={
            "smoke": "200 of the embedded digits instead of 10,000 of MNIST, 30 rounds, 5 ensembles.",
            "desk": "2,000 examples, 300 rounds instead of 1,500, 10 ensembles instead of 20.",
        },
        cost={
            "smoke": "seconds",
            "desk": "minutes on two cores (an estimate)",
            "paper": "hours on two cores (an estimate)",
        },
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=tuple(partial(_figure, quantity) for quantity in ("test_error", "test_loss")),
        check=check,
        seen_as="pixels divided by 255",
    )
