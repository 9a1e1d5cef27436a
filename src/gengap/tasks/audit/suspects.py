"""The training examples that are most likely memorised or mislabelled."""

import time
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from gengap.arrays import Floats, Ints
from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.network.gradients import gradient_norm_report
from gengap.network.inputs import batches
from gengap.probes import confident_errors
from gengap.report import Fact, Facts, Picture, Pictures, Table, Text, percent, png_bytes
from gengap.tasks.audit.part import Budget, Part
from gengap.tasks.audit.subject import AuditSubject

MOST, PICTURED, LISTED = 200, 24, 50
TIMED = 8  # examples whose gradients say how long those of the others take
FITTED = 0.999  # training accuracy from which the network agrees with nearly all labels, wrong ones too
SATURATED = (
    "The {model} fits {accuracy} of its training labels, so that it agrees with wrong labels as with right ones: "
    "it tells little by itself of which are wrong. Predictions by models that did not train on an example do: "
    "--out-of-fold FILE takes their class probabilities, --folds 5 --train module:function makes them."
)
WITHIN = (
    "The scores are of the {model} as it is, on examples that it was trained on: {signs} are what hard, rare and "
    "mislabelled examples have in common. The order is that of the mean rank in the {count}."
)
OF_LABELS = (
    "The model gives labels alone: first stand the training examples that it gets wrong, and within these and the "
    "others the order says nothing."
)
OUTSIDE = (
    "Class probabilities come from networks that did not train on the example. A label is taken for wrong where "
    "another class is the most probable of those that reach their threshold, a class's mean probability over the "
    "examples that bear its label (confident learning). Of hard and ambiguous examples some are among them: look "
    "before you relabel."
)
WEAK = 0.8  # agreement with the labels below which most of what out-of-fold networks call is their own error
OF_WEAK = (
    "These networks agree with {agreement} of the labels alone. Most of the labels that such networks take for wrong "
    "are their own errors: read the list from its top, and do not take its length for the number of wrong labels."
)


def suspects_part(subject: AuditSubject, budget: Budget, outside: Floats | None) -> tuple[Part, pd.DataFrame]:
    """The suspicious training examples, the most suspicious first.

    Args:
        subject: The model and its data.
        budget: The time, which says of how many examples gradients are computed.
        outside: Class probabilities ``[N, C]`` of all training examples by networks that were not trained on them;
            None where there are none.
    """
    rows = _within(subject, budget) if outside is None else _outside(subject, outside)
    accuracy = subject.trained().accuracy
    fitted = outside is None and accuracy >= FITTED
    texts = [_within_words(subject) if outside is None else OUTSIDE]
    if fitted:
        texts.insert(0, SATURATED.format(model=_called(subject), accuracy=percent(accuracy)))
    agreement = None if outside is None else float((outside.argmax(1) == subject.problem.train.y).mean())
    weak = agreement is not None and agreement < WEAK
    if weak:
        texts.insert(0, OF_WEAK.format(agreement=percent(agreement)))
    values: dict[str, Any] = {
        "method": "out of fold" if outside is not None else f"the {_called(subject)}'s own {_signs(subject)}",
        "listed": len(rows),
        "wrong": int(rows["taken_for_wrong"].sum()),
        "agreement": agreement,
    }
    reason = "training labels are fitted: the weights alone tell little" if fitted else ""
    if weak:
        reason = "the out-of-fold networks are right too seldom: many of the labels they call are their own errors"
    return (
        Part(
            "suspects",
            "",
            _sentence(subject, rows, outside),
            values,
            lambda: [_facts(subject, rows, outside), Text(texts), *_shown(subject, rows)],
            f"{subject.trained().sample} training examples"
            if outside is None
            else f"all {len(subject.problem.train):,} training examples",
            status="partial" if reason else "ok",
            reason=reason,
        ),
        rows,
    )


def check_outside(values: Any, problem: Problem) -> Floats:
    """Out-of-fold probabilities as an array ``[N, C]``.

    Raises:
        InputError: Another shape, or numbers that are no probabilities.
    """
    array, expected = np.asarray(values, dtype=np.float64), (len(problem.train), problem.n_classes)
    if array.shape != expected:
        raise InputError(
            f"The out-of-fold probabilities have shape {array.shape}.",
            expected=f"{expected}, a row for each training example in its order",
        )
    if not np.isfinite(array).all() or array.min() < 0 or np.abs(array.sum(1) - 1).max() > 1e-3:
        raise InputError("The out-of-fold probabilities are no probabilities.", expected="rows that sum to 1")
    return array


def _within(subject: AuditSubject, budget: Budget) -> pd.DataFrame:
    """By loss, margin and, of the most suspicious by these, gradient norm."""
    train = subject.trained()
    losses = train.seen.losses.double().cpu().numpy()
    margins = train.seen.margins.double().cpu().numpy()
    if not train.probable:
        losses, margins = np.where(train.correct, 0.0, 1.0), np.where(train.correct, 1.0, -1.0)
    first = rankdata(losses) + rankdata(-margins)
    candidates = np.argsort(-first, kind="stable")[:MOST]
    columns: dict[str, Any] = {"loss": losses[candidates], "margin": margins[candidates]}
    ranks = rankdata(losses[candidates]) + rankdata(-margins[candidates])
    if subject.network is not None:
        norms = _gradient_norms(subject, train.rows[candidates], budget)
        columns["gradient_norm"] = norms
        ranks = ranks + rankdata(np.nan_to_num(norms, nan=-np.inf))
    probabilities = train.probabilities if train.probable else None
    rows = _rows(subject, train.rows[candidates], train.predicted[candidates], columns, ranks)
    if probabilities is not None:
        rows["p_label"] = probabilities[candidates, train.labels[candidates]]
    rows["taken_for_wrong"] = rows["label"] != rows["predicted"]
    return rows.sort_values("score", ascending=False, ignore_index=True)


