"""A randomization test's summary in plain words."""

from collections.abc import Mapping
from typing import Any

from gengap.report import percent, plain

_LEADS = {
    "memorises": "It memorises: this recipe fits {corrupted} all the same.",
    "not-memorised": "It did not memorise within this budget: when training ended, it did not fit {corrupted}.",
    "learned-nothing": "It learned nothing: {reason}.",
    "mixed": "Within this budget it fits {corrupted} with some seeds and not with others.",
    "undecided": "Undecided: {reason}.",
}

_PIXELS = {
    "gaussian": "Gaussian noise for images",
    "random-pixels": "images with their pixels in random order",
    "random-tokens": "tokens drawn at random",
    "shuffled-pixels": "images with their pixels in one other order",
}
_COLUMNS = {
    "gaussian": "Gaussian noise for the columns",
    "random-pixels": "examples with their columns in random order",
    "shuffled-pixels": "examples with their columns in one other order",
}


def title(summary: Mapping[str, Any]) -> str:
    """The page's title."""
    return f"Randomization test: {summary['model']} on {summary['problem']}"


def inputs_sentence(summary: Mapping[str, Any]) -> str:
    """What the networks are fed; empty where the summary does not say."""
    return f"Seen as: {summary['seen_as']}." if summary.get("seen_as") else ""


def training_sentences(summary: Mapping[str, Any]) -> list[str]:
    """What is to be known of a training of one's own; none for gengap's own trainings."""
    training = summary.get("training")
    if training is None or training["error"]:
        return []
    sentences = [f"Warning: {warning}." for warning in training["warnings"]]
    again = training["repeat"]
    if again["same"] is False:
        sentences.append(f"Warning: {again['reason']}.")
    elif again["same"]:
        where = "true labels" if not again["level"] else f"{again['corruption']} {again['level']:g}"
        sentences.append(f"A second run on {where} with seed {again['seed']} gave the same answers.")
    else:
        sentences.append(f"Whether it repeats itself was not checked: {again['reason']}.")
    if not training["stored"]:
        sentences.append(f"Its results are not stored: {training['not_stored_reason']}.")
    reasons: dict[str, list[str]] = {}
    for name, reason in training["not_known"].items():
        reasons.setdefault(reason, []).append(name.replace("_", " "))
    sentences += [f"Not known: {', '.join(names)}; {reason}." for reason, names in reasons.items()]
    return sentences


def lead(summary: Mapping[str, Any]) -> str:
    """The verdict in one sentence."""
    if summary["verdict"] == "not-memorised" and _all_diverged(summary):
        return f"It did not memorise: every run on {corrupted(summary)} diverged."
    return _LEADS[summary["verdict"]].format(corrupted=corrupted(summary), reason=summary["verdict_reason"])


def _all_diverged(summary: Mapping[str, Any]) -> bool:
    group = summary["pixels"].get(summary["judged"]) or summary["random_labels"]
    return group is not None and group["diverged"] == group["seeds"]


def verdict(summary: Mapping[str, Any]) -> list[str]:
    """The verdict as paragraphs: what was fitted, how much longer it took, what capacity that took, what it means.

    Of a training of one's own that always raises, the next step alone.
    """
    if error := error_of_training(summary):
        return [_mend(error)]
    paragraphs = [_fitting(summary), _learned(summary), _slowdown(summary), _capacity(summary), _meaning(summary)]
    return [text for text in paragraphs if text]


def error_of_training(summary: Mapping[str, Any]) -> Mapping[str, str] | None:
    """The ``reason`` and ``place`` of the exception that a training of one's own always raised; None without."""
    error: Mapping[str, str] | None = (summary.get("training") or {}).get("error")
    return error


def _mend(error: Mapping[str, str]) -> str:
    if error["place"]:
        return f"Next: mend {error['place']}, and run the same again. Nothing of a training that failed is kept."
    return (
        "Next: see whether it can be fitted to these data by itself. None of your own code was at work where it "
        "failed; the whole traceback is in the column traceback of the rows (--json, or rows.csv of --out)."
    )


