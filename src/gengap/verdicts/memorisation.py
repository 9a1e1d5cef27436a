"""The randomization test's answer as numbers: does the recipe memorise, at what slowdown, with what capacity?"""

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import pandas as pd

from gengap.data import corruption_names
from gengap.errors import InputError, exact, listed, unknown
from gengap.json_text import json_ready
from gengap.verdicts.conditions import of_other_labels, with_conditions
from gengap.verdicts.learned_share import learned_share, majority_limit
from gengap.verdicts.unused_labels import unused_labels

# Corruptions after which pixels carry little or no information on the label; one fixed permutation keeps it all.
NOISE = ("gaussian", "random-pixels", "random-tokens")
FIT_ACCURACY = 0.99  # training accuracy from which a network counts as having fitted its labels
TELLING = 2 * FIT_ACCURACY - 1  # above this accuracy, a fixed rule already explains at least half of the labels
STATUSES = ("done", "diverged", "failed", "out-of-memory", "timed-out")  # of a training: the first two are results
NEEDED = ("level", "train_accuracy")
NUMBERS = ("level", "train_accuracy", "test_accuracy", "epochs", "epochs_to_fit")
DEFAULTS: dict[str, Any] = {"corruption": "labels", "status": "done", "seed": 0} | dict.fromkeys(
    ("problem", "model", "parameters", "n_train", "n_test", "test_accuracy", "epochs", "epochs_to_fit")
)


def memorisation(
    rows: pd.DataFrame | Sequence[Mapping[str, Any]], n_classes: int | None = None, majority: float | None = None
) -> dict[str, Any]:
    """The verdict of a randomization test of one model on one data set, free of NaN: null with a reason.

    ``verdict`` is about what is ``judged``: ``"labels"`` at the highest level of corruption that was trained,
    ``judged_level``; without those, ``"gaussian"`` or else ``"random-pixels"``, after which there is next to nothing
    to learn either. It is ``memorises`` when every seed ends with a training accuracy of at least 0.99 there,
    ``not-memorised`` when none does, ``mixed`` when some do. It is ``undecided`` without a result, and where a network
    that memorises nothing could come near 0.99 too: by the rule on labels of which few are redrawn, by the most
    frequent class on noise. It is ``undecided`` too where networks of wholly random labels know the true ones of the
    test split: their training did not use what it was given. It is ``learned-nothing`` in place of ``not-memorised``
    when on the true labels too every seed ends within noise of always answering the most frequent class. A diverged
    cell is a result that did not fit; failed cells are none. ``slowdown`` is mean epochs to fit what is judged over
    mean epochs to fit the true labels.
    ``random_labels`` and each of ``pixels`` are means of their cells; so are
    ``other_labels``, of corruptions of labels that need not leave them random, by condition. ``learned`` is the verdict
    of ``learned_share`` on the mean accuracies on true labels; None where the majority share or numbers of examples
    are not known.

    Source: Zhang et al. 2017 (arXiv 1611.03530v2), section 2 and Figure 1.

    Args:
        rows: One for each training: ``level`` and ``train_accuracy``, fractions in [0, 1], and whatever else of the
            columns in ``docs/design.md`` is known. Where there is no ``corruption`` it is ``labels``, where there is no
            ``status`` it is ``done``.
        n_classes: Number of classes C, for chance (1/C) and the label information fitted; None leaves them null.
        majority: Share of the most frequent class among the training labels; None is not known.

    Raises:
        InputError: The rows mix models or data sets, lack a column or a number that is needed, hold something other
            than fractions, or a status of no training.

    >>> runs = [{"level": 0.0, "train_accuracy": 1.0}, {"level": 1.0, "train_accuracy": 0.995}]
    >>> memorisation(runs)["verdict"]
    'memorises'
    """
    named = with_conditions(_complete(rows))
    results = named[named["status"].isin(STATUSES[:2])]
    level = results["label_level"].max()
    true = results[results["label_level"] == 0]
    noisy = results[results["label_level"] == level] if level > 0 else results.iloc[:0]
    changed = results[results["label_level"].isna()]
    is_label = changed["corruption"].map(of_other_labels).astype(bool)
    pixels = {str(name): own for name, own in changed[~is_label].groupby("corruption", sort=False)}
    others = {str(name): own for name, own in changed[is_label].groupby("condition", sort=False)}
    name = "labels" if len(noisy) else next((name for name in NOISE if name in pixels), None)
    judged = noisy if name is None else pixels.get(name, noisy)
    summary: dict[str, Any] = {
        name: next(iter(named[name].dropna()), None) for name in ("problem", "model", "parameters", "n_train")
    }
    summary |= {
        "n_classes": n_classes,
        "chance_accuracy": 1 / n_classes if n_classes else None,
        "majority_share": majority,
        "fit_accuracy": FIT_ACCURACY,
        "judged": name,
        "judged_level": level if len(noisy) else None,
        "true_labels": _group(true),
        "random_labels": _group(noisy),
        "other_labels": {name: _group(own) for name, own in others.items()},
        "pixels": {name: _group(own) for name, own in pixels.items()},
        "learned": _learned(true, majority),
        "cells": {str(status): int(count) for status, count in named["status"].value_counts().items()},
    }
    summary |= _verdict(judged, _without_memorising(summary), _absent(results)) | _slowdown(true, judged)
    summary |= _learned_nothing(summary, true)
    if summary["verdict"] == "not-memorised" and level == 1:
        unused = unused_labels(true, noisy, n_classes, majority)
        summary |= {"verdict": "undecided", "verdict_reason": unused} if unused else {}
    summary["capacity_used"] = _capacity(summary, _group(judged))
    ready: dict[str, Any] = json_ready(summary)
    return ready


