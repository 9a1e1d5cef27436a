"""The page of an audit: a section a part, each with its state and its sample."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gengap.report import Block, Fact, Facts, Page, Section, Table, Text, percent
from gengap.tasks.audit.part import Part
from gengap.tasks.certify.words import percent as three_digits


def audit_page(
    parts: Mapping[str, Part],
    subject: Mapping[str, Any],
    inputs: str,
    sentence: str,
    steps: Sequence[str],
    left_out: Sequence[str],
) -> Page:
    """The page.

    Args:
        parts: Name -> part, in order.
        subject: What was audited.
        inputs: What the model is fed, and its accuracy.
        sentence: The answer.
        steps: What to do next.
        left_out: What is not covered.
    """
    sections = [
        Section("In short", [Facts(_facts(parts)), Text([f"Next: {step}" for step in steps])]),
        Section("What was audited", [_identity(subject)]),
        *(Section(part.title, _blocks(part)) for part in parts.values() if part.status != "left out"),
        Section("What was not covered", [Text(left_out or ["Every part gave its answer without reservation."])]),
        Section("The parts", [_parts(parts)]),
    ]
    return Page(f"Audit of {subject['model']}", f"{inputs} {sentence}", sections)


def _facts(parts: Mapping[str, Part]) -> list[Fact]:
    verdict, accuracy = parts["verdict"].values, parts["accuracy"].values
    promise, calibration = parts["certificate"].values, parts["calibration"].values
    facts = [Fact("Verdict", verdict.get("verdict") or "none", parts["verdict"].reason)]
    if verdict.get("share") is not None:
        note = f"95 %: {verdict['low']:.2f} to {verdict['high']:.2f}"
        facts.append(Fact("Share that carries over", f"{verdict['share']:.2f}", note))
    if accuracy:
        train = "" if accuracy.get("train") is None else f"training {percent(accuracy['train'])}"
        facts.append(Fact("Test accuracy", percent(accuracy["test"]), train))
    if promise:
        tried = f"{promise['tried']:,} model{'s' * (promise['tried'] != 1)} tried"
        if parts["certificate"].status == "partial":
            tried = "one model assumed; give --tried"
        facts.append(Fact("True error at most", three_digits(promise["upper"], up=True), tried))
    if calibration:
        note = f"a calibrated model: {percent(calibration['if_calibrated'])}"
        facts.append(Fact("Calibration error", percent(calibration["ece"]), note))
    near = parts["near_duplicates"].values
    if near:
        more = "nearly equal ones: not judged" if near["near"] is None else f"{near['near']:,} more nearly so"
        facts.append(Fact("Test examples seen in training", f"{near['equal']:,}", more))
    return facts


def _identity(subject: Mapping[str, Any]) -> Table:
    names = {
        "model": "model",
        "kind": "class",
        "weights": "weights",
        "parameters": "parameters",
        "data": "data",
        "origin": "from",
        "seen_as": "seen as",
        "n_train": "training examples",
        "n_test": "test examples",
        "n_classes": "classes",
    }
    rows = []
    for key, name in names.items():
        value = subject.get(key)
        if value not in (None, ""):
            rows.append({"what": name, "is": f"{value:,}" if isinstance(value, int) else str(value)})
    return Table(pd.DataFrame(rows), "The model, its data, and what it is fed")


def _blocks(part: Part) -> list[Block]:
    first = [part.sentence] if part.sentence else []
    if part.status != "ok":
        first.append(f"{part.status[0].upper()}{part.status[1:]}: {part.reason}.")
    if part.sample:
        first.append(f"On {part.sample}.")
    try:
        return [Text(first), *part.blocks()]
    except Exception as error:  # a picture that cannot be drawn must not cost the page
        return [Text([*first, f"What was found cannot be drawn: {type(error).__name__}: {error}"[:300]])]


def _parts(parts: Mapping[str, Part]) -> Table:
    rows = [
        {
            "part": part.title,
            "status": part.status,
            "on": part.sample or "–",
            "seconds": part.seconds,
        }
        for part in parts.values()
    ]
    return Table(pd.DataFrame(rows), "Each part: its state, its examples, its time", {"seconds": ".1f"})
