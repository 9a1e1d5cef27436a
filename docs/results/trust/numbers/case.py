"""A case: one try of one kind of fault, with the right value by another route and what gengap answers now."""

import math
from collections.abc import Callable
from dataclasses import dataclass

Answer = float | str | None
Function = Callable[[], tuple[Answer, Answer]]


@dataclass(frozen=True)
class Case:
    """One try.

    Attributes:
        kind: The kind of fault, in a few words, the same for all of its tries.
        tried: What is tried: network, data, call.
        before: What was answered before the fault was mended; None where the try came later.
        tolerance: Relative, for numbers.
        function: Returns (right, now): the right value by another route, and gengap's answer.
    """

    kind: str
    tried: str
    before: Answer
    tolerance: float
    function: Function


CASES: list[Case] = []


def case(kind: str, tried: str, *, before: Answer = None, tolerance: float = 1e-6) -> Callable[[Function], Function]:
    """Decorator that adds a function returning (right, now) to the cases.

    Where no number is right, ``right`` is how the answer must begin, e.g. ``"skipped"`` or ``"InputError"``, and
    ``now`` the status with its reason or the error with its message.
    """

    def add(function: Function) -> Function:
        CASES.append(Case(kind, tried, before, tolerance, function))
        return function

    return add


def agrees(right: Answer, now: Answer, tolerance: float) -> bool:
    """Whether the answer is the right one, to a relative tolerance; a text must begin with the right one."""
    if isinstance(right, str) or isinstance(now, str) or right is None or now is None:
        return str(now).startswith(str(right))
    return math.isclose(right, now, rel_tol=tolerance, abs_tol=1e-300)


def error(function: Callable[[], object]) -> str:
    """The error that a call raises, as ``Kind: message``; ``no error`` where it raises none."""
    try:
        function()
    except Exception as raised:
        return f"{type(raised).__name__}: {' '.join(str(raised).split())}"
    return "no error"