def label_bits(train_error: float, n_classes: int) -> float:
    """Bits of one uniformly random label that must be stored to answer it with this error rate.

    R(D) = log2 C - h(D) - D log2(C - 1) for D < 1 - 1/C, else 0, where h is the binary entropy: the rate distortion
    function of a uniform source under Hamming distortion. Network and decoder together hold at least this much.

    Source: Cover and Thomas, Elements of Information Theory, chapter 10.

    Args:
        train_error: D, a fraction.
        n_classes: C, at least 2.

    >>> label_bits(0.0, 8), label_bits(0.875, 8)
    (3.0, 0.0)
    """
    if train_error >= 1 - 1 / n_classes:
        return 0.0
    entropy = -sum(p * math.log2(p) for p in (train_error, 1 - train_error) if p > 0)
    return math.log2(n_classes) - entropy - train_error * math.log2(n_classes - 1)


def fitted(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Whether each row's network ended with its training labels fitted."""
    return (rows["status"] == "done") & (rows["train_accuracy"] >= FIT_ACCURACY)


def _complete(rows: pd.DataFrame | Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows with every column that is read here, checked."""
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    absent = [name for name in NEEDED if name not in frame]
    if absent:
        raise InputError(f"The rows have no {' and no '.join(absent)}.", expected="a row for each training, with these")
    frame = frame.assign(**{name: value for name, value in DEFAULTS.items() if name not in frame})
    for name in ("model", "problem"):
        if frame[name].nunique() > 1:
            raise InputError(
                f"The rows are of several: {listed(sorted(frame[name].unique()))}.", expected=f"one {name}"
            )
    for name in ("corruption", "status", "seed"):
        if frame[name].isna().any():  # known of some rows only
            frame[name] = frame[name].astype(object).where(frame[name].notna(), DEFAULTS[name])
    for name in NUMBERS:
        frame[name] = _numbers(frame[name], name)
    for name in ("level", "train_accuracy", "test_accuracy"):
        outside = frame.loc[frame[name].notna() & ~frame[name].between(0, 1), name]
        if len(outside):
            raise InputError(
                f"A {name.replace('_', ' ')} is {exact(outside.iloc[0])}.", expected="a fraction in [0, 1]"
            )
    for status in frame["status"]:
        if status not in STATUSES:
            raise unknown("status", status, STATUSES)
    for name, judged in (("level", frame), ("train_accuracy", frame[frame["status"] == "done"])):
        if judged[name].isna().any():
            raise InputError(
                f"A row that is done has no {name.replace('_', ' ')}.",
                expected="a fraction in [0, 1]",
                next_step="give trainings that did not end the status diverged or failed",
            )
    return frame


def _numbers(column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = column[numbers.isna() & column.notna()]
    if len(wrong):
        raise InputError(f"A {name.replace('_', ' ')} is {str(wrong.iloc[0])!r}.", expected="a number, or nothing")
    return numbers


def _group(rows: pd.DataFrame) -> dict[str, Any] | None:
    """Means over seeds; of the cells that did not diverge."""
    if rows.empty:
        return None
    done = rows[rows["status"] == "done"]
    means = {name: done[name].mean() for name in ("train_accuracy", "test_accuracy")}
    return {
        "seeds": len(rows),
        "fitted": int(fitted(rows).sum()),
        "diverged": int((rows["status"] == "diverged").sum()),
        **means,
        "test_accuracy_min": done["test_accuracy"].min(),
        "test_accuracy_max": done["test_accuracy"].max(),
        "gap": means["train_accuracy"] - means["test_accuracy"],
        "epochs": rows["epochs"].mean(),
    }


def _learned(true: pd.DataFrame, majority: float | None) -> dict[str, Any] | None:
    """What the networks trained on true labels learned; the verdict of memorising is about the others."""
    done = true[true["status"] == "done"]
    train, test = (float(done[name].mean()) for name in ("train_accuracy", "test_accuracy"))
    sizes = {name: done[name].max() for name in ("n_train", "n_test")}
    if not majority or done.empty or any(pd.isna(value) for value in (train, test, *sizes.values())):
        return None
    return learned_share(train, test, majority, n_train=int(sizes["n_train"]), n_test=int(sizes["n_test"])).record()


def _without_memorising(summary: dict[str, Any]) -> float:
    """A training accuracy that a network may reach on what is judged without fitting a label that means nothing."""
    level, classes = summary["judged_level"], summary["n_classes"]
    if level is None:
        return float(summary["majority_share"] or 0)
    return float(1 - level * (1 - 1 / classes) if classes else 1 - level)


def _absent(results: pd.DataFrame) -> str:
    """Why there is nothing to judge, if there is nothing."""
    if results.empty:
        return "every cell failed"
    known = {"none", *corruption_names()}
    strange = sorted({str(name) for name in results["corruption"]} - known)
    named = (
        f"; of the corruption {listed([repr(name) for name in strange])} it is not known what it does"
        if strange
        else ""
    )
    near = [name for each in strange for name in get_close_matches(each.lower().replace("_", "-"), known, n=1)]
    meant = f" (did you mean {listed([repr(name) for name in dict.fromkeys(near)])}?)" if near else ""
    return f"no cell with corrupted labels or noise for images has a result{named}{meant}"


def _verdict(judged: pd.DataFrame, without_memorising: float, absent: str) -> dict[str, str | None]:
    if judged.empty:
        return {"verdict": "undecided", "verdict_reason": absent}
    if without_memorising > TELLING:
        return {
            "verdict": "undecided",
            "verdict_reason": f"a network that memorises nothing may reach a training accuracy of "
            f"{without_memorising:.2%} here; a higher level would decide",
        }
    count, of = int(fitted(judged).sum()), len(judged)
    if count == of:
        return {"verdict": "memorises", "verdict_reason": None}
    return {
        "verdict": "mixed" if count else "not-memorised",
        "verdict_reason": f"{count} of {of} seeds reached a training accuracy of {FIT_ACCURACY:.2%} by the end",
    }


def _learned_nothing(summary: dict[str, Any], true: pd.DataFrame) -> dict[str, Any]:
    """The verdict on a network that does not fit true labels either: that of memorising would say nothing of it."""
    share, n = summary["majority_share"], summary["n_train"]
    done = true[true["status"] == "done"]
    if summary["verdict"] != "not-memorised" or share is None or not n or done.empty:
        return {}
    if (done["train_accuracy"] > majority_limit(share, int(n))).any():
        return {}
    best = done["train_accuracy"].max()
    return {
        "verdict": "learned-nothing",
        "verdict_reason": f"on the true labels it ends with a training accuracy of {best:.2%}, and always answering "
        f"the most frequent class reaches {share:.2%}",
    }


def _slowdown(true: pd.DataFrame, judged: pd.DataFrame) -> dict[str, Any]:
    """Ratio of mean epochs to fit, where every seed of both sides fitted: a mean over the quick ones would flatter."""
    for name, rows in (("true labels", true), ("corrupted data", judged)):
        count = int(rows["epochs_to_fit"].notna().sum())
        if rows.empty:
            return {"slowdown": None, "slowdown_reason": f"no result on {name}"}
        if rows["epochs"].isna().all() and not count:
            return {"slowdown": None, "slowdown_reason": "how many epochs a training took is not known"}
        if count < len(rows):
            return {"slowdown": None, "slowdown_reason": f"{count} of {len(rows)} seeds fitted the {name}"}
    ratio = judged["epochs_to_fit"].astype(float).mean() / true["epochs_to_fit"].astype(float).mean()
    return {"slowdown": ratio, "slowdown_reason": None}


def _capacity(summary: dict[str, Any], group: dict[str, Any] | None) -> dict[str, Any]:
    n_train, parameters = summary["n_train"], summary["parameters"]
    used: dict[str, Any] = {
        "parameters_per_example": parameters / n_train if parameters and n_train else None,
        "fitted_fraction": None,
        "fitted_examples": None,
        "label_bits": None,
        "bits_per_parameter": None,
        "reason": None,
    }
    if group is None or pd.isna(group["train_accuracy"]):
        return used | {"reason": "no finished cell that is judged"}
    fraction = group["train_accuracy"]
    used["fitted_fraction"] = fraction
    if pd.isna(n_train):
        return used | {"reason": "the number of training examples is not known"}
    used["fitted_examples"] = round(fraction * n_train)
    if summary["judged_level"] != 1 or not summary["n_classes"]:
        return used | {"reason": "bits are counted for wholly random labels and a known number of classes only"}
    bits = n_train * label_bits(1 - fraction, summary["n_classes"])
    return used | {"label_bits": bits, "bits_per_parameter": bits / parameters if parameters else None}
