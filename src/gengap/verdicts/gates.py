"""Gates: conditions on the numbers of a report, such as ``certificate.upper > 0.05``, read by a grammar of their own.

A condition is made of comparisons, joined by ``and`` and ``or`` and grouped by parentheses; ``and`` binds closer. A
comparison is a name, one of ``> >= < <= == !=``, and a number, a text in quotes, ``true``, ``false`` or ``null``. A
name is a path into the report's JSON, its steps joined by dots; a whole number is a place in a list, which begins at 0.
"""

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from gengap.errors import InputError, listed

State = Literal["passed", "failed", "cannot be judged", "cannot be read"]
_TOKENS = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))|(?P<compare>>=|<=|==|!=|>|<)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")|(?P<open>\()|(?P<close>\))|(?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*))"
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_CONSTANTS = {"true": True, "false": False, "null": None}
_EXAMPLE = "e.g. certificate.upper > 0.05, or verdict == 'memorised' or accuracy.test < 0.9"
LONGEST, DEEPEST = 1_000, 20  # characters, and parentheses inside one another


class Comparison(NamedTuple):
    """One comparison: a path, a sign, and what the value at the path is compared with."""

    path: str
    sign: str
    value: float | str | bool | None


@dataclass(frozen=True)
class Joined:
    """Conditions joined by ``and`` or ``or``."""

    by: Literal["and", "or"]
    conditions: "Sequence[Condition]"


Condition = Comparison | Joined


@dataclass(frozen=True)
class Gate:
    """A condition that must not hold, and what came of it.

    Attributes:
        text: The condition as it was written.
        state: ``failed`` where it holds, ``passed`` where not, ``cannot be judged`` where a value is missing that
            decides, ``cannot be read`` where a path leads nowhere or unlike values are compared.
        values: Path -> the value found there.
        reason: What was found, in words.
    """

    text: str
    state: State
    values: Mapping[str, Any]
    reason: str


def parse(text: str) -> Condition:
    """The condition that a text holds.

    Raises:
        InputError: It is no condition.

    >>> parse("certificate.upper > 0.05")
    Comparison(path='certificate.upper', sign='>', value=0.05)
    """
    if len(text) > LONGEST:
        raise InputError(f"A condition of {len(text):,} characters.", expected=f"at most {LONGEST:,}")
    tokens = list(_tokens(text))
    condition, rest = _either(text, tokens, 0)
    if rest:
        raise _wrong(text, f"{rest[0][1]!r} is left over")
    return condition


def paths(text: str) -> list[str]:
    """The paths that a condition compares, each once, as they come.

    Raises:
        InputError: It is no condition.

    >>> paths("a.b > 1 or c == 2")
    ['a.b', 'c']
    """
    return _paths(parse(text))


def _paths(condition: Condition) -> list[str]:
    return list(dict.fromkeys(comparison.path for comparison in _comparisons(condition)))


def judge(text: str, report: Mapping[str, Any]) -> Gate:
    """Whether a condition that must not hold does.

    Args:
        text: The condition.
        report: The document that its paths lead into.

    Raises:
        InputError: It is no condition, a path leads nowhere, or unlike values are compared.

    >>> judge("a.b > 1", {"a": {"b": 2}}).state
    'failed'
    """
    condition = parse(text)
    values = {path: _at(path, report) for path in _paths(condition)}
    holds = _holds(condition, values)
    found = ", ".join(f"{path} is {_shown(value)}" for path, value in values.items())
    states: dict[bool | None, State] = {True: "failed", False: "passed", None: "cannot be judged"}
    return Gate(text, states[holds], values, found)


def _tokens(text: str) -> "list[tuple[str, str]]":
    found, at = [], 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _TOKENS.match(stripped, at)
        if match is None:
            raise _wrong(text, f"{stripped[at:].strip()[:20]!r} cannot be read")
        found.append((str(match.lastgroup), str(match[str(match.lastgroup)])))
        at = match.end()
    return found


Tokens = Sequence[tuple[str, str]]


