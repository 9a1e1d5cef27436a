"""Two-phase training of Kawaguchi et al. 2017: gates learned from a small part of the examples are nearly as good.

Claim: a network whose gates are learned from a fraction alpha of the examples and whose weights are then trained on
all has nearly the test accuracy of ordinary training, already for small alpha.

Reported: the figure shows ratios near 1; no copy of the paper was at hand, so that none of its points is compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gengap.studies.kawaguchi2017.networks import PAPER
from gengap.studies.rows import measured
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure, Table
    from gengap.sweep import Context, Options
    from gengap.train import Recipe
    from gengap.verdicts import ClaimPart

NAME = "kawaguchi2017/figure2"
MODEL = "gengap.studies.kawaguchi2017.networks:convolutional"
ALPHAS = (0.05, 0.1, 0.2, 0.4, 0.8)
# Training and test examples; None for all.
SIZES: dict[Scale, tuple[int | None, int | None]] = {
    "smoke": (120, 100),
    "desk": (2_000, 1_000),
    "paper": (None, None),
}
EPOCHS: dict[Scale, int] = {"smoke": 2, "desk": 8, "paper": 50}  # of phase two
COLUMNS = (
    *("m", "m_first", "train_accuracy", "test_accuracy", "first_test_accuracy", "base_test_accuracy"),
    *("ratio", "first_ratio", "seconds"),
)


@dataclass(frozen=True)
class Config:
    """A training: in two phases, or ordinary where alpha is 0."""

    scale: Scale
    data: str
    alpha: float
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """Ordinary training and every alpha on both data sets; at paper scale with three seeds."""
    if scale == "smoke":
        return [Config(scale, "digits", alpha) for alpha in (0.0, 0.2, 0.8)]
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    alphas = (0.0, *(ALPHAS[1:] if scale == "desk" else ALPHAS))
    return [Config(scale, data, alpha, seed) for data in ("mnist", "cifar10") for seed in seeds for alpha in alphas]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a training, with the ratio of its test accuracy to that of ordinary training."""
    rows = measured(NAME, configs, COLUMNS, work, options, data=lambda c: c.data)
    base = {(row["data"], row["seed"]): row["test_accuracy"] for row in rows if row["alpha"] == 0}
    return [_with_ratios(row, base.get((row["data"], row["seed"]))) for row in rows]


def _with_ratios(row: Row, base: float | None) -> Row:
    ratios = {
        ratio: row[name] / base if base and row[name] is not None else None
        for ratio, name in (("ratio", "test_accuracy"), ("first_ratio", "first_test_accuracy"))
    }
    return row | ratios | {"base_test_accuracy": base}


def work(configs: list[Config], context: "Context") -> list[Row]:
    """Rows of trainings, one after the other."""
    return [_row(config, context) for config in configs]


def recipe(scale: Scale, epochs: int) -> "Recipe":
    """SGD with momentum 0.9 at a constant learning rate of 0.01, in minibatches of 64, evaluated at its end."""
    from gengap.train import Recipe

    return Recipe(
        model=MODEL, learning_rate=0.01, schedule="constant", batch_size=64, epochs=epochs, evaluate_every=epochs
    )


def _row(config: Config, context: "Context") -> Row:
    from gengap.data import load
    from gengap.sweep.threads import limited
    from gengap.train import Execution, TwoPhase, resolve_device, train

    problem = load(config.data).take(*SIZES[config.scale])
    epochs, execution = EPOCHS[config.scale], Execution(resolve_device("auto"), "float32", "contiguous")
    row: dict[str, Any] = {"status": "done", "reason": None, "seen_as": problem.seen_as, "m": len(problem.train)}
    with limited(context.threads):
        if not config.alpha:
            ordinary = recipe(config.scale, 2 * epochs)
            run = train(problem, ordinary, config.seed, execution=execution, report=context.report)
            last = run.history[-1]
            return row | {
                "status": run.status,
                "reason": run.reason or None,
                **{name: last[name] for name in ("train_accuracy", "test_accuracy")},
                "seconds": run.seconds,
            }
        first, second = recipe(config.scale, round(epochs / config.alpha)), recipe(config.scale, epochs)
        result = TwoPhase(config.alpha).train(
            problem, first, config.seed, second=second, execution=execution, report=context.report
        )
    return row | {
        "status": result.status,
        "reason": result.reason or None,
        "m_first": result.m_first,
        "train_accuracy": result.history[-1]["train_accuracy"],
        "test_accuracy": result.history[-1]["test_accuracy"],
        "first_test_accuracy": result.history[0]["test_accuracy"],
        "seconds": result.first.seconds + result.seconds,
    }


