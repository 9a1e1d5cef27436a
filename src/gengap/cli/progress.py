"""A progress bar on stderr, alike in every command."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gengap.bars import Update


@contextmanager
def progress_bar(text: str) -> "Iterator[Update]":
    """A bar with the time left, which is taken away at the end; nothing off a terminal.

    Args:
        text: Shown until the first update.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from gengap.bars import Bars

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Bars(*columns) as bars:
        task = bars.add_task(text, total=None)
        yield lambda done, total, text: bars.update(task, completed=done, total=total, description=text)
