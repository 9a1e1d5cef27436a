"""Wrong labels ranked by cheap scores and by out-of-fold predictions, on human labels of CIFAR-10.

Claim: scores that follow an example through training, or predict it from the others, find wrong labels better than its
loss at the end of training, which memorisation has taken to 0.

Reported: nothing that can be compared; the yardsticks of others (a large pretrained network, ResNet-18) stand beside
the table in the evidence's README.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gengap.studies.rows import measured
from gengap.studies.study import Row, Scale, Study, study

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from gengap.data import Problem
    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "feldman2020/label_errors"
PAPER = "Feldman and Zhang 2020, What neural networks memorize and why, arXiv:2008.03703; Wei et al. 2022, CIFAR-10N"
LABELS: dict[Scale, tuple[str, ...]] = {
    "smoke": ("uniform",),
    "desk": ("aggre_label", "worse_label"),
    "paper": ("aggre_label", "random_label1", "worse_label"),
}
DETECTORS = (
    *("mean_loss", "mean_margin", "times_wrong", "forgetting", "gradient_norm", "self_influence", "final_loss"),
    *("out_of_fold_loss", "out_of_fold_disagreement", "cleanlab"),
)
IMAGES: dict[Scale, int] = {"smoke": 300, "desk": 4_000, "paper": 50_000}
EPOCHS: dict[Scale, int] = {"smoke": 4, "desk": 20, "paper": 60}
APART = 0.01  # of AUROC: what one detector has to exceed another by, and chance
UNIFORM = 0.1  # of the embedded digits' labels are redrawn
COLUMNS = ("auroc", "precision", "recall", "f1", "flagged", "found_in_a_tenth", "wrong_share")


@dataclass(frozen=True)
class Config:
    """One detector on one set of labels."""

    scale: Scale
    labels: str
    detector: str
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """Every detector on every set of labels."""
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    return [Config(scale, labels, d, seed) for seed in seeds for labels in LABELS[scale] for d in DETECTORS]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a detector; those of one set of labels share its trainings."""
    return measured(NAME, configs, COLUMNS, detect, options, together=lambda c: (c.labels, c.seed), data=_source)


