"""Figure 4 of Belkin et al. 2019: double descent of random forests on MNIST.

Claim: the squared test loss of one tree falls, then rises until the tree fits every label; averaging ever more such
trees, all of which see the same examples, brings it far below. (The test error of one tree hardly rises in the figure.)

Reported: every point of the figure's vector graphics; losses there are means over the ten outputs, here sums.
Tolerance: a tenth of the value, at least 1 percentage point or 0.02.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from gengap.studies.belkin2019.curve import figure, with_peaks
from gengap.studies.belkin2019.published import PAPER, QUANTITIES, WORDS, points
from gengap.studies.rows import image_data, measured
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.data import Points
    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "belkin2019/figure4"
OUTPUTS = 10
# (leaves of a tree at most, trees), in the order of the figure's axis.
GRID = tuple(sorted({(int(point["N_leaf_max"]), int(point["N_tree"])) for point in points("fig4_rf")}))
SMOKE_GRID = ((5, 1), (10, 1), (30, 1), (60, 1), (100, 1), (100, 2), (100, 5), (100, 20))
EXAMPLES: dict[Scale, tuple[int, int | None]] = {"smoke": (200, 100), "desk": (10_000, None), "paper": (10_000, None)}
NOISE = 0.2  # probability with which a training label is redrawn, where labels are noisy
COLUMNS = ("leaves", "train_loss", "test_loss", "train_error", "test_error")

DIFFERENCES = (
    "Trees are scikit-learn's, each grown on all examples by Gini impurity among sqrt(d) random features, the best "
    "split first.",
    "The examples are the first 10,000 of MNIST's training set; the paper does not say which ones it took.",
    "The horizontal axis is the number of leaves of all trees; the paper's counts trees from some point on.",
    f"A second curve has each training label redrawn with probability {NOISE:g}; the paper's has none.",
)


@dataclass(frozen=True)
class Config:
    """One forest of a curve."""

    scale: Scale
    max_leaves: int
    trees: int
    noise: float = 0.0
    seed: int = 0


def _curve() -> list[dict[str, Any]]:
    """The paper's points with losses summed over outputs, as ours are."""
    numbers = []
    for point in points("fig4_rf"):
        quantity, factor = QUANTITIES[point["series"]]
        value = max(0.0, float(point["value"])) * factor * (OUTPUTS if quantity.endswith("loss") else 1)
        leaves, trees = int(point["N_leaf_max"]), int(point["N_tree"])
        numbers.append({"leaves": leaves, "trees": trees, "quantity": quantity, "value": value})
    return numbers


def _reported() -> tuple[Reported, ...]:
    numbers = []
    for point in _curve():
        unit = "%" if point["quantity"].endswith("error") else "1"
        value = round(100 * point["value"], 4) if unit == "%" else point["value"]
        what = f"{WORDS[point['quantity']]}, {point['leaves']} leaves, trees: {point['trees']}"
        tolerance = max(0.1 * value, 1.0 if unit == "%" else 0.02)
        where = {"max_leaves": point["leaves"], "trees": point["trees"], "noise": 0.0}
        numbers.append(Reported(what, "Figure 4", value, unit, tolerance, "read off a plot", point["quantity"], where))
    return tuple(numbers)


REPORTED = _reported()


def sweep(scale: Scale) -> list[Config]:
    """All forests of the figure; with noise in the labels too, but at desk scale."""
    grid = SMOKE_GRID if scale == "smoke" else GRID
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    noises = (0.0,) if scale == "desk" else (0.0, NOISE)
    return [Config(scale, *forest, noise, seed) for noise in noises for seed in seeds for forest in grid]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a forest, with the peak of its curve."""
    rows = measured(
        NAME, configs, COLUMNS, grow, options, together=lambda c: (c.noise, c.seed), data=image_data("mnist")
    )
    return with_peaks(rows, "leaves", ("noise", "seed"), lambda row: EXAMPLES[row["scale"]][0])


def grow(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of one curve."""
    from gengap.studies.belkin2019.examples import examples

    first = configs[0]
    data = examples(first.scale, EXAMPLES[first.scale], first.noise, first.seed)
    rows = []
    for done, config in enumerate(configs, start=1):
        rows.append({"status": "done", "reason": None} | _forest(config, data, context.threads))
        context.report(done, len(configs), f"{config.max_leaves} leaves, trees: {config.trees}")
    return rows


