"""Tables in the terminal, alike in every command."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_PIPE_WIDTH = 200  # columns, where no terminal gives a width


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, whole: Sequence[str] = ()) -> None:
    """Prints a table to standard output; the columns named in ``whole`` are never broken into lines."""
    from gengap.console import Console

    table = empty_table()
    for heading in headings:
        table.add_column(heading, no_wrap=heading in whole, overflow="fold")
    for row in rows:
        table.add_row(*map(text, row))
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)


def empty_table(*headings: str, **options: Any) -> "Table":
    """A table in the style of all commands, without rows."""
    from rich.table import Table

    return Table(*headings, box=None, pad_edge=False, **options)


def text(value: Any) -> "Text":
    """A cell, in which nothing is taken for markup: four significant digits, a dash for what is missing."""
    from rich.text import Text

    if value is None:
        return Text("–")
    return Text(f"{value:.4g}" if isinstance(value, float) else str(value))
