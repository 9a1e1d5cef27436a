"""``gengap probe memorisation``: which training examples are memorised, or have wrong labels."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from gengap.errors import InputError
from gengap.probes import agreement, detection, memorisation, snapshot_scores
from gengap.report import Fact, Figure
from gengap.report.plain import plain
from gengap.tasks.probe.answer import ProbeAnswer
from gengap.tasks.probe.subject import ProbeSubject
from gengap.train import Execution, Recipe

NOTES = (
    "The cheap scores are of the network as it is: its loss, its margin, the norm of its gradient, and its influence "
    "on itself by the last layer.",
    "Feldman's score is P(correct | the example was used) - P(correct | it was not), over trainings of the same "
    "network on random subsets; from few trainings it varies, as its error says. Cheap scores miss how memorisation "
    "changes with the size of a network (Lukasik et al. 2023), and larger networks memorise most examples less.",
)
LEGEND = (
    "Every score is higher for the more suspicious example: margin is minus the margin (the largest other score less "
    "that of the label, so that an error is above 0). index counts in the training split as it was given."
)


def probe_memorisation(
    subject: ProbeSubject, *, trainings: int = 0, epochs: int = 20, lr: float = 0.05, batch_size: int = 32
) -> ProbeAnswer:
    """Scores of each training example.

    Args:
        subject: The network and its data.
        trainings: On subsets, for Feldman's scores; 0 for none, else at least 4.
        epochs: Of each.
        lr: Their learning rate.
        batch_size: Their minibatch.

    Raises:
        InputError: As ``gengap.probes.memorisation`` and ``gengap.probes.snapshot_scores``.
    """
    if trainings < 0:
        raise InputError(f"{trainings} trainings.", expected="0, or at least 4")
    cheap = snapshot_scores(subject.model, subject.problem)
    train = subject.problem.train
    columns: dict[str, Any] = {"index": subject.rows, "label": train.y, **cheap}
    values: dict[str, Any] = {f"mean_{name}": float(score.mean()) for name, score in cheap.items()}
    reason = None
    if trainings:
        recipe = Recipe.parse(
            {
                "model": subject.words["model"],
                "learning_rate": lr,
                "batch_size": batch_size,
                "epochs": epochs,
                "precision": "float32",
                "memory_format": "contiguous",
            }
        )
        found = memorisation(
            subject.problem, recipe, trainings=trainings, seed=subject.words["seed"], execution=Execution()
        )
        columns |= {"memorisation": found.scores, "memorisation_error": found.errors}
        known = np.isfinite(found.scores)
        values |= {
            "mean_memorisation": float(found.scores[known].mean()),
            "memorised_share": float((found.scores[known] >= 0.25).mean()),
            "rms_memorisation_error": found.rms_error,
            **{f"agreement_{name}": value for name, value in agreement(cheap, found.scores).items()},
        }
        if not known.all():
            reason = f"{int((~known).sum())} examples were in all trainings, or in none, and have no score"
    if subject.corrupt is not None and subject.corrupt.any() and not subject.corrupt.all():
        columns["corrupt"] = subject.corrupt
        values |= {f"auroc_{name}": detection(score, subject.corrupt).auroc for name, score in cheap.items()}
    rows = pd.DataFrame(columns).sort_values("memorisation" if trainings else "loss", ascending=False)
    return ProbeAnswer(
        "memorisation",
        _sentence(rows, values, trainings),
        values,
        rows,
        _figure(rows, trainings > 0),
        subject.seconds,
        subject.words | {"trainings": trainings, "epochs": epochs, "lr": lr, "batch_size": batch_size},
        "ok" if reason is None else "partial",
        reason,
        (),
        [Fact("Most suspicious example", str(int(rows["index"].iloc[0])), f"label {int(rows['label'].iloc[0])}")],
        NOTES if trainings else NOTES[:1],
        LEGEND,
    )


def _sentence(rows: pd.DataFrame, values: dict[str, Any], trainings: int) -> str:
    if trainings:
        return (
            f"{values['memorised_share']:.1%} of {len(rows):,} training examples have a memorisation score of at least "
            f"0.25; the standard error of a score is {plain(values['rms_memorisation_error'])} (root mean square)."
        )
    top = ", ".join(str(index) for index in rows["index"].head(5))
    return (
        f"The most suspicious of {len(rows):,} training examples by their loss, by their index in the training split: "
        f"{top}."
    )


def _figure(rows: pd.DataFrame, expensive: bool) -> Figure:
    quantity = "memorisation" if expensive else "loss"
    data = rows[["index", "loss", "gradient_norm", quantity]].loc[:, lambda frame: ~frame.columns.duplicated()]
    base = alt.Chart(data)
    if expensive:
        chart = base.mark_point(filled=True, opacity=0.6).encode(
            x=alt.X("loss:Q", title="loss of the network, nats", scale=alt.Scale(type="symlog")),
            y=alt.Y("memorisation:Q", title="memorisation score"),
            tooltip=["index", "loss", "memorisation"],
        )
    else:
        chart = base.mark_bar().encode(
            x=alt.X("loss:Q", title="loss of the network, nats", bin=alt.Bin(maxbins=40)),
            y=alt.Y("count()", title="examples"),
        )
    return Figure(
        "memorisation",
        chart.properties(height=300),
        "Memorisation score against the loss of the network." if expensive else "Losses of the training examples.",
        f"{len(rows)} training examples by {quantity}.",
        data.head(64),
        {name: ".4g" for name in ("loss", "gradient_norm", "memorisation") if name in data},
    )
