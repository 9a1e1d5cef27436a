"""``gengap measure``: every complexity measure of a trained network."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gengap.cli import inputs
from gengap.cli.answer import Json, ReportFolder, give
from gengap.cli.progress import progress_bar
from gengap.cli.table import empty_table

if TYPE_CHECKING:
    from gengap.tasks.measure import Measurements


@inputs.with_data_options()
def command(
    model: inputs.Model,
    weights: inputs.Weights = None,
    weights_key: inputs.WeightsKey = None,
    initial: Annotated[
        Path | None, typer.Option(help="Its weights at initialisation, for distances from them.")
    ] = None,
    initial_key: Annotated[str | None, typer.Option(help="The same for the file of --initial.")] = None,
    history: Annotated[
        Path | None, typer.Option(help="The history of its training, for how fast it went: see gengap runs export.")
    ] = None,
    data: inputs.TrainedOn = "digits",
    corruption: inputs.TrainedUnder = None,
    level: inputs.Level = 1.0,
    measures: Annotated[str | None, typer.Option(help="Names, with commas. Default: all.")] = None,
    output: inputs.Output = None,
    subset: Annotated[
        int | None,
        typer.Option(help="Training examples that searches use. Default: as many as take about a minute, up to 1000."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Every measure, on 1000 examples, whatever the searches cost.")
    ] = False,
    seed: inputs.Seed = 0,
    device: inputs.Device = "auto",
    load: inputs.Load = inputs.load_problem,
    expect_accuracy: inputs.ExpectAccuracy = None,
    out: ReportFolder = None,
    as_json: Json = False,
) -> None:
    """Compute every complexity measure of a trained network.

    A measure that the network does not allow is skipped or partial, with the reason and the layers' names.
    """
    problem = load(data)  # before torch is imported, so that a wrong path is told at once
    if corruption is not None:
        problem = problem.corrupt(corruption, level=level, seed=seed)

    from gengap.tasks.measure import measure_saved

    # What the user's network prints goes to stderr: stdout holds the answer alone.
    with redirect_stdout(sys.stderr), progress_bar("reading the network") as progress:
        result = measure_saved(
            model,
            weights,
            weights_key=weights_key,
            initial=initial,
            initial_key=initial_key,
            history=history,
            data=problem,
            measures=None if measures is None else [name.strip() for name in measures.split(",") if name.strip()],
            output=output,
            seed=seed,
            device=device,
            subset=subset,
            expect_accuracy=expect_accuracy,
            full=full,
            progress=progress,
            out=out,
        )
    give(result, as_json=as_json, show=_print, out=out)


def _print(result: "Measurements") -> None:
    from rich.markup import escape

    from gengap.console import Console
    from gengap.tasks.measure import note_text, value_text

    console = Console()
    console.print(result.inputs, highlight=False, markup=False)
    table = empty_table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for family, rows in result.rows.groupby("family", sort=False):
        table.add_row(f"[bold]{family}")
        for row in rows.to_dict("records"):
            table.add_row(f"  {row['name']}", value_text(row), escape(note_text(row)))
    console.print(table, highlight=False)
    console.print(result.sentence, style="bold", highlight=False, markup=False)
