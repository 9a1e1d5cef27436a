"""An audit in words: what stands first, what to do next, what was left out."""

from collections.abc import Mapping
from typing import Any

from gengap.report import percent
from gengap.tasks.audit.part import Part
from gengap.tasks.certify.words import percent as three_digits
from gengap.tasks.measure import quoted

MANY_SUSPECTS = 0.01  # of the training labels


def inputs_sentence(subject: Mapping[str, Any]) -> str:
    """What the model is fed and how accurate it is then, with the warning if there is one."""
    accuracy = subject["accuracy_seen"]
    train = "" if accuracy["train"] is None else f"training accuracy {percent(accuracy['train'])}, "
    text = f"Seen as: {subject['seen_as']}; {train}test accuracy {percent(accuracy['test'])}."
    return f"{text} {subject['warning']}" if subject["warning"] else text


def lead(parts: Mapping[str, Part]) -> str:
    """The verdict, and what the test accuracy is worth."""
    verdict = parts["verdict"]
    first = verdict.sentence or f"No verdict: {verdict.reason}."
    return " ".join(text for text in (first, parts["certificate"].sentence) if text)


def next_steps(parts: Mapping[str, Part], subject: Mapping[str, Any]) -> list[str]:
    """What to do next, the most urgent first."""
    steps = []
    if subject["warning"]:
        steps.append(
            "First see that the inputs are those of its training (--scale, --mean, --std): see the warning at the top."
        )
    elif subject["raw_pixels"] and parts["verdict"].values.get("verdict") == "learned nothing":
        steps.append("It is fed pixels from 0 to 255: if its training scaled them, give --scale, --mean, --std.")
    if subject["overlap"]:
        steps.append(
            f"Take the {subject['overlap']:,} test examples that are in the training split out of one of the two."
        )
    steps += _by_verdict(parts)
    failed = [part.title for part in parts.values() if part.status == "failed" or part.values.get("folds_failed")]
    if failed:
        steps.append(f"See what failed in: {', '.join(failed)}. What was not covered has the reason.")
    values = parts["certificate"].values
    if parts["certificate"].status == "partial":
        steps.append("Say how many models were compared on the test examples: --tried.")
    elif values and values["upper"] > 2 * values["empirical_risk"] and values["empirical_risk"]:
        steps.append(
            f"More test examples would tighten the promise, now {three_digits(values['upper'], up=True)}: "
            "gengap certify --plan says how many."
        )
    calibration = parts["calibration"].values
    if calibration and calibration["p_value"] < 0.05 and calibration["excess"] > 0.02:
        steps.append("Calibrate before its confidences are used: temperature scaling on held-out examples, say.")
    suspects = parts["suspects"]
    weak = suspects.status == "partial" and suspects.values.get("agreement") is not None
    if weak:
        steps.append(
            "Give out-of-fold probabilities of better models to find wrong labels, or read the list from its top."
        )
    elif suspects.status == "partial" and parts["verdict"].values.get("verdict") != "learned nothing":
        steps.append(
            "To find wrong labels, take out-of-fold probabilities: --out-of-fold FILE reads them, "
            "--folds 5 --train module:function makes them."
        )
    elif suspects.values.get("wrong"):
        steps.append("Look at the training examples that stand as suspicious, and correct the labels that are wrong.")
    near = parts["near_duplicates"].values
    if near and near["near"]:
        steps.append(f"Look at the {near['near']:,} test examples that nearly equal a training example.")
    return steps or ["Nothing urgent: keep the test examples for one more such look at most."]


def _by_verdict(parts: Mapping[str, Part]) -> list[str]:
    verdict = parts["verdict"].values.get("verdict")
    if verdict == "memorised":
        return [
            "Do not ship it: next to nothing of what it fits carries over. See whether the labels belong to the inputs "
            "(an order that was shuffled, a wrong column), then train again."
        ]
    if verdict == "learned nothing":
        return ["Do not ship it: it answers as the most frequent class does. Check inputs, learning rate and epochs."]
    if verdict == "mixed":
        return [
            "Part of what it fits does not carry over: regularise, add data, or look for wrong labels; gengap "
            "randomize says whether the recipe can memorise at all."
        ]
    if verdict == "undecided":
        if parts["verdict"].values.get("drawn_from"):
            return ["All training examples, by --full, or more test examples may decide between learned and memorised."]
        return ["More test examples would decide between learned and memorised."]
    return []


def heading(part: Part, *, state: bool = False) -> str:
    """A part's title as a sentence follows it, with its state in brackets where that is asked for and not ``ok``."""
    title = f"{part.title} [{part.status}]" if state and part.status != "ok" else part.title
    return title if title.endswith("?") else f"{title}:"


def not_covered(parts: Mapping[str, Part]) -> list[str]:
    """What the report leaves out, and why: a line a part."""
    lines = []
    for part in parts.values():
        if part.status != "ok":
            reason = f": {part.reason}" if part.reason else ""
            lines.append(f"{heading(part)} {part.status}{reason}".rstrip(".") + ".")
        if part.not_covered:
            # Classes without test examples stand there as a phrase, layers by their names.
            names = part.not_covered if part.name == "accuracy" else [f"layers {quoted(part.not_covered)}"]
            lines.append(f"{heading(part)} without {', '.join(names)}.")
    return lines
