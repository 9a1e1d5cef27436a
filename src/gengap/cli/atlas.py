"""``gengap atlas``: the site with every study, paper beside ours."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gengap.cli.answer import Json, give
from gengap.cli.progress import progress_bar
from gengap.terminal import say

if TYPE_CHECKING:
    from gengap.tasks.atlas import Atlas


def command(
    out: Annotated[Path, typer.Option(help="Folder for the site.")],
    results: Annotated[
        Path | None,
        typer.Option(help="Folder with reports of studies. Default: those that come with gengap.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write also into a folder that holds other files.")] = False,
    as_json: Json = False,
) -> None:
    """Write the atlas: a site that opens from disk, with a page for each study and its paper's numbers beside ours."""
    from gengap.tasks.atlas import atlas

    with progress_bar("reading recorded results") as progress:
        made = atlas(out, results=results, force=force, progress=progress)
    give(made, as_json=as_json, show=_print, out=None)


def _print(made: "Atlas") -> None:
    say(f"{made.studies} studies, {made.recorded} of them with recorded results, and {len(made.live)} live pieces.")
    say(f"Open {made.index} in a browser.")
