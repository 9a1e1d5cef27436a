"""Progress bars: Rich's on a terminal; in a notebook one output that changes in place and needs no widgets."""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from gengap.console import Console

Update = Callable[[int, int | None, str], None]
"""``update(done, total, text)``: how much of how much is done, and what is being done now."""

PAUSE = 0.2  # seconds between two pictures of the bars in a notebook


class Bars(Progress):
    """Rich's bars on stderr, which are taken away at the end.

    Args:
        columns: As Rich takes them.
        shown: False shows nothing; None shows bars on a terminal and in a notebook.
        expand: Whether they take the whole width of the terminal.
    """

    def __init__(self, *columns: Any, shown: bool | None = None, expand: bool = False):
        console = Console(stderr=True, quiet=shown is False)
        self._in_notebook = console.is_jupyter
        self._output: Any = None
        self._drawn = 0.0
        off = not (console.is_terminal or self._in_notebook) if shown is None else not shown
        super().__init__(
            *columns, console=console, transient=True, disable=off, expand=expand, auto_refresh=not self._in_notebook
        )

    def start(self) -> None:
        """Shows the bars."""
        if not self._in_notebook:
            super().start()
        elif not self.disable:
            from IPython.display import HTML, display

            self._output = display(HTML(""), display_id=True)

    def stop(self) -> None:
        """Takes the bars away."""
        if not self._in_notebook:
            super().stop()
        elif self._output is not None:
            self._show("")
            self._output = None

    def update(self, *arguments: Any, **changes: Any) -> None:
        """Changes a task, and in a notebook the picture of all of them, at most some times a second."""
        super().update(*arguments, **changes)
        if self._output is not None and time.monotonic() - self._drawn >= PAUSE:
            self._drawn = time.monotonic()
            self._show(self._picture())

    def _picture(self) -> str:
        paper = Console(file=io.StringIO(), width=100, record=True, force_jupyter=False)
        paper.print(self.get_renderable())
        return paper.export_html(inline_styles=True, code_format="<pre>{code}</pre>")

    def _show(self, html: str) -> None:
        from IPython.display import HTML

        self._output.update(HTML(html))


@contextmanager
def reported(progress: "Update | bool | None", text: str) -> Iterator[Update]:
    """What to call with (done, total, text): a bar for True and, on a terminal or in a notebook, for None.

    Args:
        progress: A function is passed on as it is.
        text: Shown until the first update.
    """
    if callable(progress):
        yield progress
        return
    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Bars(*columns, shown=progress) as bars:
        task = bars.add_task(text, total=None)
        yield lambda done, total, text: bars.update(task, completed=done, total=total, description=text)
