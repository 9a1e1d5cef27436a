"""``gengap tour``: the first run."""

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gengap.cli.answer import Json, give
from gengap.cli.progress import progress_bar
from gengap.terminal import say

if TYPE_CHECKING:
    from gengap.tasks.tour import Tour


def command(
    out: Annotated[Path, typer.Option(help="Folder for the page.")] = Path("tour"),
    force: Annotated[bool, typer.Option("--force", help="Write also into a folder that holds other files.")] = False,
    as_json: Json = False,
) -> None:
    """Show eleven claims on data that come with gengap, in some minutes on two cores, and write one page at the end."""
    from gengap.tasks.tour import tour

    stream = sys.stdout

    def show(stop: dict[str, Any]) -> None:
        # On a terminal the bar lets what is printed pass above it; a file or pipe is not the bar's business.
        with nullcontext() if stream.isatty() else redirect_stdout(stream):
            say(f"{stop['title']} ({stop['seconds']:.0f} s)\n  {stop['sentence'] or stop['reason']}")

    def begin(done: int, total: int | None, text: str) -> None:
        if not stream.isatty():  # a claim may take a minute, in which a file or pipe shows nothing
            say(f"After {done} of about {total} s: {text}", err=True)
        progress(done, total, text)

    with progress_bar("beginning") as progress:
        made = tour(out, force=force, progress=begin, on_stop=None if as_json else show)
    give(made, as_json=as_json, show=_print, out=None)


def _print(made: "Tour") -> None:
    from gengap.tasks.tour.task import NEXT

    say(f"\nThe page: {made.page}\nNext, on your own model:")
    for command_line in NEXT:
        say(f"  {command_line}")