def _either(text: str, tokens: Tokens, depth: int) -> tuple[Condition, Tokens]:
    return _chain(text, tokens, depth, "or", _both)


def _both(text: str, tokens: Tokens, depth: int) -> tuple[Condition, Tokens]:
    return _chain(text, tokens, depth, "and", _single)


def _chain(
    text: str,
    tokens: Tokens,
    depth: int,
    word: Literal["and", "or"],
    inner: Callable[[str, Tokens, int], tuple[Condition, Tokens]],
) -> tuple[Condition, Tokens]:
    first, tokens = inner(text, tokens, depth)
    conditions = [first]
    while tokens and tokens[0] == ("name", word):
        following, tokens = inner(text, tokens[1:], depth)
        conditions.append(following)
    return (first if len(conditions) == 1 else Joined(word, conditions)), tokens


def _single(text: str, tokens: Tokens, depth: int) -> tuple[Condition, Tokens]:
    if tokens and tokens[0][0] == "open":
        if depth >= DEEPEST:
            raise _wrong(text, f"more than {DEEPEST} parentheses stand inside one another")
        condition, tokens = _either(text, tokens[1:], depth + 1)
        if not tokens or tokens[0][0] != "close":
            raise _wrong(text, "a parenthesis is not closed")
        return condition, tokens[1:]
    if len(tokens) < 3 or [kind for kind, _ in tokens[:2]] != ["name", "compare"]:
        raise _wrong(text, f"{' '.join(part for _, part in tokens[:3]) or 'nothing'!r} is no comparison")
    (_, path), (_, sign), (kind, value) = tokens[:3]
    return Comparison(path, sign, _value(text, kind, value)), tokens[3:]


def _value(text: str, kind: str, value: str) -> float | str | bool | None:
    if kind == "number":
        return float(value)
    if kind == "text":
        return value[1:-1]
    if kind == "name" and value in _CONSTANTS:
        return _CONSTANTS[value]
    raise _wrong(text, f"{value!r} is neither a number nor a text in quotes")


def _comparisons(condition: Condition) -> list[Comparison]:
    if isinstance(condition, Comparison):
        return [condition]
    return [comparison for part in condition.conditions for comparison in _comparisons(part)]


def _holds(condition: Condition, values: Mapping[str, Any]) -> bool | None:
    """Whether it holds, in three values: None where a missing value decides."""
    if isinstance(condition, Joined):
        parts = [_holds(part, values) for part in condition.conditions]
        decisive = condition.by == "or"
        if decisive in parts:
            return decisive
        return None if None in parts else not decisive
    found, wanted = values[condition.path], condition.value
    if wanted is None and condition.sign in ("==", "!="):
        return _COMPARISONS[condition.sign](found, None)
    if found is None and wanted is not None:
        return None
    if _kind(found) != _kind(wanted) or (_kind(found) != "a number" and condition.sign not in ("==", "!=")):
        raise InputError(
            f"{condition.path} is {_shown(found)}, which cannot be compared with {_shown(wanted)} by {condition.sign}.",
            expected="numbers on both sides, or == and != for texts, true and false",
        )
    return bool(_COMPARISONS[condition.sign](found, wanted))


def _at(path: str, report: Mapping[str, Any]) -> Any:
    value: Any = report
    done: list[str] = []
    for step in path.split("."):
        done.append(step)
        if value is None:
            return None
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            known = list(value) if isinstance(value, Mapping) else range(len(value)) if isinstance(value, list) else []
            raise InputError(
                f"The report has no {'.'.join(done)}.",
                expected=f"one of {listed(list(known))}" if known else "a path that ends before it",
            )
    if isinstance(value, Mapping | list):
        raise InputError(f"{path} is no single value.", expected="a path that goes on to a number or text")
    return value


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    return "a number" if isinstance(value, int | float) else "missing" if value is None else "a text"


def _shown(value: Any) -> str:
    return "missing" if value is None else json.dumps(value)


def _wrong(text: str, what: str) -> InputError:
    return InputError(f"The condition {text!r:.100} cannot be used: {what}.", expected=_EXAMPLE)
