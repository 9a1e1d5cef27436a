"""Gates for continuous integration: conditions that must not hold, and their results as JUnit's XML."""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from gengap.json_text import json_ready
from gengap.verdicts import Gate, judge


def judged(document: Mapping[str, Any], conditions: Sequence[str]) -> list[Gate]:
    """Each condition on a report's JSON.

    Args:
        document: What ``--json`` prints.
        conditions: Each as ``gengap.verdicts.gates`` reads it.

    Raises:
        InputError: One that is no condition, or whose path leads nowhere.
    """
    return [judge(condition, document) for condition in conditions]


def junit_xml(gates: Sequence[Gate], name: str) -> str:
    """The gates as test cases in JUnit's XML, which services of continuous integration show.

    Args:
        gates: What was judged.
        name: Of the suite.
    """
    failed = sum(gate.state == "failed" for gate in gates)
    errors = sum(gate.state == "cannot be judged" for gate in gates)
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
