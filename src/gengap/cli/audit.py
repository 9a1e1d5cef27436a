"""``gengap audit``: has a model that was trained elsewhere learned or memorised?"""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gengap.cli import inputs
from gengap.cli.answer import give
from gengap.cli.progress import progress_bar
from gengap.cli.table import print_table

if TYPE_CHECKING:
    from gengap.tasks.audit import Audit


def command(
    model: Annotated[str, typer.Argument(help="module.path:factory, a named model, or a folder of Hugging Face.")],
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Its trained weights: a state dict or checkpoint of torch.save, .safetensors. A folder's own."
        ),
    ] = None,
    weights_key: Annotated[
        str | None, typer.Option(help="Which state dict of the file, if it holds several, e.g. ema or state.model.")
    ] = None,
    data: Annotated[str, typer.Option(help="What it was trained on: a named data set, or a path.")] = "digits",
    tried: Annotated[
        int | None,
        typer.Option(min=1, help="Models that were compared on the test examples before this one was chosen."),
    ] = None,
    delta: Annotated[float, typer.Option(help="Probability that the certificate fails.")] = 0.05,
    output: Annotated[
        str | None, typer.Option(help="Key or index of the scores, where the network returns a dict or tuple.")
    ] = None,
    corruption: Annotated[
        str | None, typer.Option(help="The corruption that it was trained under, as Problem.corrupt draws with --seed.")
    ] = None,
    level: Annotated[float, typer.Option(help="Level of the corruption.")] = 1.0,
    allow_overlap: Annotated[
        bool, typer.Option("--allow-overlap", help="Count test examples that are in the training split too.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="In about a minute, without what takes long.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Every part on all examples, whatever it takes.")] = False,
    expect_accuracy: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Its test accuracy as you know it, a fraction, to be compared."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything drawn.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the named data sets.")] = None,
    label_column: Annotated[str | None, typer.Option(help="For a table: its column of labels.")] = None,
    split_column: Annotated[str | None, typer.Option(help="For a table: its column of train and test.")] = None,
    standardise: inputs.Standardise = False,
    crop: inputs.Crop = None,
    scale: inputs.Scale = None,
    mean: inputs.Mean = None,
    std: inputs.Std = None,
    layout: inputs.Layout = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the report.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Audit a model: has it learned or memorised, and what is its score worth?

    Nothing is preprocessed unless the options say so: what the model is fed, and the accuracy that it then has, stand
    first.
    """
    from gengap.tasks.audit import audit

    problem = inputs.load_problem(
        data,
        data_dir=data_dir,
        label_column=label_column,
        split_column=split_column,
        standardise=standardise,
        crop=crop,
        scale=scale,
        mean=mean,
        std=std,
        layout=layout,
    )
    if corruption is not None:
        problem = problem.corrupt(corruption, level=level, seed=seed)
    # What the user's network prints goes to stderr: stdout holds the answer alone.
    with redirect_stdout(sys.stderr), progress_bar("reading the model") as progress:
        found = audit(
            model,
            weights,
            data=problem,
            weights_key=weights_key,
            output=output,
            tried=tried,
            delta=delta,
            allow_overlap=allow_overlap,
            quick=quick,
            full=full,
            expect_accuracy=expect_accuracy,
            seed=seed,
            device=device,
            progress=progress,
            out=out,
        )
    give(found, as_json=as_json, show=_print, out=out)


def _print(found: "Audit") -> None:
    from gengap.console import Console

    console = Console()
    console.print(found.inputs, highlight=False, markup=False)
    console.print(found.sentence, style="bold", highlight=False, markup=False)
    rows = [
        [part.title, "" if part.status == "ok" else part.status, part.sentence or part.reason, f"{part.seconds:.1f} s"]
        for part in found.parts.values()
    ]
    print_table(["part", "status", "finding", "time"], rows, whole=["time"])
    for step in found.next_steps:
        console.print(f"Next: {step}", highlight=False, markup=False)
