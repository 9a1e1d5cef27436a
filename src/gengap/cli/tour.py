"""``gengap tour``: the first run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gengap.cli.answer import Json, give
from gengap.cli.progress import progress_bar
from gengap.terminal import say

if TYPE_CHECKING:
    from gengap.tasks.tour import Tour


def command(
    out: Annotated[Path, typer.Option(help="Folder for the page.")] = Path("tour"),
    as_json: Json = False,
) -> None:
    """Every headline claim on embedded data, in some minutes on two cores, with one page at the end."""
    from gengap.tasks.tour import tour

    with progress_bar("beginning") as progress:
        made = tour(out, progress=progress)
    give(made, as_json=as_json, show=_print, out=None)


def _print(made: "Tour") -> None:
    from gengap.tasks.tour.task import NEXT

    for stop in made.stops:
        say(f"{stop['title']} ({stop['seconds']:.0f} s)\n  {stop['sentence'] or stop['reason']}")
    say(f"\nThe page: {made.page}\nNext, on your own model:")
    for command_line in NEXT:
        say(f"  {command_line}")
