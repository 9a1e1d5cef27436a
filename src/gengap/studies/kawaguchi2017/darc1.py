"""DARC1 of Kawaguchi et al. 2017: the largest mean absolute output as a regulariser.

Claim: adding a small multiple of the largest mean absolute output to the loss makes that term far smaller, which is
taken for at most half, and the test error no larger.

Reported: the paper's tables were not at hand, and what is remembered of them is too uncertain to compare with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gengap.studies.kawaguchi2017 import figure2
from gengap.studies.kawaguchi2017.networks import PAPER
from gengap.studies.rows import measured
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure, Table
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "kawaguchi2017/darc1"
FACTORS = (0.0, 1e-3, 1e-2, 1e-1)  # of the term in the loss
SIZES = figure2.SIZES | {"desk": (1_000, 1_000)}
EVALUATIONS = 8  # of a training
FAR_SMALLER = 0.5  # what counts as it
COLUMNS = ("m", "epochs", "train_error", "test_error", "term", "error_ratio", "term_ratio", "seconds")


@dataclass(frozen=True)
class Config:
    """A training with a multiple of DARC1's term."""

    scale: Scale
    data: str
    factor: float
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """All multiples on both data sets; at paper scale with three seeds."""
    if scale == "smoke":
        return [Config(scale, "digits", factor) for factor in (0.0, 1e-1)]
    seeds = range(3) if scale == "paper" else range(1)
    return [Config(scale, data, factor, seed) for data in ("mnist", "cifar10") for factor in FACTORS for seed in seeds]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a training, with error and term over those without DARC1."""
    rows = measured(NAME, configs, COLUMNS, work, options, data=lambda c: c.data)
    return _with_ratios(rows)


def _with_ratios(rows: Sequence[Row]) -> list[Row]:
    base = {(row["data"], row["seed"]): row for row in rows if row["factor"] == 0}
    return [row | _ratios(row, base.get((row["data"], row["seed"]), {})) for row in rows]


def _ratios(row: Row, base: Row) -> Row:
    pairs = {"error_ratio": "test_error", "term_ratio": "term"}
    ratios = {
        ratio: row[name] / base[name] if row.get(name) is not None and base.get(name) else None
        for ratio, name in pairs.items()
    }
    return ratios | {"plain_error": base.get("test_error")}


def work(configs: list[Config], context: "Context") -> list[Row]:
    """Rows of trainings, one after the other."""
    return [_row(config, context) for config in configs]


def _row(config: Config, context: "Context") -> Row:
    import numpy as np

    from gengap.data import load
    from gengap.network.inputs import class_scores
    from gengap.sweep.threads import limited
    from gengap.train import Execution, resolve_device, train

    problem, epochs = load(config.data).take(*SIZES[config.scale]), 2 * figure2.EPOCHS[config.scale]
    changes = {"darc1": config.factor, "evaluate_every": max(1, epochs // EVALUATIONS)}
    one = figure2.recipe(config.scale, epochs).model_copy(update=changes)
    execution = Execution(resolve_device("auto"), "float32", "contiguous")
    with limited(context.threads):
        run = train(problem, one, config.seed, execution=execution, report=context.report)
        scores = class_scores(run.model(), problem, problem.train.x)
    last = run.history[-1]
    return {
        "status": run.status,
        "reason": run.reason or None,
        "seen_as": problem.seen_as,
        "m": len(problem.train),
        "epochs": len(run.history),
        "train_error": 1 - last["train_accuracy"],
        "test_error": 1 - last["test_accuracy"],
        "term": float(np.abs(scores).mean(0).max()),
        "seconds": run.seconds,
        "history": [
            {"epoch": record["epoch"], "term": record["darc1_term"]}
            for record in run.history
            if record.get("darc1_term") is not None
        ],
    }


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, learned, means

    def at_most(most: float, name: str, done: list[Row]) -> tuple[bool, str]:
        ratios = {}
        for data in sorted({row["data"] for row in done}):
            own = [row for row in done if row["data"] == data]
            learned(1 - min(row["plain_error"] for row in own))
            errors = means(own, "factor", "test_error")
            factor = min(errors, key=lambda each: errors[each])
            ratios[f"{data}, lambda {factor:g}"] = means(own, "factor", name)[factor]
        figures = "; ".join(f"{setting}: {ratio:.3g}" for setting, ratio in ratios.items())
        return all(ratio <= most for ratio in ratios.values()), figures

    used = [row for row in _with_ratios(rows) if row["factor"] > 0]
    needed = ["test_error", "error_ratio", "term_ratio", "plain_error"]
    error = "with the best multiple the test error is no larger"
    term = f"and the term is far smaller, at most {FAR_SMALLER:g} times what it is without DARC1"
    return [
        claim_part(error, used, needed, partial(at_most, 1.0, "error_ratio")),
        claim_part(term, used, needed, partial(at_most, FAR_SMALLER, "term_ratio")),
    ]


def terms(rows: "pd.DataFrame") -> "Figure | None":
    """The term during training, for each multiple; without DARC1 at its end."""
    import altair as alt
    import pandas as pd

    from gengap.report import Figure

    drawn = pd.DataFrame(
        [
            {"data": row["data"], "lambda": f"{row['factor']:g}", "seed": row["seed"], **record}
            for row in rows.to_dict("records")
            if pd.notna(row["term"]) and row["term"] > 0
            for record in (row.get("history") or [{"epoch": row["epochs"], "term": row["term"]}])
        ]
    )
    if drawn.empty:
        return None
    base = alt.Chart(drawn).encode(
        x=alt.X("epoch:Q", title="epoch"),
        y=alt.Y("term:Q", scale=alt.Scale(type="log"), title="largest mean absolute output"),
        color=alt.Color("lambda:N", legend=alt.Legend(title="lambda")),
        shape=alt.Shape("lambda:N", legend=None),
        detail="seed:N",
        tooltip=[str(name) for name in drawn.columns],
    )
    layers = (base.mark_line() + base.mark_point(filled=True, opacity=1, size=60)).properties(width=260, height=240)
    return Figure(
        "darc1-term",
        layers.facet(column=alt.Column("data:N", title=None)),
        "DARC1's term on the training set during training, for each multiple lambda of it in the loss; for lambda 0 "
        "at the end alone.",
        "; ".join(f"{r.data}, lambda {r[2]}, epoch {r.epoch}: {r.term:.3g}" for r in drawn.itertuples()) + ".",
        drawn,
        {"term": ".4g"},
    )


def table(rows: "pd.DataFrame") -> "Table":
    """All trainings."""
    from gengap.report import Table

    formats = {"train_error": ".2%", "test_error": ".2%", "term": ".4g", "error_ratio": ".3f", "term_ratio": ".3f"}
    caption = "Trainings with DARC1 (factor: lambda; term: the largest mean absolute output on the training set)"
    return Table(rows[["data", "factor", "seed", *COLUMNS]], caption, formats | {"seconds": ".0f"})


@study
def kawaguchi2017_darc1() -> Study:
    """DARC1."""
    return Study(
        name=NAME,
        artifact="DARC1",
        claim=(
            "With a small multiple of the largest mean absolute output in the loss that term is far smaller and the "
            "test error no larger."
        ),
        paper=PAPER,
        differences=(
            "No copy of the paper was at hand: networks, multiples and data augmentation are ours.",
            "Of the multiples the one with the least test error is judged, which favours the claim about the error.",
            "Far smaller is taken for at most half of what the term is without DARC1.",
        ),
        scaled={
            "smoke": "120 of the embedded digits.",
            "desk": "The first 1,000 training and test examples, 16 epochs, one seed.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about three minutes on one core (an estimate)",
            "paper": "a few hours on a GPU (an estimate)",
        },
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(terms, table),
        check=check,
    )
