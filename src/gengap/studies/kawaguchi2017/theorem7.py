"""Theorem 7 of Kawaguchi et al. 2017: the gap of a given network, as path weights, path features and their angles.

Claim: the gap of squared loss of any network is a sum of two terms for each output, and what keeps them small is the
angle between path weights and data, not the size of either.

Reported: nothing; the paper evaluates the theorem for no network.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gengap.studies.kawaguchi2017.networks import PAPER, Labels, data, network
from gengap.studies.rows import image_data, measured
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from gengap.data import Problem
    from gengap.report import Figure, Table
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "kawaguchi2017/theorem7"
# Training examples and population.
SIZES: dict[Scale, tuple[int, int]] = {"smoke": (60, 80), "desk": (500, 700), "paper": (5_000, 10_000)}
EPOCHS: dict[Scale, int] = {"smoke": 5, "desk": 100, "paper": 300}
FITTED = 0.05  # squared loss at which training ends; guessing has 0.9
BATCH, RATE = 50, 1e-3
COLUMNS = (
    *("m", "population", "epochs", "train_accuracy", "test_accuracy", "empirical_risk", "risk", "gap", "bound"),
    *(
        "label_term",
        "label_term_aligned",
        "concentration",
        "concentration_aligned",
        "c_y",
        "identity_error",
        "spectral_error",
    ),
    *("weight_norm", "v_norm", "largest_eigenvalue", "rank", "paths", "seconds_training", "seconds_terms", "sentence"),
)


@dataclass(frozen=True)
class Config:
    """A network and the labels that it is trained on."""

    scale: Scale
    model: str
    labels: Labels
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """Both networks on true and on random labels; at paper scale with three seeds."""
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    models = ("mlp-1x512", "convolutional") if scale == "smoke" else ("mlp-3x512", "convolutional")
    return [Config(scale, model, labels, seed) for model in models for labels in ("true", "random") for seed in seeds]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a network."""
    return measured(NAME, configs, COLUMNS, work, options, data=image_data("cifar10"))


def work(configs: list[Config], context: "Context") -> list[Row]:
    """Rows of networks, one after the other."""
    return [_row(config, context) for config in configs]


def _row(config: Config, context: "Context") -> Row:
    import time

    import numpy as np

    from gengap.network.inputs import class_scores, network_inputs
    from gengap.probes import theorem7
    from gengap.probes.paths import path_count
    from gengap.sweep.threads import limited

    problem = data(config.scale, config.labels, *SIZES[config.scale], config.seed)
    with limited(context.threads):
        model, started = network(config.model, problem, config.seed), time.perf_counter()
        epochs = fit(model, problem, EPOCHS[config.scale], config.seed, context)
        trained = time.perf_counter()
        theorem = theorem7(model, problem, progress=lambda done, tiles: context.report(done, tiles, "path kernel"))
        seconds = time.perf_counter() - trained
        splits = {"train": problem.train, "test": problem.test}
        accuracy = {
            f"{name}_accuracy": float((class_scores(model, problem, split.x).argmax(1) == split.y).mean())
            for name, split in splits.items()
        }
        one = network_inputs(problem.train.x[:2], problem.preprocessing, next(model.parameters()))
        paths = path_count(model, one)
    labels, concentration = theorem.terms.to_dict("records")
    return {
        "status": "done",
        "reason": None,
        "seen_as": problem.seen_as,
        **{
            name: getattr(theorem, name)
            for name in ("m", "population", "empirical_risk", "risk", "gap", "bound", "c_y")
        },
        **{name: getattr(theorem, name) for name in ("identity_error", "spectral_error", "sentence")},
        "epochs": epochs,
        **accuracy,
        "label_term": labels["value"],
        "label_term_aligned": labels["aligned"],
        "concentration": concentration["value"],
        "concentration_aligned": concentration["aligned"],
        "weight_norm": float(np.linalg.norm(theorem.weight_norms)),
        "v_norm": float(np.linalg.norm(theorem.v_norms)),
        "largest_eigenvalue": float(theorem.largest_eigenvalues.max()),
        "rank": theorem.spectra[0].rank,
        "paths": paths,
        "seconds_training": trained - started,
        "seconds_terms": seconds,
    }


