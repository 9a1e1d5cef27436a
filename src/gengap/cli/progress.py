"""A progress bar on stderr, alike in every command."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Update = Callable[[int, int | None, str], None]
"""``update(done, total, text)``: how much of how much is done, and what is being done now."""


@contextmanager
def progress_bar(text: str) -> Iterator[Update]:
    """A bar with the time left, which is taken away at the end; nothing off a terminal.

    Args:
        text: Shown until the first update.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from gengap.console import Console

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(text, total=None)
        yield lambda done, total, text: bars.update(task, completed=done, total=total, description=text)
