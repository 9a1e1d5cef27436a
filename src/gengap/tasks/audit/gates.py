"""Gates for continuous integration: conditions that must not hold, and their results as JUnit's XML."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any
from xml.etree import ElementTree

from gengap.errors import InputError
from gengap.json_text import json_ready
from gengap.verdicts import Gate, judge
from gengap.verdicts.gates import paths

# What a path can begin with: the names at the top of the report's JSON.
NAMES: tuple[str, ...] = (
    *("model", "kind", "weights", "parameters", "data", "origin", "seen_as", "steps", "n_train", "n_test", "n_classes"),
    *("expected", "accuracy_seen", "warning", "raw_pixels", "overlap", "overlap_allowed", "seed", "verdict"),
    *("learned_share", "accuracy", "certificate", "normalised_loss", "calibration", "worst_groups", "margins"),
    *("capacity", "coherence", "curvature", "near_duplicates", "label_free", "measures", "suspects", "parts"),
    *("not_covered", "next_steps"),
)
PAIR_NAMES: tuple[str, ...] = ("verdict", "names", "comparison", "changes", "classes", "a", "b")


def check_names(conditions: Sequence[str], *, pair: bool) -> None:
    """Sees that each condition can be read and its paths begin with names of the report, before there is one.

    Args:
        conditions: As for ``judged``.
        pair: Whether the report is that of two models.

    Raises:
        InputError: One that is no condition, or a path that begins with another name.
    """
    for condition in conditions:
        for path in paths(condition):
            first, _, rest = path.partition(".")
            if pair and first in ("a", "b") and rest:
                first, known = rest.partition(".")[0], NAMES
            else:
                known = PAIR_NAMES if pair else NAMES
            if first not in known:
                raise _unknown(condition, path, first, known, pair)


def _unknown(condition: str, path: str, first: str, known: Sequence[str], pair: bool) -> InputError:
    step = ""
    if pair and path.partition(".")[0] not in ("a", "b"):
        step = f"a path about one of the two models begins with a. or b., such as a.{path}"
    elif near := get_close_matches(first, known, n=3):
        step = f"did you mean {' or '.join(near)}?"
    return InputError(
        f"The gate {condition!r} is about {path}, but the report has no {first}.",
        expected=f"a path that begins with one of {', '.join(known)}",
        next_step=step,
    )


def judged(document: Mapping[str, Any], conditions: Sequence[str]) -> list[Gate]:
    """Each condition on a report's JSON; one whose path leads nowhere has the state ``cannot be read``.

    Args:
        document: What ``--json`` prints.
        conditions: Each as ``gengap.verdicts.gates`` reads it.

    Raises:
        InputError: One that is no condition.
    """
    return [_judged(document, condition) for condition in conditions]


def _judged(document: Mapping[str, Any], condition: str) -> Gate:
    paths(condition)
    try:
        return judge(condition, document)
    except InputError as error:
        return Gate(condition, "cannot be read", {}, " ".join(str(error).split("\n")))


def junit_xml(gates: Sequence[Gate], name: str) -> str:
    """The gates as test cases in JUnit's XML, which services of continuous integration show.

    Args:
        gates: What was judged.
        name: Of the suite.
    """
    failed = sum(gate.state == "failed" for gate in gates)
    errors = sum(gate.state in ("cannot be judged", "cannot be read") for gate in gates)
    counts = {"tests": str(len(gates)), "failures": str(failed), "errors": str(errors)}
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": _plain(name), **counts})
    for gate in gates:
        attributes = {"classname": "gengap.audit", "name": _plain(f"not ({gate.text})")}
        case = ElementTree.SubElement(suite, "testcase", attributes)
        if gate.state != "passed":
            kind = "failure" if gate.state == "failed" else "error"
            problem = ElementTree.SubElement(case, kind, {"message": _plain(gate.reason)})
            problem.text = _plain(f"{gate.state}: {gate.reason}")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def gate_records(gates: Sequence[Gate]) -> list[dict[str, Any]]:
    """The gates for JSON."""
    records: list[dict[str, Any]] = json_ready(
        [{"fail_if": g.text, "state": g.state, "values": dict(g.values), "reason": g.reason} for g in gates]
    )
    return records


def _plain(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold."""
    return "".join(c for c in text if c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")