def detect(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of one set of labels."""
    import numpy as np

    from gengap.probes import cheap_scores, detection, out_of_fold_probabilities, snapshot_scores
    from gengap.train import Execution, Recipe, train

    first = configs[0]
    problem, wrong = noisy(first.scale, first.labels, first.seed)
    recipe = Recipe(
        model="mlp-1x512",
        learning_rate=0.01,
        batch_size=128 if first.scale != "smoke" else 32,
        schedule="constant",
        epochs=EPOCHS[first.scale],
        evaluate_every=1_000,
        precision="float32",
        memory_format="contiguous",
    )
    context.report(0, 3, "one training")
    scores: dict[str, np.ndarray] = dict(cheap_scores(problem, recipe, seed=first.seed, execution=Execution()))
    last = train(problem.take(None, 1), recipe, first.seed, execution=Execution()).model()
    scores["final_loss"] = snapshot_scores(last, problem)["loss"]
    context.report(1, 3, "five folds")
    outside = out_of_fold_probabilities(problem, recipe, seed=first.seed, execution=Execution())
    y = problem.train.y
    own = outside[np.arange(len(y)), y]
    scores["out_of_fold_loss"] = -np.log(np.maximum(own, 1e-300))
    scores["out_of_fold_disagreement"] = outside.max(1) - own
    flags = {"out_of_fold_disagreement": outside.argmax(1) != y}
    rows: dict[str, Row] = {
        name: {
            "status": "done",
            "reason": None,
            "seen_as": problem.seen_as,
            **detection(values, wrong, flagged=flags.get(name))._asdict(),
            "wrong_share": float(wrong.mean()),
        }
        for name, values in scores.items()
    }
    rows["cleanlab"] = _cleanlab(outside, y, wrong)
    return [rows[config.detector] for config in configs]


def _source(config: Config) -> "str | Callable[[], None]":
    return "digits" if config.scale == "smoke" else _check_cifar10n


def _check_cifar10n() -> None:
    """Raises InputError where the images or their human labels cannot be read."""
    from gengap.data import load

    _human_labels()
    load("cifar10")


def _human_labels() -> Path:
    """The file of CIFAR-10N.

    Raises:
        InputError: It is not there.
    """
    from gengap.data.location import data_root
    from gengap.errors import InputError

    path = data_root() / "cifar10n" / "cifar10n_labels.npz"
    if not path.exists():
        raise InputError(
            f"No human labels at {path}.",
            expected="CIFAR-10N as an npz of clean_label, aggre_label, random_label1 and worse_label",
            next_step="put it there; Wei et al. 2022 publish the labels (CC BY-NC 4.0)",
        )
    return path


def noisy(scale: Scale, labels: str, seed: int) -> "tuple[Problem, np.ndarray]":
    """A problem with wrong labels, and which ones are wrong."""
    import numpy as np

    from gengap.data import Split, load
    from gengap.errors import InputError

    count = IMAGES[scale]
    if scale == "smoke":
        clean = load("digits").take(count, 50)
        problem = clean.corrupt("labels", level=UNIFORM, seed=seed)
        return problem, problem.train.y != clean.train.y
    path = _human_labels()
    clean = load("cifar10").take(count, 1_000)
    with np.load(path, allow_pickle=False) as file:
        given, true = (file[name][:count].astype(np.int64) for name in (labels, "clean_label"))
    if (true != clean.train.y).any():
        raise InputError(f"The labels of {path} are in another order than the images.", expected="CIFAR-10's own order")
    step = {"step": "human labels", "labels": labels}
    return clean.derive(step, train=Split(clean.train.x, given)), given != true


def _cleanlab(outside: "np.ndarray", y: "np.ndarray", wrong: "np.ndarray") -> Row:
    """Cleanlab's confident learning on the same out-of-fold probabilities."""
    try:
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores
    except ImportError:
        reason = "cleanlab is not installed"
        return {"status": "done", "reason": reason, "auroc_reason": reason}
    from gengap.probes import detection

    flagged = find_label_issues(y, outside, n_jobs=1)
    quality = get_label_quality_scores(y, outside)
    return {
        "status": "done",
        "reason": None,
        **detection(-quality, wrong, flagged=flagged)._asdict(),
        "wrong_share": float(wrong.mean()),
    }


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, present

    def better(detector: str) -> "ClaimPart":
        pair = [row for row in rows if row["detector"] in (detector, "final_loss")]

        def decide(done: list[Row]) -> tuple[bool, str]:
            pairs = {
                labels: [
                    present((r["auroc"] for r in done if (r["labels"], r["detector"]) == (labels, name)), name)[0]
                    for name in (detector, "final_loss")
                ]
                for labels in dict.fromkeys(row["labels"] for row in done)
            }
            figures = ", ".join(f"{labels}: {ours:.3f} against {last:.3f}" for labels, (ours, last) in pairs.items())
            return all(ours > last + APART and ours > 0.5 + APART for ours, last in pairs.values()), figures

        return claim_part(f"{detector} finds them better than the final loss", pair, ["auroc"], decide)

    return [better("mean_margin"), better("out_of_fold_loss")]


def table(rows: "pd.DataFrame") -> "Figure | None":
    """AUROC of each detector."""
    import altair as alt

    from gengap.report import Figure

    data = rows[rows["auroc"].notna()][["labels", "detector", "seed", "auroc", "precision", "recall", "f1"]]
    if data.empty:
        return None
    chart = alt.Chart(data).encode(
        y=alt.Y("detector:N", sort=list(DETECTORS), title=None),
        x=alt.X("auroc:Q", title="AUROC", scale=alt.Scale(domain=[0.4, 1.0], clamp=True)),
        color=alt.Color("labels:N", title="labels"),
    )
    return Figure(
        "detectors",
        chart.mark_point(filled=True, opacity=1, size=80).properties(height=260),
        "How well each score ranks wrong labels before right ones; 0.5 is chance.",
        "AUROC by detector and labels.",
        data,
        dict.fromkeys(("auroc", "precision", "recall", "f1"), ".3f"),
    )


@study
def feldman2020_label_errors() -> Study:
    """Detectors of wrong labels."""
    return Study(
        name=NAME,
        artifact="Wrong labels by cheap scores",
        claim=(
            "The mean margin of an example over training, and its loss by networks trained on the others, find wrong "
            "labels better than its loss at the end of training."
        ),
        paper=PAPER,
        differences=(
            "The network is an MLP with 512 hidden units on raw pixels; published detectors use pretrained networks.",
            "Precision and recall are of as many flags as there are wrong labels, but for out-of-fold disagreement and "
            "cleanlab, which flag by themselves.",
            "A label is wrong where it differs from CIFAR-10's own, which is not free of errors either.",
        ),
        scaled={
            "smoke": "300 of the embedded digits with a tenth of the labels redrawn, 4 epochs.",
            "desk": "the first 4,000 training images, 20 epochs, one seed, two sets of labels.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about five minutes on one core",
            "paper": "hours on one core (an estimate)",
        },
        reported=(),
        sweep=sweep,
        measure=measure,
        views=(table,),
        check=check,
    )