def fit(model: "nn.Module", problem: "Problem", epochs: int, seed: int, context: "Context | None" = None) -> int:
    """Trains on squared loss of one-hot labels with Adam until it is ``FITTED``; returns the epochs that it took."""
    import torch
    from torch import nn

    from gengap.network.inputs import batch_rows, network_inputs
    from gengap.seeds import stream

    x = network_inputs(problem.train.x, problem.preprocessing, next(model.parameters()))
    targets = nn.functional.one_hot(torch.tensor(problem.train.y), problem.n_classes).to(x.dtype)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    model.train()
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(stream(seed, "order", epoch)))
        total = 0.0
        for rows in batch_rows(len(x), BATCH):
            optimiser.zero_grad()
            loss = (model(x[order[rows]]) - targets[order[rows]]).square().sum(1).mean()
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * (rows.stop - rows.start)
        if context is not None:
            context.report(epoch, epochs, f"squared loss {total / len(x):.3f}")
        if total / len(x) <= FITTED:
            break
    model.eval()
    return epoch


IDENTITY = 1e-10  # of the sum of the absolute terms
SPECTRAL = 1e-6  # likewise: what eigenvalues that count as 0 may leave out of the recorded terms
ROUNDING = 1e-9
SMALL = 0.05  # of what norms and eigenvalues alone would allow
VALUES = ("label_term", "concentration", "c_y", "gap", "risk", "empirical_risk", "identity_error", "spectral_error")
ALLOWED = ("label_term_aligned", "concentration_aligned", "bound", "weight_norm", "v_norm", "largest_eigenvalue")


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, learned

    def adds_up(done: list[Row]) -> tuple[bool, str]:
        errors = [_errors(row) for row in done]
        outputs, recorded = ([error for own in kind for error in own] for kind in zip(*errors, strict=True))
        figures = (
            f"from the outputs off by {max(outputs):.1e} of the sum of absolute terms at most, from norms and "
            f"eigenvalues by {max(recorded):.1e}"
        )
        return all(e <= IDENTITY for e in outputs) and all(e <= SPECTRAL for e in recorded), figures

    def bounded(done: list[Row]) -> tuple[bool, str]:
        figures = "; ".join(f"{_network(row)}: {row['gap']:.3g} of {row['bound']:.3g}" for row in done)
        return all(_is_bounded(row) for row in done), figures

    def angles(done: list[Row]) -> tuple[bool, str]:
        for row in done:
            learned(row["train_accuracy"])
        fractions = [abs(row["gap"]) / row["bound"] if row["bound"] else math.inf for row in done]
        figures = "; ".join(f"{_network(row)}: {value:.1e}" for row, value in zip(done, fractions, strict=True))
        return max(fractions) <= SMALL, figures

    small = f"it is less than {SMALL:.0%} of that, by its angles"
    return [
        claim_part("the terms add up to the gap", rows, VALUES, adds_up),
        claim_part("each term is at most what norms and eigenvalues allow", rows, VALUES + ALLOWED, bounded),
        claim_part(small, rows, ["gap", "bound", "train_accuracy"], angles, of_paper=False),
    ]


def _errors(row: Row) -> tuple[list[float], list[float]]:
    """How far terms are from the gap: from the outputs as measured, and the recorded ones, from norms and eigenvalues.

    All are relative to the sum of their absolute values.
    """
    terms = [row["label_term"], row["concentration"], row["c_y"]]
    size = sum(abs(term) for term in terms) or 1.0
    gap = abs(row["gap"] - (row["risk"] - row["empirical_risk"])) / size
    return [abs(row["identity_error"]), gap], [abs(row["spectral_error"]), abs(row["gap"] - sum(terms)) / size]


