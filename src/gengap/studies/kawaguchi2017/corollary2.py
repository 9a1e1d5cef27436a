"""Corollary 2 of Kawaguchi et al. 2017: a norm may be of any size also with fewer features than examples.

Claim: where features of all examples have a rank below their number, weights of any norm predict as given ones do,
also when there are more examples than features.

Reported: nothing; the paper proves it and prints no number. The table holds the inequalities.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from gengap.studies.kawaguchi2017 import linear
from gengap.studies.kawaguchi2017.linear import DISTANCES, Config
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "kawaguchi2017/corollary2"
# Training and test examples by scale: more than the 64 pixels of a digit, or the 784 of MNIST.
SIZES: dict[Scale, tuple[int, int]] = {"smoke": (300, 200), "desk": (5_000, 2_000), "paper": (60_000, 10_000)}


def sweep(scale: Scale) -> list[Config]:
    """Least squares on true labels, moved by each distance."""
    return [Config(scale, "true", distance, seed=seed) for seed in linear.seeds(scale) for distance in DISTANCES]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a configuration."""
    return linear.measure(NAME, fit, configs, options)


def fit(configs: list[Config], context: "Context") -> list[Row]:
    """Rows of the least-squares weights, moved."""
    import numpy as np

    data = linear.examples(configs[0], *SIZES[configs[0].scale])
    return linear.moved_rows(configs, data, np.linalg.lstsq(data.phi, data.codes, rcond=None)[0])


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part

    def fewer(done: list[Row]) -> tuple[bool, str]:
        row = done[0]
        figures = f"{row['n_features']} features of rank {row['rank']}, {row['n_train']:,} training examples"
        return all(row["rank"] < row["n_features"] <= row["n_train"] for row in done), figures

    needed = ["rank", "n_features", "n_train"]
    return [
        claim_part("there are fewer features than examples, of a rank below their number", rows, needed, fewer),
        linear.far_part(rows),
    ]


@study
def kawaguchi2017_corollary2() -> Study:
    """Corollary 2."""
    return Study(
        name=NAME,
        artifact="Corollary 2",
        claim=(
            "Also with fewer features than examples weights of arbitrarily large norm predict as well as small ones, "
            "on training and test examples, where some combination of features is 0 on all of them."
        ),
        paper=linear.PAPER,
        differences=(
            *linear.DIFFERENCES,
            "The features are the pixels, of which those at the border are black in every image; the targets of the "
            "statement are what least squares on the true labels predicts.",
        ),
        scaled=linear.SCALED,
        cost={"smoke": "seconds", "desk": "less than a minute on two cores", "paper": "minutes on two cores"},
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(partial(linear.error_by_norm, "corollary-2-error-by-norm"), linear.claims),
        check=check,
        seen_as="pixels divided by 255",
    )
