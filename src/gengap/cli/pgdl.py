"""``gengap pgdl``: a zoo of networks, and the score of the PGDL competition on it."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gengap.cli.answer import Json, ReportFolder, give, print_json
from gengap.cli.progress import progress_bar
from gengap.cli.table import print_table
from gengap.terminal import say

if TYPE_CHECKING:
    from gengap.tasks.pgdl import ZooScores

app = typer.Typer()


@app.command()
def make(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    data: Annotated[str, typer.Option(help="A named data set.")] = "digits",
    seed: Annotated[int, typer.Option(min=0, help="Seed of weights and orders.")] = 0,
    as_json: Json = False,
) -> None:
    """Train a small zoo: perceptrons of two values each of five hyperparameters."""
    from gengap.tasks.pgdl import make_zoo, planned

    with progress_bar("training") as progress:
        zoo = make_zoo(folder, data=data, seed=seed, progress=progress)
    if as_json:
        print_json({"folder": str(folder), "networks": len(zoo.entries), "hyperparameters": list(zoo.hyperparameters)})
    else:
        say(
            f"{len(zoo.entries)} of {planned()} networks reached their loss and are in {folder}.\n"
            f"Next: gengap pgdl score {folder}"
        )


@app.command()
def score(
    folder: Annotated[Path, typer.Argument(help="A folder with zoo.json; see docs/zoo.md.")],
    measures: Annotated[str | None, typer.Option(help="Names, with commas. Default: all.")] = None,
    own: Annotated[
        Path | None,
        typer.Option(help="A Python file that registers your measures, scored alone; it is run."),
    ] = None,
    factories: Annotated[
        str | None, typer.Option(help="Factories that zoo.json may name, module:function, with commas: code you trust.")
    ] = None,
    subset: Annotated[
        int | None, typer.Option(min=1, help="Training examples of searches. Default: chosen for each network.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of what is drawn and sampled.")] = 0,
    out: ReportFolder = None,
    as_json: Json = False,
) -> None:
    """Score every measure on a zoo: 100 times its conditional information about the order of the gaps."""
    from gengap.tasks.pgdl import score_zoo
    from gengap.tasks.trial import registered_by

    names = None if measures is None else _names(measures)
    if own is not None:
        names = [*registered_by(own), *(names or [])]
    with progress_bar("reading the zoo") as progress:
        scores = score_zoo(
            folder,
            measures=names,
            factories=_names(factories or ""),
            subset=subset,
            seed=seed,
            out=out,
            progress=progress,
        )
    give(scores, as_json=as_json, show=_print, out=out)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _number(value: float) -> str | None:
    return f"{value:.2f}" if math.isfinite(value) else None


def _print(scores: "ZooScores") -> None:
    rows = [
        [row["measure"], row["score"], row["permuted"], row["granulated_tau"], row["kendall_tau"], row["reason"] or ""]
        for row in scores.scores.to_dict("records")
    ]
    shown = [[_number(cell) if isinstance(cell, float) else cell for cell in row] for row in rows]
    headings = ["measure", "PGDL score", "permuted", "granulated tau", "Kendall's tau", "note"]
    print_table(headings, shown, whole=headings[:5])
    say(scores.sentence)
    for caution in scores.cautions:
        say(f"- {caution}")
