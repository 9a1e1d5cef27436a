"""Feldman and Zhang 2020: memorisation by retraining on subsets, and how cheap scores agree with it.

Claim: examples with wrong labels are memorised, most others are not; scores of a single training order the examples
much as memorisation does, its mean margin and loss over it better than the loss at its end.

Reported: nothing that can be compared; the paper trains thousands of ResNet-50.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gengap.studies.rows import measured
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from gengap.probes import Memorisation
    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.train import Recipe
    from gengap.verdicts import ClaimPart

NAME = "feldman2020/agreement"
PAPER = "Feldman and Zhang 2020, What neural networks memorize and why, arXiv:2008.03703"
IMAGES: dict[Scale, tuple[int, int | None]] = {"smoke": (100, 50), "desk": (1_000, 500), "paper": (50_000, None)}
DATA: dict[Scale, str] = {"smoke": "digits", "desk": "mnist", "paper": "cifar10"}
MODEL: dict[Scale, str] = {"smoke": "mlp-1x512", "desk": "mlp-1x512", "paper": "inception-small"}
EPOCHS: dict[Scale, int] = {"smoke": 4, "desk": 20, "paper": 60}
TRAININGS: dict[Scale, int] = {"smoke": 8, "desk": 80, "paper": 400}
NOISE: dict[Scale, tuple[float, ...]] = {"smoke": (0.2,), "desk": (0.0, 0.1), "paper": (0.0, 0.1)}
SCORES = (
    *("mean_loss", "mean_margin", "times_wrong", "forgetting", "gradient_norm", "self_influence", "final_loss"),
    "other_half",
)
MUCH = 0.5  # rank correlation above which two scores order examples much alike
APART = 0.01  # what one correlation has to exceed another by at least
MEMORISED = 0.25  # a score from which the paper counts an example as memorised
REDRAWS = 100  # bootstrap samples of the trainings
COLUMNS = (
    *("rank_correlation", "rank_correlation_error", "auroc_memorised"),
    *("memorised_share", "mean_score", "rms_error", "mean_score_wrong", "mean_score_right", "unscored"),
)


@dataclass(frozen=True)
class Config:
    """One score on labels of one noise."""

    scale: Scale
    noise: float  # probability with which a label is redrawn
    score: str
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """Every score on every noise."""
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    return [Config(scale, noise, score, seed) for seed in seeds for noise in NOISE[scale] for score in SCORES]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a score; those on one set of labels share its trainings."""
    return measured(
        NAME, configs, COLUMNS, compare, options, together=lambda c: (c.noise, c.seed), data=lambda c: DATA[c.scale]
    )