def _forest(config: Config, data: "Points", threads: int) -> Row:
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier

    from gengap.seeds import stream

    forest = RandomForestClassifier(
        config.trees,
        max_leaf_nodes=config.max_leaves,
        bootstrap=False,
        random_state=stream(config.seed, "forest") % 2**32,
        n_jobs=threads,
    ).fit(data.x, data.y)
    row: Row = {"leaves": config.max_leaves * config.trees}
    for split, x, y in (("train", data.x, data.targets), ("test", data.x_test, data.targets_test)):
        shares = np.zeros(y.shape)
        shares[:, forest.classes_] = forest.predict_proba(x)
        row[f"{split}_loss"] = float(((shares - y) ** 2).sum(axis=1).mean())
        row[f"{split}_error"] = float(np.mean(shares.argmax(axis=1) != y.argmax(axis=1)))
    return row


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.studies.belkin2019 import claims

    return [
        part
        for suffix, of_paper, own in claims.curves(rows, "leaves")
        for part in (_rises(own, suffix, of_paper), _averages(own, suffix, of_paper))
    ]


def _rises(rows: Sequence[Row], suffix: str, of_paper: bool) -> "ClaimPart":
    """Whether the loss of single trees is least at fewer leaves than the largest has, which fits every label."""
    from gengap.studies.belkin2019.claims import by_seed
    from gengap.verdicts import claim_part, clearly_less, present, span

    def decide(done: list[Row]) -> tuple[bool, str]:
        curves = by_seed(done, "max_leaves")
        for curve in curves:
            present({row["max_leaves"] for row in curve}, "sizes of a tree:", 3)
        ends = [(min(row["test_loss"] for row in curve[:-1]), curve[-1]["test_loss"]) for curve in curves]
        fitted = all(curve[-1]["train_error"] == 0 for curve in curves)
        falls = all(clearly_less(least, curve[0]["test_loss"]) for curve, (least, _) in zip(curves, ends, strict=True))
        figures = f"least {span([least for least, _ in ends])}, {span([last for _, last in ends])} at the most leaves"
        if not fitted:
            figures += ", which do not fit every label"
        return fitted and falls and all(clearly_less(least, last) for least, last in ends), figures

    alone = [row for row in rows if row["trees"] == 1]
    part = f"the test loss of one tree falls, then rises until every label is fitted{suffix}"
    return claim_part(part, alone, ["test_loss", "train_error"], decide, of_paper=of_paper)


def _averages(rows: Sequence[Row], suffix: str, of_paper: bool) -> "ClaimPart":
    """Whether the largest forest has a loss well below that of every tree."""
    from gengap.studies.belkin2019.claims import FALLEN, by_seed
    from gengap.verdicts import claim_part, present, span

    def decide(done: list[Row]) -> tuple[bool, str]:
        curves = by_seed(done, "leaves")
        best = [min(present((r["test_loss"] for r in curve if r["trees"] == 1), "one tree")) for curve in curves]
        last = [present((r["test_loss"] for r in curve if r["trees"] > 1), "a forest")[-1] for curve in curves]
        figures = f"{span(last)} of the largest forest, {span(best)} of the best tree"
        return all(a <= FALLEN * b for a, b in zip(last, best, strict=True)), figures

    part = f"averaging trees brings the test loss below that of every tree{suffix}"
    return claim_part(part, rows, ["test_loss", "leaves"], decide, of_paper=of_paper)


def _figure(quantity: str, rows: "pd.DataFrame") -> "Figure | None":
    paper = [{**point, "capacity": point["leaves"] * point["trees"]} for point in _curve()]
    return figure(rows, quantity, "leaves", "leaves of all trees", paper if rows["scale"].iloc[0] != "smoke" else [])


@study
def belkin2019_figure4() -> Study:
    """Figure 4."""
    return Study(
        name=NAME,
        artifact="Figure 4",
        claim=(
            "The squared test loss of one tree falls and then rises until the tree fits every label; averaging ever "
            "more such trees brings it far below what any tree reaches."
        ),
        paper=PAPER,
        differences=DIFFERENCES,
        scaled={
            "smoke": "200 of the embedded digits instead of 10,000 of MNIST, trees of at most 100 leaves.",
            "desk": "one seed, and no noise in the labels.",
        },
        cost={
            "smoke": "seconds",
            "desk": "minutes on two cores (an estimate)",
            "paper": "half an hour on two cores (an estimate)",
        },
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=tuple(partial(_figure, quantity) for quantity in ("test_error", "test_loss")),
        check=check,
        seen_as="pixels divided by 255",
    )
