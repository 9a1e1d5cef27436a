"""Theorem 1 of Kawaguchi et al. 2017: linear models memorise anything, whatever their norm.

Claim: with more features than examples, (i) some weights fit any labels, and (ii) where some weights fit training and
test labels, others of any norm do too, as near as one likes.

Reported: nothing; the paper proves it and prints no number. The table holds the inequalities.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from gengap.studies.kawaguchi2017 import linear
from gengap.studies.kawaguchi2017.linear import DISTANCES, Config
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "kawaguchi2017/theorem1"
# Training and test examples, and random features, by scale: more features than examples of both splits.
SIZES: dict[Scale, tuple[int, int, int]] = {
    "smoke": (100, 60, 300),
    "desk": (800, 400, 2_000),
    "paper": (2_500, 1_500, 6_000),
}
ALLOWED = 0.1  # epsilon and delta, where predictions may move


def sweep(scale: Scale) -> list[Config]:
    """Random labels memorised; true ones fitted and moved by each distance, with predictions unchanged or nearly so."""
    return [
        config
        for seed in linear.seeds(scale)
        for config in (
            Config(scale, "random", seed=seed),
            *(Config(scale, "true", t, allowed, seed) for allowed in (0.0, ALLOWED) for t in DISTANCES),
        )
    ]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a configuration."""
    return linear.measure(NAME, fit, configs, options)


def fit(configs: list[Config], context: "Context") -> list[Row]:
    """Rows of weights that memorise random labels, or that fit both splits and are moved."""
    import numpy as np

    from gengap.interpolate import RandomFourierFeatures
    from gengap.interpolate.implicit_bias import memorising_weights
    from gengap.seeds import stream

    first = configs[0]
    n_train, n_test, n_features = SIZES[first.scale]
    pixels = linear.examples(first, n_train, n_test)
    random_state = stream(first.seed, "features") % 2**32
    features = RandomFourierFeatures("relu", n_features=n_features, random_state=random_state).fit(pixels.phi)
    data = replace(pixels, phi=features.transform(pixels.phi), phi_test=features.transform(pixels.phi_test))
    if first.labels == "random":
        weights = memorising_weights(data.phi, data.codes)
        off = float(np.linalg.norm(data.phi @ weights - data.codes))
        own = {"rank": n_train, "norm": float(np.linalg.norm(weights)), "train_off": off}
        return [linear.errors(data, weights) | own for _ in configs]
    both = memorising_weights(np.vstack([data.phi, data.phi_test]), np.vstack([data.codes, data.codes_test]))
    return linear.moved_rows(configs, data, both)


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, span

    def memorised(random: list[Row]) -> tuple[bool, str]:
        errors = [row["train_error"] for row in random]
        return max(errors) == 0, f"training error {span(errors, '.2%')} on random labels"

    random = [row for row in rows if row["labels"] == "random"]
    return [claim_part("any labels are memorised", random, ["train_error"], memorised), linear.far_part(rows)]


@study
def kawaguchi2017_theorem1() -> Study:
    """Theorem 1."""
    return Study(
        name=NAME,
        artifact="Theorem 1",
        claim=(
            "A linear model with more features than examples memorises any labels; and where some weights fit training "
            "and test labels, weights of arbitrarily large norm do too, so that the norm alone decides nothing."
        ),
        paper=linear.PAPER,
        differences=(
            *linear.DIFFERENCES,
            "The features are random ReLUs of the pixels, and the solution that is moved is the one of least norm that "
            "fits the training and the test labels; a learner would not know the latter.",
        ),
        scaled=linear.SCALED,
        cost={"smoke": "seconds", "desk": "less than a minute on two cores", "paper": "minutes on two cores"},
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(partial(linear.error_by_norm, "theorem-1-error-by-norm"), linear.claims),
        check=check,
        seen_as="random ReLU features of pixels divided by 255",
    )