def compare(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of one set of labels."""
    import numpy as np

    from gengap.data import load
    from gengap.probes import cheap_scores, memorisation, snapshot_scores
    from gengap.train import Execution, train

    first = configs[0]
    scale = first.scale
    clean = load(DATA[scale]).take(*IMAGES[scale])
    problem = clean.corrupt("labels", level=first.noise, seed=first.seed) if first.noise else clean
    wrong = problem.train.y != clean.train.y
    recipe = _recipe(scale)
    context.report(0, 2, "one training")
    scores: dict[str, np.ndarray] = dict(cheap_scores(problem, recipe, seed=first.seed, execution=Execution()))
    last = train(problem.take(None, 1), recipe, first.seed, execution=Execution()).model()
    scores["final_loss"] = snapshot_scores(last, problem)["loss"]
    context.report(1, 2, f"{TRAININGS[scale]} trainings on subsets")
    found = memorisation(problem, recipe, trainings=TRAININGS[scale], seed=first.seed, execution=Execution())
    shared = _of_the_problem(found, wrong)
    return [
        {
            "status": "done",
            "reason": None,
            "seen_as": problem.seen_as,
            **shared,
            **_of_a_score(config, found, scores, first.seed),
        }
        for config in configs
    ]


def _recipe(scale: Scale) -> "Recipe":
    from gengap.train import Recipe

    return Recipe(
        model=MODEL[scale],
        learning_rate=0.05,
        batch_size=32 if scale == "smoke" else 128,
        schedule="constant",
        epochs=EPOCHS[scale],
        evaluate_every=1_000,
        precision="float32",
        memory_format="contiguous",
    )


def _of_the_problem(found: "Memorisation", wrong: "np.ndarray") -> Row:
    import numpy as np

    known = np.isfinite(found.scores)
    kinds = {"mean_score_wrong": wrong & known, "mean_score_right": ~wrong & known}
    return {
        "memorised_share": float((found.scores[known] >= MEMORISED).mean()),
        "mean_score": float(found.scores[known].mean()),
        "rms_error": found.rms_error,
        "unscored": int((~known).sum()),
        **{name: float(found.scores[mask].mean()) if mask.any() else None for name, mask in kinds.items()},
    }


def _of_a_score(config: Config, found: "Memorisation", scores: "dict[str, np.ndarray]", seed: int) -> Row:
    """Agreement of a score with memorisation; of ``other_half`` that of memorisation by one half of the trainings."""
    import numpy as np

    from gengap.probes import Memorisation, agreement, detection
    from gengap.seeds import generator

    def part(which: "np.ndarray") -> Memorisation:
        return Memorisation(found.included[which], found.correct[which], found.test_correct[which])

    K = len(found.included)
    if config.score == "other_half":
        reference, values = part(np.arange(0, K, 2)).scores, part(np.arange(1, K, 2)).scores
        reference = np.where(np.isfinite(values), reference, np.nan)
        values = np.where(np.isfinite(values), values, 0.0)
    else:
        reference, values = found.scores, scores[config.score]
    row: Row = {"rank_correlation": agreement({"": values}, reference)[""]}
    known = np.isfinite(reference)
    memorised = reference[known] >= MEMORISED
    if memorised.any() and not memorised.all():
        row["auroc_memorised"] = detection(values[known], memorised).auroc
    else:
        row["auroc_memorised_reason"] = "all examples or none are memorised"
    if config.score != "other_half":
        random = generator(seed, "feldman2020 agreement")
        draws = [agreement({"": values}, part(random.integers(0, K, K)).scores)[""] for _ in range(REDRAWS)]
        row["rank_correlation_error"] = float(np.nanstd(draws, ddof=1))
    return {name: None if isinstance(v, float) and np.isnan(v) else v for name, v in row.items()}


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, present, span

    noisy = [row for row in rows if row["noise"] > 0]

    def wrong(done: list[Row]) -> tuple[bool, str]:
        pairs = [(row["mean_score_wrong"], row["mean_score_right"]) for row in done]
        return all(a > b + 0.3 for a, b in pairs), (
            f"mean score {span([a for a, _ in pairs])} of wrong and {span([b for _, b in pairs])} of right labels"
        )

    def few(done: list[Row]) -> tuple[bool, str]:
        """Were all redrawn labels wrong and none of them memorised, the others would still have at most this share."""
        shares = [row["memorised_share"] / (1 - row["noise"]) for row in done]
        return max(shares) < 0.5, f"at most {span(shares, '.0%')} of them"

    def agrees(done: list[Row]) -> tuple[bool, str]:
        values = [row["rank_correlation"] - 2 * row["rank_correlation_error"] for row in done]
        shown = ", ".join(f"noise {r['noise']:g}: {r['rank_correlation']:.2f}" for r in done)
        return min(values) > MUCH, f"rank correlation, {shown}"

    def better(score: str, done: list[Row]) -> tuple[bool, str]:
        """Whether the correlation is larger by more than two standard errors of the difference, at every noise."""
        holds, shown = True, []
        for noise in sorted({row["noise"] for row in done}):
            ours, last = (
                present((r for r in done if (r["noise"], r["score"]) == (noise, name)), f"{name} with noise {noise:g}")[
                    0
                ]
                for name in (score, "final_loss")
            )
            apart = ours["rank_correlation"] - last["rank_correlation"]
            error = math.hypot(ours["rank_correlation_error"], last["rank_correlation_error"])
            holds &= apart > max(2 * error, APART)
            shown.append(f"noise {noise:g}: {ours['rank_correlation']:.3f} against {last['rank_correlation']:.3f}")
            shown[-1] += f", more by {apart:.3f} with a standard error of {error:.3f}"
        return holds, "; ".join(shown)

    def of(*names: str) -> list[Row]:
        return [row for row in rows if row["score"] in names]

    both = ["rank_correlation", "rank_correlation_error"]
    return [
        claim_part("wrong labels are memorised, others less", noisy, ["mean_score_wrong", "mean_score_right"], wrong),
        claim_part("fewer than half of the others are memorised", rows, ["memorised_share"], few),
        claim_part("the mean margin agrees with memorisation", of("mean_margin"), both, agrees),
        claim_part("the mean loss agrees with memorisation", of("mean_loss"), both, agrees),
        *(
            claim_part(
                f"the {words} over training agrees better than the final loss",
                of(score, "final_loss"),
                both,
                partial(better, score),
            )
            for score, words in (("mean_margin", "margin"), ("mean_loss", "loss"))
        ),
    ]


def correlations(rows: "pd.DataFrame") -> "Figure | None":
    """Rank correlation of each score with memorisation, with two standard errors."""
    import altair as alt

    from gengap.report import Figure

    names = ["noise", "score", "seed", "rank_correlation", "rank_correlation_error", "auroc_memorised"]
    data = rows[rows["rank_correlation"].notna()][names].copy()
    if data.empty:
        return None
    for end, sign in (("low", -2), ("high", 2)):
        data[end] = data["rank_correlation"] + sign * data["rank_correlation_error"].astype(float).fillna(0.0)
    data["noise"] = data["noise"].map("{:g}".format)
    base = alt.Chart(data).encode(
        y=alt.Y("score:N", sort=list(SCORES), title=None), color=alt.Color("noise:N", title="label noise")
    )
    chart = base.mark_rule().encode(x=alt.X("low:Q", title="rank correlation with memorisation"), x2="high:Q")
    points = base.mark_point(filled=True, opacity=1, size=70).encode(x="rank_correlation:Q", tooltip=names)
    words = "; ".join(f"noise {r.noise}, {r.score}: {r.rank_correlation:.2f}" for r in data.itertuples())
    return Figure(
        "agreement",
        (chart + points).properties(height=260),
        "Spearman's correlation of each cheap score with the memorisation score; lines: two standard errors over "
        "redrawn trainings. other_half: memorisation by half of the trainings against the other half.",
        f"Rank correlations: {words}.",
        data[names],
        dict.fromkeys(names[3:], ".3f"),
    )


def memorised(rows: "pd.DataFrame") -> "Figure | None":
    """Mean memorisation score of right and of wrong labels, and its standard error."""
    import altair as alt

    from gengap.report import Figure

    shared = ["noise", "seed", "mean_score_right", "mean_score_wrong", "memorised_share", "rms_error", "unscored"]
    data = rows[rows["mean_score_right"].notna()][shared].drop_duplicates()
    if data.empty:
        return None
    kinds = {"mean_score_right": "right labels", "mean_score_wrong": "wrong labels"}
    long = data.melt(["noise", "seed"], list(kinds), "kind", "score").dropna()
    long["kind"], long["noise"] = long["kind"].map(kinds), long["noise"].map("{:g}".format)
    chart = (
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=alt.X("noise:N", title="label noise"),
            xOffset="kind:N",
            y=alt.Y("mean(score):Q", title="mean memorisation score"),
            color=alt.Color("kind:N", title=None),
        )
        .properties(width=240, height=220)
    )
    words = "; ".join(
        f"noise {r.noise:g}: {r.memorised_share:.1%} memorised, standard error of a score {r.rms_error:.2f}"
        for r in data.itertuples()
    )
    return Figure(
        "memorised",
        chart,
        f"Mean memorisation score by kind of label. Memorised: a score of at least {MEMORISED:g}.",
        f"Memorisation: {words}.",
        data,
        {**dict.fromkeys(("mean_score_right", "mean_score_wrong", "rms_error"), ".3f"), "memorised_share": ".1%"},
    )


@study
def feldman2020_agreement() -> Study:
    """Memorisation and cheap scores."""
    return Study(
        name=NAME,
        artifact="Memorisation scores and what they cost",
        claim=(
            "Examples with wrong labels are memorised and most others are not; scores of a single training order "
            "examples much as memorisation does, its mean margin and loss over it better than the loss at its end."
        ),
        paper=PAPER,
        differences=(
            "The networks are far smaller, and the claim about cheap scores is of later work: the paper has none.",
            "Scores are by trainings on random subsets of 70 %, as the paper's; one of an example that every training "
            f"used, or none, is unknown. The error of a rank correlation is over {REDRAWS} bootstrap samples of them.",
            "other_half compares two estimates by half of the trainings each: their noise limits every agreement.",
            "Cheap scores miss how memorisation changes with the size of a network (Lukasik et al. 2023).",
        ),
        scaled={
            "smoke": "100 of the embedded digits, 8 trainings of 4 epochs, a fifth of the labels redrawn.",
            "desk": "the first 1,000 images of MNIST, one hidden layer of 512, 80 trainings of 20 epochs, one seed.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about three minutes on one core",
            "paper": "weeks on one core, a day on a GPU (an estimate)",
        },
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(correlations, memorised),
        check=check,
    )
