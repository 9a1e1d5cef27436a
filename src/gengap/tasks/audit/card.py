"""A section for the card of a model on Hugging Face."""

from typing import TYPE_CHECKING

from gengap import __version__
from gengap.report import percent
from gengap.tasks.audit.promises import assumed_words
from gengap.tasks.certify.words import percent as three_digits

if TYPE_CHECKING:
    from gengap.tasks.audit.result import Audit


def model_card(audit: "Audit") -> str:
    """The section in Markdown.

    Args:
        audit: What was found.
    """
    values = {name: part.values for name, part in audit.parts.items()}
    rows = [("Data", f"{audit.subject['data']} ({audit.subject['n_test']:,} test examples)")]
    rows.append(("Fed as", str(audit.subject["seen_as"])))
    accuracy, promise, share = values["accuracy"], values["certificate"], values["verdict"]
    if accuracy:
        interval = f"95 %: {percent(accuracy['test_low'])} to {percent(accuracy['test_high'])}"
        rows.append(("Test accuracy", f"{percent(accuracy['test'])} ({interval})"))
        if accuracy.get("train") is not None:
            rows.append(("Training accuracy", percent(accuracy["train"])))
    if promise:
        tried = f"the number of models tried is not known, {assumed_words(promise['tried'])} assumed"
        if audit.parts["certificate"].status == "ok":
            tried = f"{promise['tried']:,} models tried"
        rows.append(("True error rate at most", f"{three_digits(promise['upper'], up=True)} ({tried})"))
    if values["calibration"]:
        bias = percent(values["calibration"]["if_calibrated"])
        rows.append(("Expected calibration error", f"{percent(values['calibration']['ece'])} (calibrated: {bias})"))
    if share:
        interval = ""
        if share["share"] is not None:
            interval = f", share {share['share']:.2f} ({share['low']:.2f} to {share['high']:.2f})"
        rows.append(("Learned or memorised", f"{share['verdict']}{interval}"))
    worst = values["worst_groups"].get("class")
    if worst:
        at_most = three_digits(worst["upper"], up=True)
        rows.append(("Worst class", f"{worst['worst']}: error at most {at_most}, all classes at once"))
    lines = ["## Evaluation", "", _cell(audit.sentence), "", "| what | found |", "|---|---|"]
    lines += [f"| {_cell(name)} | {_cell(text)} |" for name, text in rows]
    lines += ["", "What this does not cover:", ""]
    lines += [f"- {_cell(line)}" for line in audit.not_covered] or ["- nothing that was asked for"]
    lines += ["", f"Made by gengap {__version__}: `gengap audit`."]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text that Markdown neither breaks into cells nor takes for markup, formulas or HTML."""
    escaped = "".join(f"\\{c}" if c in "\\|`*_[]<>&~$" else c for c in text)
    return " ".join(escaped.split())
