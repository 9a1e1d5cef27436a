"""``gengap probe``: measurements that differentiate or train, one family a command."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial, wraps
from inspect import signature
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gengap.cli import inputs
from gengap.cli.answer import Json, ReportFolder, give
from gengap.cli.progress import progress_bar
from gengap.cli.table import empty_table

if TYPE_CHECKING:
    from gengap.tasks.probe import ProbeAnswer, ProbeSubject

app = typer.Typer()


@inputs.with_data_options()
def _common(
    model: inputs.Model,
    weights: inputs.Weights = None,
    weights_key: inputs.WeightsKey = None,
    data: inputs.TrainedOn = "digits",
    corruption: inputs.TrainedUnder = None,
    level: inputs.Level = 1.0,
    examples: Annotated[
        int | None,
        typer.Option(min=1, help="Training examples used (or those of --split), drawn with --seed. Default: all."),
    ] = None,
    output: inputs.Output = None,
    seed: inputs.Seed = 0,
    device: inputs.Device = "auto",
    load: inputs.Load = inputs.load_problem,
) -> "Callable[..., ProbeSubject]":
    """The options that all probes share, and what they lead to: ``probe_subject`` with all arguments but the last."""
    problem = load(data)  # before torch is imported, so that a wrong path is told at once

    from gengap.tasks.probe import probe_subject

    return partial(
        probe_subject,
        model,
        weights,
        weights_key=weights_key,
        data=problem,
        corruption=corruption,
        level=level,
        examples_used=examples,
        output=output,
        seed=seed,
        device=device,
    )


def _written(
    out: ReportFolder = None,
    as_json: Json = False,
) -> None:
    """The options that come last."""


def _probe(work: "Callable[..., ProbeAnswer]", *, one_output: bool = False) -> "Callable[..., None]":
    """Makes a command of a function from a subject and options of its own to an answer.

    Args:
        work: The function, which has the command's name.
        one_output: Whether it takes networks with one output for two classes.
    """
    own = list(signature(work).parameters.values())[1:]
    shared, last = (list(signature(each).parameters.values()) for each in (_common, _written))

    @wraps(work)
    def command(**options: Any) -> None:
        out, as_json = options.pop("out"), options.pop("as_json")
        extra = {parameter.name: options.pop(parameter.name) for parameter in own}
        if out is not None:
            from gengap.report import check_folder

            check_folder(out)
        with redirect_stdout(sys.stderr):  # what a network of the user's prints is no answer
            answer = work(_common(**options)(one_output=one_output), **extra)
        if out is not None:
            answer.write(out)
        give(answer, as_json=as_json, show=_print, out=out)

    inputs.declare(command, (*shared, *own, *last))
    app.command(work.__name__.replace("_", "-"))(command)
    return command


@_probe
def coherence(subject: "ProbeSubject") -> "ProbeAnswer":
    """Measure how far the gradients of different examples agree: alpha and m-coherence, whole and by layer."""
    from gengap.tasks.probe.coherence import probe_coherence

    with _progress(2 * len(subject.problem.train)) as progress:
        return probe_coherence(subject, progress=progress)


@_probe
def curvature(
    subject: "ProbeSubject",
    eigenvalues: Annotated[int, typer.Option(min=1, help="How many of the largest.")] = 5,
    probes: Annotated[int, typer.Option(min=2, help="Random vectors of the trace.")] = 30,
) -> "ProbeAnswer":
    """Measure eigenvalues, trace and spectral density of the Hessian of the mean loss, and the gradient noise scale."""
    from gengap.tasks.probe.curvature import probe_curvature

    with progress_bar("reading the network") as progress:
        return probe_curvature(subject, eigenvalues=eigenvalues, probes=probes, progress=progress)


@partial(_probe, one_output=True)
def paths(
    subject: "ProbeSubject",
    held_out: Annotated[int, typer.Option(min=1, help="Test examples that make the finite population.")] = 2000,
    population: Annotated[str, typer.Option(help="test: the test split; all: S and the test split.")] = "test",
    tile: Annotated[int | None, typer.Option(min=2, help="Examples on a side of a tile of the path kernel.")] = None,
) -> "ProbeAnswer":
    """Split the gap of squared loss into Theorem 7's terms: path weights, path features, angles and eigenvalues."""
    from gengap.tasks.probe.paths import probe_paths

    with _progress(1) as advance:
        return probe_paths(
            subject,
            held_out=held_out,
            population=population,  # type: ignore[arg-type]  # checked by theorem7
            tile=tile,
            progress=lambda _, tiles: advance(1 / tiles, "path kernel"),
        )


