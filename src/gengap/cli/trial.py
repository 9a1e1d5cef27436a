"""``gengap trial``: how measures fare under random labels and harmless changes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gengap.cli.answer import Json, ReportFolder, give
from gengap.cli.progress import progress_bar
from gengap.cli.table import print_table
from gengap.terminal import say

if TYPE_CHECKING:
    from gengap.tasks.trial import TrialAnswer


def command(
    file: Annotated[
        Path | None,
        typer.Argument(help="A Python file that registers measures; it is run. Default: the catalogue's measures."),
    ] = None,
    measures: Annotated[str | None, typer.Option(help="Names, with commas. Default: all.")] = None,
    data: Annotated[str, typer.Option(help="What networks are trained on: a named data set, or a path.")] = "digits",
    seeds: Annotated[
        int,
        typer.Option(
            min=2,
            help="How many networks at each level of corruption and of each change.",
        ),
    ] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Seed of permutations and of what measures draw.")] = 0,
    record: Annotated[
        Path | None, typer.Option(help="File for the table that ships beside the catalogue, with its provenance.")
    ] = None,
    out: ReportFolder = None,
    as_json: Json = False,
) -> None:
    """Put measures on trial: do they follow the gap as labels are corrupted, and what harmless changes move them?

    A measure of your own is a function with the decorator gengap.measures.register in a file of yours. Exit status 3:
    no measure has a value.
    """
    from gengap.tasks.trial import try_measures

    names = None if measures is None else [name.strip() for name in measures.split(",") if name.strip()]
    with progress_bar("training") as progress:
        answer = try_measures(file, measures=names, data=data, seeds=seeds, seed=seed, out=out, progress=progress)
    if record is not None:
        answer.write_records(record, f"gengap trial --data {data} --seeds {seeds} --seed {seed}")
    give(answer, as_json=as_json, show=_print, out=out)
    if answer.trial.failed:
        raise typer.Exit(3)


def _print(answer: "TrialAnswer") -> None:
    from gengap.tasks.trial.words import move_text

    rows = [
        [
            record.name,
            record.verdict,
            None if record.tau is None else f"{record.tau:.2f}",
            None if record.null is None else f"{record.null:.2f}",
            record.networks,
            ", ".join(f"{change} {move_text(record.moves[change])}" for change in record.fragile)
            or ("nothing" if record.moves else None),
        ]
        for record in (*answer.trial.records, answer.trial.gap)
    ]
    headings = ["measure", "with the gap", "tau", "95% of permuted", "networks", "moved as far by"]
    print_table(headings, rows, whole=headings[:5])
    say(answer.sentence)
    for caution in answer.cautions:
        say(f"- {caution}")
