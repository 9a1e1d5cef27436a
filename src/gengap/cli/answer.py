"""What a command with a report and ``--json`` says at its end, alike in every command."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from gengap.terminal import say


class Answer(Protocol):
    """What a task returns."""

    def to_json(self) -> dict[str, Any]:
        """The one JSON document."""


A = TypeVar("A", bound=Answer)


def give(answer: A, *, as_json: bool, show: Callable[[A], None], out: Path | None) -> None:
    """Prints an answer, as JSON or as ``show`` does for people, and tells where its report is."""
    if as_json:
        print_json(answer.to_json())
    else:
        show(answer)
    if out is not None:
        say(f"Report: {out / 'report.html'}", err=True)


def print_json(document: dict[str, Any]) -> None:
    """Prints one JSON document, with null for what is not finite."""
    from gengap.json_text import json_text

    sys.stdout.write(json_text(document))