def _fitting(summary: Mapping[str, Any]) -> str:
    sentences = []
    groups = {"the true labels": summary["true_labels"], judged_labels(summary): summary["random_labels"]}
    groups |= summary["other_labels"]
    groups |= {_inputs(summary, name): group for name, group in summary["pixels"].items()}
    for name, group in groups.items():
        if group is None:
            continue
        if group["train_accuracy"] is None:
            sentences.append(f"On {name} every run diverged.")
            continue
        test = (
            "; its test accuracy is not known"
            if group["gap"] is None
            else f" and a test accuracy of {percent(group['test_accuracy'])}, a gap of {100 * group['gap']:.2f} points"
        )
        sentences.append(
            f"On {name} it ends with a training accuracy of {percent(group['train_accuracy'])}{test}{_seeds(group)}."
        )
    if summary["chance_accuracy"] is not None:
        sentences.append(f"Guessing would score {percent(summary['chance_accuracy'])}.")
        majority = summary["majority_share"]
        if majority is not None:
            sentences.append(f"The most frequent class has {percent(majority)} of the training labels.")
    return " ".join(sentences)


def _learned(summary: Mapping[str, Any]) -> str:
    learned = summary["learned"]
    if learned is None:
        return ""
    return f"On the true labels by themselves: {learned['verdict']}; {learned['reason']}."


def _seeds(group: Mapping[str, Any]) -> str:
    if group["seeds"] == 1:
        return " (one seed)"
    diverged = f"; {group['diverged']} more diverged" if group["diverged"] else ""
    low, high = group["test_accuracy_min"], group["test_accuracy_max"]
    spread = "" if low is None else f", test accuracy from {percent(low)} to {percent(high)}"
    return f" (mean of {group['seeds'] - group['diverged']} seeds{spread}{diverged})"


def corrupted(summary: Mapping[str, Any]) -> str:
    """What the verdict is about, in words."""
    return _inputs(summary, summary["judged"]) if summary["judged"] in _PIXELS else judged_labels(summary)


def _inputs(summary: Mapping[str, Any], name: str) -> str:
    """What a corruption of inputs leaves, in words: a table has columns, not pixels."""
    return (_PIXELS | _COLUMNS if summary.get("table") else _PIXELS).get(name, name)


def judged_labels(summary: Mapping[str, Any]) -> str:
    """The most corrupted labels, in words."""
    level = summary["judged_level"]
    return "random labels" if level == 1 else f"labels corrupted with probability {level}"


def _slowdown(summary: Mapping[str, Any]) -> str:
    if summary["slowdown"] is None:
        return f"The slowdown is not known: {summary['slowdown_reason']}."
    times = plain(summary["slowdown"], 2)
    many = "as many" if times == "1" else f"{times} times as many"
    return (
        f"Fitting {corrupted(summary)} took {many} epochs as fitting the true data "
        f"(to a training accuracy of {percent(summary['fit_accuracy'])})."
    )


def _capacity(summary: Mapping[str, Any]) -> str:
    used = summary["capacity_used"]
    if used["fitted_examples"] is None:
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
            f"on true labels: the same recipe {_could(summary)}. Its test score has to be vouched for by held-out data."
        )
    if summary["verdict"] == "not-memorised" and _all_diverged(summary):
        how = "" if summary.get("training") else " (--set learning_rate=NUMBER)"
        return f"That is no proof that it cannot: a lower learning rate{how} may do it."
    if summary["verdict"] == "learned-nothing" and summary.get("training"):
        return (
            "So this says nothing about memorising. What the training returns may lack what the training did to its "
            "inputs; else its own settings are to be looked at."
        )
    if summary["verdict"] == "learned-nothing":
        return (
            "So this says nothing about memorising. Inputs of very different scales often do this: try --standardise "
            "for a table, --scale or --mean and --std for images; else another learning rate, or more epochs."
        )
    if summary["verdict"] == "not-memorised":
        own = summary.get("training")
        more = "more epochs" if own else "more epochs (--set epochs=NUMBER)"
        other = "another learning rate" if own else "another learning rate (--set learning_rate=NUMBER)"
        return (
            f"That is no proof that it cannot: {more} or {other} may do it. The learning "
            "curves show whether the training loss was still falling when training stopped."
        )
    return ""


def _could(summary: Mapping[str, Any]) -> str:
    if summary["judged_level"] in (None, 1):
        return "could have reached its training accuracy without learning anything that carries over"
    return "fits labels that carry no meaning among others that do, and so may have memorised true ones too"