@_probe
def sensitivity(
    subject: "ProbeSubject",
    steps: Annotated[int, typer.Option(min=1, help="Steps of SGD from these weights that are differentiated.")] = 50,
    lr: Annotated[float, typer.Option(help="Their learning rate.")] = 0.01,
    batch_size: Annotated[int, typer.Option(min=1, help="Their minibatch.")] = 128,
) -> "ProbeAnswer":
    """Measure how the loss depends on each training input, through further training and directly."""
    from gengap.tasks.probe.sensitivity import probe_sensitivity

    return probe_sensitivity(subject, steps=steps, lr=lr, batch_size=batch_size)


@_probe
def critical_samples(
    subject: "ProbeSubject",
    radius: Annotated[
        float | None,
        typer.Option(help="Largest change of a coordinate, as inputs are stored. Default: 0.3 grey levels of 255."),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Of the search.")] = 100,
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
) -> "ProbeAnswer":
    """Measure the share of examples near which an input is classified otherwise, by a Langevin search."""
    from gengap.tasks.probe.critical_samples import probe_critical_samples

    return probe_critical_samples(subject, radius=radius, steps=steps, split=split)


@_probe
def stability(
    subject: "ProbeSubject",
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of training from these weights.")] = 5,
    lr: Annotated[float, typer.Option(help="Its learning rate.")] = 0.01,
    batch_size: Annotated[int, typer.Option(min=1, help="Its minibatch.")] = 128,
    twins: Annotated[int, typer.Option(min=1, help="Runs with one example replaced.")] = 2,
    weight_decay: Annotated[float, typer.Option(min=0.0, help="Weight decay of its steps.")] = 0.0,
    every: Annotated[
        int | None, typer.Option(min=1, help="Steps from one measurement to the next. Default: about 40 in all.")
    ] = None,
) -> "ProbeAnswer":
    """Measure how far trainings from these weights drift apart when one example differs."""
    from gengap.tasks.probe.stability import probe_stability

    return probe_stability(
        subject, epochs=epochs, lr=lr, batch_size=batch_size, twins=twins, every=every, weight_decay=weight_decay
    )


@_probe
def memorisation(
    subject: "ProbeSubject",
    trainings: Annotated[
        int, typer.Option(help="Trainings on subsets of 70 %, for Feldman's scores; 0 for the cheap scores alone.")
    ] = 0,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each.")] = 20,
    lr: Annotated[float, typer.Option(help="Their learning rate.")] = 0.05,
    batch_size: Annotated[int, typer.Option(min=1, help="Their minibatch.")] = 32,
) -> "ProbeAnswer":
    """Score each training example: is it memorised, or its label wrong?

    Every score is higher for a more suspicious example; the score called margin is therefore minus the margin.
    """
    from gengap.tasks.probe.memorisation import probe_memorisation

    return probe_memorisation(subject, trainings=trainings, epochs=epochs, lr=lr, batch_size=batch_size)


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[float, str], None]]:
    """A bar on stderr that counts examples; nothing off a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from gengap.console import Console

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading the network", total=total)
        yield lambda done, name: bar.update(task, advance=done, description=name)


def _text(value: Any) -> str:
    """A value as it is printed: numbers, also those in a list, to a few digits."""
    from gengap.report.plain import plain

    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return "–" if value is None else plain(value) if isinstance(value, float) else str(value)


def _print(answer: "ProbeAnswer") -> None:
    from rich.markup import escape

    from gengap.console import Console

    console = Console()
    console.print(answer.inputs, highlight=False, markup=False)
    table = empty_table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for name, value in answer.values.items():
        table.add_row(name, escape(_text(value)))
    console.print(table, highlight=False)
    if answer.legend:
        console.print(answer.legend, highlight=False, markup=False)
    if answer.status != "ok":
        console.print(f"{answer.status}: {answer.reason}", highlight=False, markup=False)
    console.print(answer.sentence, style="bold", highlight=False, markup=False)