def _gradient_norms(subject: AuditSubject, rows: Ints, budget: Budget) -> Floats:
    """Norms of the gradients of these training examples; NaN beyond what the time allows.

    Gradients of single examples cost several times the mean gradient of a batch, how many depends on the network: the
    first few are timed.
    """
    train, network = subject.problem.train, subject.module()

    def norms(chosen: Ints) -> list[Floats]:
        step = {"step": "suspects", "n_train": len(chosen)}
        part = subject.problem.derive(step, train=Split(train.x[chosen], train.y[chosen]))
        return [gradient_norm_report(network, x, y).norms.cpu().numpy() for x, y in batches(part, network, size=64)]

    started = time.perf_counter()
    found = norms(rows[:TIMED])
    seconds_each = (time.perf_counter() - started) / len(rows[:TIMED])
    count = budget.affordable("suspects", seconds_each, len(rows), least=min(TIMED, len(rows)))
    if count > TIMED:
        found += norms(rows[TIMED:count])
    return np.concatenate([*found, np.full(len(rows) - count, np.nan)])


def _outside(subject: AuditSubject, outside: Floats) -> pd.DataFrame:
    y = subject.problem.train.y
    own, others = outside[np.arange(len(y)), y], outside.copy()
    others[np.arange(len(y)), y] = -np.inf
    wrong = confident_errors(outside, y)
    scores = others.max(1) - own
    order = np.argsort(-(scores + 2 * wrong), kind="stable")[: max(MOST, int(wrong.sum()))]
    columns = {"p_label": own[order], "p_predicted": outside.max(1)[order], "margin": -scores[order]}
    rows = _rows(subject, order, outside.argmax(1)[order], columns, scores[order])
    rows["taken_for_wrong"] = wrong[order]
    return rows


def _rows(subject: AuditSubject, index: Ints, predicted: Ints, columns: dict[str, Any], score: Floats) -> pd.DataFrame:
    classes = np.array(subject.problem.classes)
    return pd.DataFrame(
        {
            "index": index,
            "label": classes[subject.problem.train.y[index]],
            "predicted": classes[predicted],
            "score": score,
            **columns,
        }
    )


def _called(subject: AuditSubject) -> str:
    return "model" if subject.network is None else "network"


def _signs(subject: AuditSubject) -> str:
    """What the order within the training examples comes from."""
    if not subject.trained().probable:
        return "errors"
    return "loss and margin" if subject.network is None else "loss, margin and gradient"


def _within_words(subject: AuditSubject) -> str:
    if not subject.trained().probable:
        return OF_LABELS
    if subject.network is None:
        return WITHIN.format(model="model", signs="a large loss and a small margin", count="two")
    return WITHIN.format(model="network", signs="a large loss, a small margin and a large gradient", count="three")


def _sentence(subject: AuditSubject, rows: pd.DataFrame, outside: Floats | None) -> str:
    n = len(subject.problem.train)
    top = ", ".join(map(str, rows["index"].head(5)))
    if outside is not None:
        wrong = int(rows["taken_for_wrong"].sum())
        return (
            f"{wrong:,} of {n:,} training labels ({wrong / n:.1%}) are taken for wrong by models that did not train on "
            f"them; the most suspicious: {top}."
        )
    return f"The most suspicious training examples by {_signs(subject)}: {top}."


def _facts(subject: AuditSubject, rows: pd.DataFrame, outside: Floats | None) -> Facts:
    wrong = int(rows["taken_for_wrong"].sum())
    first = (
        Fact("Labels taken for wrong", f"{wrong:,}", f"{wrong / len(subject.problem.train):.2%} of the training labels")
        if outside is not None
        else Fact(
            "Training accuracy", percent(subject.trained().accuracy), "the fewer errors, the less these scores say"
        )
    )
    return Facts([first, Fact("Most suspicious example", f"{rows['index'].iloc[0]}", f"label {rows['label'].iloc[0]}")])


def _shown(subject: AuditSubject, rows: pd.DataFrame) -> list[Any]:
    """Pictures of images, and a table; of tokens their beginning stands in the table."""
    x, shown = subject.problem.train.x, rows.head(LISTED).drop(columns="score")
    if "loss" in shown:  # by the network itself a label is taken for wrong where the prediction is another
        shown = shown.drop(columns="taken_for_wrong")
    blocks: list[Any] = []
    if x.ndim == 4:
        pictures = [
            Picture(png_bytes(x[row["index"]]), f"{row['index']}: label {row['label']}, predicted {row['predicted']}")
            for row in shown.head(PICTURED).to_dict("records")
        ]
        blocks.append(Pictures(pictures, "The most suspicious training examples, by index, label and prediction"))
    elif np.issubdtype(x.dtype, np.integer):
        texts = [" ".join(map(str, np.atleast_2d(x[i])[0, :24].tolist())) for i in shown["index"]]
        shown.insert(1, "tokens", texts)
    numbers = {"index": "d"} | dict.fromkeys(("loss", "margin", "gradient_norm", "p_label", "p_predicted"), ".4g")
    caption = f"The {len(shown)} most suspicious training examples" + (
        "" if len(shown) == len(rows) else f" of {len(rows)} listed in rows.csv"
    )
    return [*blocks, Table(shown, caption, numbers)]
