"""How long work tells how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[str, float], None]  # told the name of a phase and the fraction of it that is done


@contextmanager
def reporting(progress: bool | Report) -> Iterator[Report]:
    """What to call with each phase and fraction: bars on stderr for True, nothing for False, else ``progress``."""
    if callable(progress):
        yield progress
        return
    if not progress:
        yield lambda phase, done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        tasks = {}

        def report(phase: str, done: float) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=1.0)
            bars.update(tasks[phase], completed=done)

        yield report
