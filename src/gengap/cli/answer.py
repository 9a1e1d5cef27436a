"""What a command with a report and ``--json`` says at its end, alike in every command."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Annotated, Any, Protocol, TextIO, TypeVar

import typer

from gengap.terminal import say

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
ReportFolder = Annotated[Path | None, typer.Option(help="Folder for the report.")]


class Answer(Protocol):
    """What a task returns."""

    def to_json(self) -> dict[str, Any]:
        """The one JSON document."""


A = TypeVar("A", bound=Answer)


def give(answer: A, *, as_json: bool, show: Callable[[A], None], out: Path | None) -> None:
    """Prints an answer, as JSON or as ``show`` does for people, and says where its report is."""
    if as_json:
        print_json(answer.to_json())
    else:
        show(answer)
    if out is not None:
        say(f"Report: {out / 'report.html'}", err=True)


def print_json(document: dict[str, Any]) -> None:
    """Prints one JSON document, with null for what is not finite."""
    from gengap.json_text import json_text

    print_answer(json_text(document))


def print_answer(text: str) -> None:
    """Prints what is the answer of a command with ``--json``, to standard output even while ``only_json`` holds."""
    stream = _ANSWER[-1] if _ANSWER else sys.stdout
    stream.write(text)
    stream.flush()


_ANSWER: list[TextIO] = []  # where JSON goes while standard output is not for anything else


@contextmanager
def only_json() -> Iterator[None]:
    """What else is written to standard output meanwhile, by a network from C for instance, goes to standard error."""
    stream = sys.stdout
    stream.flush()
    saved = _descriptor(1)
    if saved is not None:
        os.dup2(2, 1)
        with suppress(OSError, ValueError):  # a stream without a descriptor, as in a notebook, stays as it is
            if stream.fileno() == 1:
                stream = os.fdopen(os.dup(saved), "w", encoding="utf-8")
    _ANSWER.append(stream)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _ANSWER.pop()
        stream.flush()
        if saved is not None:
            os.dup2(saved, 1)
            os.close(saved)


def _descriptor(number: int) -> int | None:
    """A copy of a file descriptor; None where it is closed."""
    try:
        return os.dup(number)
    except OSError:
        return None
