"""What error to expect on new examples without labels: estimates, never bounds."""

from typing import Any

import pandas as pd

from gengap.arrays import Floats, Ints
from gengap.probes import disagreement, negative_entropy, thresholded_confidence
from gengap.report import Table, Text, percent
from gengap.tasks.audit.part import Part
from gengap.tasks.audit.subject import AuditSubject

CAVEAT = (
    "These are estimates, no bounds. The disagreement of two runs of one recipe estimates their error where the "
    "ensemble of all runs is calibrated class by class (Jiang et al. 2022); it says no more than that calibration, and "
    "fails under shift, where calibration does (Kirsch and Gal 2022). Average thresholded confidence (Garg et al. "
    "2022) assumes that a shift moves confidences as it moves the error. No data without labels can show either."
)
OF_FOLDS = (
    "Two networks that were trained on other folds disagree about the error of such fold models, not of this network."
)


def label_free_part(
    subject: AuditSubject, *, second: Ints | None, new: Floats | None, new_second: Ints | None, folds: bool = False
) -> Part:
    """Estimates of the error from disagreement and confidence.

    Args:
        subject: The model and its data.
        second: Classes that a second run of the recipe predicts for the test examples.
        new: The model's class probabilities for examples without labels, ``[M, C]``.
        new_second: Classes that the second run predicts for these.
        folds: Whether the second run was trained on folds.
    """
    test, error = subject.test, 1 - subject.test.accuracy
    rows: list[dict[str, Any]] = []

    def add(on: str, method: str, value: float, low: float | None, high: float | None, seen: float | None) -> None:
        rows.append({"examples": on, "method": method, "estimate": value, "low": low, "high": high, "error_seen": seen})

    if second is not None:
        found = disagreement(test.predicted, second)
        mean = (error + float((second != test.labels).mean())) / 2
        add("test", "disagreement of two runs", found.share, found.low, found.high, mean)
    if new is not None:
        known = test.probabilities
        for name, score in (("largest probability", lambda p: p.max(1)), ("negative entropy", negative_entropy)):
            value = thresholded_confidence(score(known), test.correct, score(new))
            add("new", f"thresholded confidence, {name}", value, None, None, None)
        if new_second is not None:
            found = disagreement(new.argmax(1), new_second)
            add("new", "disagreement of two runs", found.share, found.low, found.high, None)
    frame = pd.DataFrame(rows)
    on_new = frame[frame["examples"] == "new"]
    spread = (
        f"On {len(new):,} new examples an error between {percent(on_new['estimate'].min())} and "
        f"{percent(on_new['estimate'].max())} is to be expected, by estimates that may be wrong; it is "
        f"{percent(error)} on the test split."
        if new is not None
        else f"Two runs disagree on {percent(frame['estimate'].iloc[0])} of the test examples; their mean error is "
        f"{percent(frame['error_seen'].iloc[0])}."
    )
    return Part(
        "label_free",
        "",
        spread,
        {"estimates": frame.to_dict("records"), "test_error": error},
        lambda: [
            Table(
                frame,
                "Estimated error, beside the one seen where there are labels",
                dict.fromkeys(("estimate", "low", "high", "error_seen"), ".2%"),
            ),
            Text([CAVEAT, *([OF_FOLDS] if folds else [])]),
        ],
        f"{len(test):,} test examples" + ("" if new is None else f", {len(new):,} examples without labels"),
    )