NEAR = 0.95  # of the test accuracy of ordinary training
SMALL_ALPHA = 0.2


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, clearly_less, learned

    def figures(done: list[Row], name: str) -> str:
        return "; ".join(f"{row['data']}, alpha {row['alpha']:g}: {row[name]:.3f}" for row in done)

    def near(done: list[Row]) -> tuple[bool, str]:
        learned(min(row["base_test_accuracy"] for row in done))
        return all(row["ratio"] >= NEAR for row in done), figures(done, "ratio")

    def adds(done: list[Row]) -> tuple[bool, str]:
        learned(min(row["base_test_accuracy"] for row in done))
        return all(clearly_less(row["first_ratio"], row["ratio"]) for row in done), figures(
            done, "first_ratio"
        ) + " for phase one"

    two_phases = [row for row in rows if row["alpha"] > 0]
    few = [row for row in two_phases if row["alpha"] <= SMALL_ALPHA]
    enough = [row for row in two_phases if row["alpha"] >= SMALL_ALPHA]
    what = f"from alpha = {SMALL_ALPHA:g} on the test accuracy is at least {NEAR:.0%} of that of ordinary training"
    needed = ["ratio", "base_test_accuracy"]
    return [
        claim_part(what, enough, needed, near),
        claim_part(
            "phase two adds to phase one where alpha is small",
            few,
            ["ratio", "first_ratio", "base_test_accuracy"],
            adds,
        ),
    ]


LINES = {"ratio": "both phases", "first_ratio": "phase one alone"}


def ratios(rows: "pd.DataFrame") -> "Figure | None":
    """Test accuracy over that of ordinary training, against alpha."""
    import altair as alt
    import pandas as pd

    from gengap.report import Figure

    done = rows[(rows["alpha"] > 0) & rows["ratio"].notna()]
    drawn = pd.DataFrame(
        [
            {"data": row["data"], "seed": row["seed"], "alpha": row["alpha"], "after": after, "ratio": row[name]}
            for row in done.to_dict("records")
            for name, after in LINES.items()
        ]
    )
    if drawn.empty:
        return None
    base = alt.Chart(drawn).encode(
        x=alt.X("alpha:Q", scale=alt.Scale(type="log"), title="alpha, fraction of the examples that gates are from"),
        y=alt.Y("ratio:Q", scale=alt.Scale(zero=False), title="test accuracy, ordinary training = 1"),
        color=alt.Color("data:N", legend=alt.Legend(title=None)),
        strokeDash=alt.StrokeDash("after:N", legend=alt.Legend(title=None)),
        detail="seed:N",
        tooltip=["data", "seed", "alpha", "after", "ratio"],
    )
    return Figure(
        "two-phase-ratio",
        (base.mark_line() + base.mark_point(filled=True, opacity=1)).properties(height=280),
        "Test accuracy of two-phase training over that of ordinary training, and of its first phase alone.",
        "; ".join(f"{r.data}, alpha {r.alpha:g}, {r.after}: {r.ratio:.3f}" for r in drawn.itertuples()) + ".",
        drawn,
        {"ratio": ".3f", "alpha": ".2f"},
    )


def table(rows: "pd.DataFrame") -> "Table":
    """All trainings."""
    from gengap.report import Table

    wanted = ["data", "alpha", "seed", *COLUMNS]
    percent = ("train_accuracy", "test_accuracy", "first_test_accuracy", "base_test_accuracy")
    formats = dict.fromkeys(percent, ".2%") | dict.fromkeys(("ratio", "first_ratio"), ".3f") | {"seconds": ".0f"}
    return Table(rows[wanted], "Two-phase training (alpha 0 is ordinary training)", formats)


@study
def kawaguchi2017_figure2() -> Study:
    """Two-phase training against alpha."""
    return Study(
        name=NAME,
        artifact="Figure 2",
        claim=(
            "Gates that are learned from a small fraction of the examples, with weights then trained on all of them, "
            "give nearly the test accuracy of ordinary training."
        ),
        paper=PAPER,
        differences=(
            "No copy of the paper was at hand: the networks of its figure are described as variants of LeNet and "
            "ResNet-18; ours is a convolutional network for both data sets, without batch norm or augmentation.",
            "Phase one has as many epochs as make about as many steps as phase two (its last minibatch is often short: "
            "at desk scale 250 to 320 steps where phase two has 256), so that it sees its few examples more often; "
            "ordinary training has twice the epochs of phase two, about as many steps as both phases together.",
            "Beside the paper's ratio stands that of phase one alone, which shows what phase two adds.",
        ),
        scaled={
            "smoke": "120 of the embedded digits, two epochs a phase.",
            "desk": "The first 2,000 training and 1,000 test examples, eight epochs of phase two, alpha from 0.1, one "
            "seed.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about five minutes on one core (an estimate)",
            "paper": "a few hours on a GPU (an estimate)",
        },
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(ratios, table),
        check=check,
    )