def _is_bounded(row: Row) -> bool:
    """Whether each term is at most its value at the worst angle, which is made of norms and eigenvalues."""
    labels, concentration = row["label_term_aligned"], row["concentration_aligned"]
    made_of = 2 * row["v_norm"] * row["weight_norm"], row["largest_eigenvalue"] * row["weight_norm"] ** 2
    pairs = [
        (abs(row["label_term"]), labels),
        (row["concentration"], concentration),
        (labels, made_of[0]),  # norms over all outputs together, by Cauchy and Schwarz
        (concentration, made_of[1]),
        (row["bound"], labels + concentration + row["c_y"]),
        (labels + concentration + row["c_y"], row["bound"]),
        (row["gap"], row["bound"]),
    ]
    return all(small <= large + ROUNDING * abs(large) for small, large in pairs)


def _network(row: Row) -> str:
    return f"{row['model']}, {row['labels']} labels"


TERMS = {
    "gap": ("gap", "as it is"),
    "label_term": ("labels", "as it is"),
    "label_term_aligned": ("labels", "at the worst angle"),
    "concentration": ("concentration", "as it is"),
    "concentration_aligned": ("concentration", "at the worst angle"),
}


def terms(rows: "pd.DataFrame") -> "Figure | None":
    """Each term as it is and at the worst angle, for each network and kind of labels."""
    import altair as alt
    import pandas as pd

    from gengap.report import Figure

    done = rows[rows["gap"].notna()]
    drawn = pd.DataFrame(
        [
            {"network": f"{row['model']}, {row['labels']} labels", "term": term, "at": at, "size": abs(row[name])}
            for row in done.to_dict("records")
            for name, (term, at) in TERMS.items()
        ]
    )
    drawn = drawn[drawn["size"] > 0] if len(drawn) else drawn
    if drawn.empty:
        return None
    chart = (
        alt.Chart(drawn)
        .mark_point(filled=True, opacity=1, size=90)
        .encode(
            x=alt.X("size:Q", scale=alt.Scale(type="log"), title="absolute value, squared loss"),
            y=alt.Y("term:N", sort=["gap", "labels", "concentration"], title=None),
            color=alt.Color("at:N", legend=alt.Legend(title=None)),
            shape=alt.Shape("at:N", legend=alt.Legend(title=None)),
            tooltip=list(drawn),
        )
        .properties(height=70)
        .facet(row=alt.Row("network:N", title=None, header=alt.Header(labelAngle=0, labelAlign="left")))
    )
    return Figure(
        "theorem-7-terms",
        chart,
        "The terms of the gap as they are, and as norms and eigenvalues would allow them at the worst angle.",
        "; ".join(f"{row.network}: {row.term} {row.at} {row.size:.3g}" for row in drawn.itertuples()) + ".",
        drawn,
        {"size": ".4g"},
    )


def table(rows: "pd.DataFrame") -> "Table":
    """All terms, with what they are made of."""
    from gengap.report import Table

    wanted = [name for name in ("model", "labels", "seed", *COLUMNS) if name != "sentence"]
    formats: dict[str, Any] = dict.fromkeys(COLUMNS, ".4g")
    formats |= dict.fromkeys(("train_accuracy", "test_accuracy"), ".2%") | dict.fromkeys(("m", "population"), ",.0f")
    return Table(
        rows[wanted], "Theorem 7's terms, each also at the worst angle (aligned), and what they are made of", formats
    )


@study
def kawaguchi2017_theorem7() -> Study:
    """Theorem 7."""
    return Study(
        name=NAME,
        artifact="Theorem 7",
        claim=(
            "The gap of squared loss is a term of labels and one of concentration; norms and eigenvalues would allow "
            "far more, so that it is the angles between path weights and data that keep it small."
        ),
        paper=PAPER,
        differences=(
            "The paper states the theorem and evaluates it for no network; a finite population stands for the "
            "distribution: the first test examples.",
            "Networks are trained on squared loss of one-hot labels with Adam until it is 0.05 or the epochs are over.",
            "With random labels those of the population are random too, so that it has the distribution of S.",
        ),
        scaled={
            "smoke": "60 of the embedded digits and a population of 80, with one hidden layer instead of three.",
            "desk": "500 training examples of CIFAR-10 and a population of 700; one seed.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about four minutes on one core (an estimate)",
            "paper": "a few hours on a GPU or a day on two cores (an estimate)",
        },
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(terms, table),
        check=check,
    )
