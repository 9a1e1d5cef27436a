"""``gengap interpolate``: exact interpolators."""

from typing import TYPE_CHECKING, Annotated

import typer

from gengap.cli import inputs
from gengap.cli.answer import Json, ReportFolder, give
from gengap.cli.table import empty_table

if TYPE_CHECKING:
    from gengap.tasks.interpolate import Interpolation


@inputs.with_data_options(crop=None, scale=None, mean=None, std=None, vocabulary=None)
def command(
    data: Annotated[str, typer.Option(help="A named data set, or the path of your own.")] = "digits",
    method: Annotated[
        str, typer.Option(help="kernel, random-features, relu, pert, forest, boosting or 1-nn.")
    ] = "kernel",
    kernel: Annotated[
        str | None,
        typer.Option(
            help="gaussian, laplacian, laplacian-product, cauchy, cauchy-product; for --method kernel also linear, "
            "polynomial, arc-cosine; for random-features relu.  [default: gaussian]"
        ),
    ] = None,
    bandwidth: Annotated[
        float | None, typer.Option(help="Of the kernel. Default: half the median distance of 1,000 training examples.")
    ] = None,
    preprocess: Annotated[
        str, typer.Option(help="A map of images beforehand: none, gabor, conv (random convolutions) or zca.")
    ] = "none",
    filters: Annotated[
        int | None, typer.Option(min=1, help="Random filters of --preprocess conv.  [default: 256]")
    ] = None,
    solver: Annotated[str | None, typer.Option(help="For --method kernel: auto, cholesky or pcg.")] = None,
    n: Annotated[
        int | None, typer.Option("--n", min=1, help="The first so many training examples. Default: all.")
    ] = None,
    n_features: Annotated[
        int | None, typer.Option(min=1, help="Random features. Default: twice the training examples.")
    ] = None,
    trees: Annotated[int | None, typer.Option(min=1, help="Trees of a forest (100), rounds of boosting (500).")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of everything that is drawn at random.")] = 0,
    load: inputs.Load = inputs.load_problem,
    out: ReportFolder = None,
    as_json: Json = False,
) -> None:
    """Fit every training label exactly, and see what that costs on the test set.

    Images enter whole, with pixels in [0, 1].
    """
    problem = load(data)  # before SciPy and torch are imported, so that a wrong path is told at once

    from gengap.tasks.interpolate import Setting, interpolate

    result = interpolate(
        problem,
        method=method,
        preprocess=preprocess,
        setting=Setting(kernel, bandwidth, solver, n_features, trees, seed, progress=True),
        n=n,
        filters=filters,
        out=out,
    )
    give(result, as_json=as_json, show=_print, out=out)


def _print(result: "Interpolation") -> None:
    from gengap.console import Console

    console = Console()
    console.print(result.inputs, highlight=False, markup=False)
    table = empty_table("what", "value", title=result.title, title_justify="left")
    for name, value in result.facts().items():
        table.add_row(name, value)
    console.print(table)
    console.print(result.sentence, style="bold")
