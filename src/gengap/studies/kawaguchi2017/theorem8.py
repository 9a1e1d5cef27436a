"""Theorems 8 and 9 of Kawaguchi et al. 2017: what their bounds for two-phase training come to.

Claim: with the gates of phase one, risk is bounded by norms of path weights; with constants that are known beforehand
the bounds are valid and say nothing, and even with constants estimated from data, which are no bounds, they are loose.

Reported: nothing; the paper evaluates neither theorem.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gengap.studies.kawaguchi2017 import figure2
from gengap.studies.kawaguchi2017.networks import PAPER
from gengap.studies.rows import measured
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Table
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "kawaguchi2017/theorem8"
SIZES, EPOCHS = figure2.SIZES | {"desk": (4_000, 2_000)}, figure2.EPOCHS | {"desk": 10}
DELTA, MARGIN = 0.05, 1.0
KINDS = ("beforehand", "estimated")
COLUMNS = (
    *("m_first", "n", "squared_loss", "test_squared_loss", "margin_risk", "test_error", "certificate", "remark_6"),
    *("paths", "squared_norms", "l1_norms"),
    *(f"{name}_{kind}" for kind in KINDS for name in ("theorem_8", "theorem_9", "beta_1", "beta_2")),
    "seconds",
)


@dataclass(frozen=True)
class Config:
    """A network trained in two phases."""

    scale: Scale
    data: str
    model: str = "mlp-1x512"
    alpha: float = 0.2
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """One network for each data set; at paper scale the convolutional network too, with three seeds."""
    if scale == "smoke":
        return [Config(scale, "digits")]
    if scale == "desk":
        return [Config(scale, data) for data in ("mnist", "cifar10")]
    models, data = ("mlp-1x512", figure2.MODEL), ("mnist", "cifar10")
    return [Config(scale, name, model, seed=seed) for name in data for model in models for seed in range(3)]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a network."""
    return measured(NAME, configs, COLUMNS, work, options, data=lambda c: c.data)


def work(configs: list[Config], context: "Context") -> list[Row]:
    """Rows of networks, one after the other."""
    return [_row(config, context) for config in configs]


def _row(config: Config, context: "Context") -> Row:
    import time

    import numpy as np

    from gengap.bounds import clopper_pearson, hoeffding
    from gengap.data import load
    from gengap.network.inputs import class_scores
    from gengap.probes import two_phase_bounds
    from gengap.sweep.threads import limited
    from gengap.train import Execution, TwoPhase, resolve_device

    started = time.perf_counter()
    problem = load(config.data).take(*SIZES[config.scale])
    execution = Execution(resolve_device("auto"), "float32", "contiguous")
    one = figure2.recipe(config.scale, EPOCHS[config.scale]).model_copy(update={"model": config.model})
    with limited(context.threads):
        run = TwoPhase(config.alpha).train(problem, one, config.seed, execution=execution, report=context.report)
        result = two_phase_bounds(run.model, problem, run.m_first, margin=MARGIN, delta=DELTA)
        scores = class_scores(run.model, problem, problem.test.x)
    wrong, n_test = int((scores.argmax(1) != problem.test.y).sum()), len(problem.test)
    one_hot = np.eye(problem.n_classes)[problem.test.y]
    row: dict[str, Any] = {
        "status": "done",
        "reason": None,
        "seen_as": problem.seen_as,
        "m_first": run.m_first,
        **{name: getattr(result, name) for name in ("n", "squared_loss", "margin_risk", "paths")},
        **{name: getattr(result, name) for name in ("squared_norms", "l1_norms")},
        "test_squared_loss": float(((scores - one_hot) ** 2).sum(1).mean()),
        "test_error": wrong / n_test,
        "certificate": float(clopper_pearson(wrong, n_test, delta=DELTA)),
        "remark_6": float(hoeffding(wrong, n_test, delta=DELTA)),
        "seconds": time.perf_counter() - started,
    }
    for kind, bound in zip(KINDS, (result.beforehand, result.estimated), strict=True):
        row[f"theorem_8_{kind}"], row[f"theorem_9_{kind}"] = bound.theorem8_upper, bound.theorem9_upper
        row[f"beta_1_{kind}"], row[f"beta_2_{kind}"] = bound.theorem8.beta_1, bound.theorem8.beta_2
    return row


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part

    def above(bound: str, quantity: str, done: list[Row]) -> tuple[bool, str]:
        figures = "; ".join(f"{row['data']}: {row[quantity]:.3g} below {row[bound]:.3g}" for row in done)
        return all(row[quantity] <= row[bound] for row in done), figures

    def vacuous(done: list[Row]) -> tuple[bool, str]:
        values = "; ".join(f"{row['data']}: {row['theorem_9_beforehand']:.2g}" for row in done)
        return all(row["theorem_9_beforehand"] >= 1 for row in done), values

    eight, nine = ("theorem_8_beforehand", "test_squared_loss"), ("theorem_9_beforehand", "test_error")
    return [
        claim_part("Theorem 8 bounds the squared loss of the test examples", rows, eight, lambda d: above(*eight, d)),
        claim_part("Theorem 9 bounds their error", rows, nine, lambda d: above(*nine, d)),
        claim_part("with constants known beforehand Theorem 9 says nothing", rows, nine[:1], vacuous, of_paper=False),
    ]


def table(rows: "pd.DataFrame") -> "Table":
    """Both theorems with both kinds of constants, beside the certificate of the test examples."""
    from gengap.report import Table

    formats: dict[str, Any] = dict.fromkeys(COLUMNS, ".3g")
    formats |= dict.fromkeys(("test_error", "certificate", "remark_6"), ".2%")
    caption = (
        "Theorem 8 bounds the squared loss, Theorem 9 the error rate. Constants known beforehand make bounds; those "
        "that are estimated from the examples make none. Certificate: Clopper and Pearson, from the test examples"
    )
    return Table(rows[["data", "model", "alpha", "seed", *COLUMNS]], caption, formats)


@study
def kawaguchi2017_theorem8() -> Study:
    """Theorems 8 and 9."""
    return Study(
        name=NAME,
        artifact="Theorems 8 and 9",
        claim=(
            "With gates from phase one, the risk of phase two is bounded by norms of path weights; with constants that "
            "are known beforehand the bounds are valid and far above 1."
        ),
        paper=PAPER,
        differences=(
            "The paper evaluates neither theorem.",
            "Theorem 8 in the form that Bernstein's inequality gives, with a factor 2 under the root of its second "
            "factor.",
            "The norm in Theorem 9 is known after training only; a union over powers of 2 pays for that.",
            "Remark 6, for the one network that was trained, is Hoeffding's bound.",
        ),
        scaled={
            "smoke": "120 of the embedded digits.",
            "desk": "The first 4,000 training and 2,000 test examples; one hidden layer, one seed.",
        },
        cost={
            "smoke": "seconds",
            "desk": "a few minutes on one core (an estimate)",
            "paper": "about an hour on a GPU (an estimate)",
        },
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(table,),
        check=check,
    )
