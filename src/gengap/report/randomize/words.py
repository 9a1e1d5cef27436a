"""A randomization test's summary in plain words."""

from collections.abc import Mapping
from typing import Any

from gengap.report.plain import plain

_LEADS = {
    "memorises": "It memorises: this recipe fits {corrupted} all the same.",
    "not-memorised": "It did not memorise within this budget: training ended before {corrupted} were fitted.",
    "mixed": "Within this budget it fits {corrupted} with some seeds and not with others.",
    "undecided": "Undecided: no cell with corrupted labels has a result.",
}


def title(summary: Mapping[str, Any]) -> str:
    """The page's title."""
    return f"Randomization test: {summary['model']} on {summary['problem']}"


def lead(summary: Mapping[str, Any]) -> str:
    """The verdict in one sentence."""
    return _LEADS[summary["verdict"]].format(corrupted=_corrupted(summary))


def verdict(summary: Mapping[str, Any]) -> list[str]:
    """The verdict as paragraphs: what was fitted, how much longer it took, what capacity that took, what it means."""
    paragraphs = [_fitting(summary), _slowdown(summary), _capacity(summary), _meaning(summary)]
    return [text for text in paragraphs if text]


def _fitting(summary: Mapping[str, Any]) -> str:
    sentences = []
    for key, name in (("true_labels", "the true labels"), ("random_labels", _corrupted(summary))):
        group = summary[key]
        if group is None:
            continue
        if group["train_accuracy"] is None:
            sentences.append(f"On {name} every run diverged.")
            continue
        sentences.append(
            f"On {name} it ends with a training accuracy of {group['train_accuracy']:.1%} and a test accuracy of "
            f"{group['test_accuracy']:.1%}, a gap of {100 * group['gap']:.1f} points{_seeds(group)}."
        )
    if summary["chance_accuracy"] is not None:
        sentences.append(f"Guessing would score {summary['chance_accuracy']:.1%}.")
    return " ".join(sentences)


def _seeds(group: Mapping[str, Any]) -> str:
    if group["seeds"] == 1:
        return " (one seed)"
    diverged = f"; {group['diverged']} more diverged" if group["diverged"] else ""
    spread = f"test accuracy from {group['test_accuracy_min']:.1%} to {group['test_accuracy_max']:.1%}"
    return f" (mean of {group['seeds'] - group['diverged']} seeds, {spread}{diverged})"


def _corrupted(summary: Mapping[str, Any]) -> str:
    level = summary["judged_level"]
    return "random labels" if level == 1 else f"labels corrupted with probability {level}"


def _slowdown(summary: Mapping[str, Any]) -> str:
    if summary["slowdown"] is None:
        return f"The slowdown is not known: {summary['slowdown_reason']}."
    times = plain(summary["slowdown"], 2)
    return (
        f"Fitting {_corrupted(summary)} took {times} times as many epochs as fitting the true ones "
        f"(to a training accuracy of {summary['fit_accuracy']:.0%})."
    )


def _capacity(summary: Mapping[str, Any]) -> str:
    used = summary["capacity_used"]
    if used["fitted_fraction"] is None:
        return ""
    text = f"Of {summary['n_train']:,} training labels it reproduces {used['fitted_examples']:,}"
    if used["parameters_per_example"] is not None:
        text += f", with {plain(used['parameters_per_example'], 3)} parameters for each example"
    if used["label_bits"] is None:
        return text + "."
    text += f". To hold that many random labels takes at least {used['label_bits']:,.0f} bits"
    per = used["bits_per_parameter"]
    return text + (f", {plain(per, 2)} for each parameter." if per is not None else ".")


def _meaning(summary: Mapping[str, Any]) -> str:
    if summary["verdict"] == "memorises":
        return (
            "So the size of this model, and whatever restrains its training, do not by themselves explain the score "
            "on true labels: the same recipe could have reached its training accuracy without learning anything that "
            "carries over. Its test score has to be vouched for by held-out data."
        )
    if summary["verdict"] == "not-memorised":
        return (
            "That is no proof that it cannot: a longer budget or another learning rate may fit them. The learning "
            "curves show whether the training loss was still falling when training stopped."
        )
    return ""
