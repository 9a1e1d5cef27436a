"""``gengap randomize``: the randomization test."""

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gengap.arguments import real_number
from gengap.cli import inputs, running
from gengap.cli.answer import Json, ReportFolder, give
from gengap.cli.table import empty_table
from gengap.errors import InputError

if TYPE_CHECKING:
    from gengap.data import Problem
    from gengap.tasks.randomize import Randomization


@inputs.with_data_options()
def command(
    data: Annotated[
        str | None, typer.Option(help="A named data set, or the path of your own. Default: digits.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="A named model, module.path:factory or a folder of Hugging Face. Default: the recipe's."),
    ] = None,
    corruption: Annotated[
        str,
        typer.Option(
            help="labels, random-labels, shuffled-pixels, random-pixels, gaussian; of tokens shuffled-positions, "
            "random-positions, random-tokens; several with commas."
        ),
    ] = "labels",
    levels: Annotated[str, typer.Option(help="Probabilities with which a label is redrawn.")] = "0,0.5,1",
    seeds: Annotated[str, typer.Option(help="The seeds themselves, e.g. 0,1,2; 3 is the one seed 3.")] = "0",
    recipe: Annotated[
        str | None, typer.Option(help="A preset, or a JSON file of a recipe. Default: the data set's or the model's.")
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Change a field of the recipe, or an argument of --train; repeatable.",
        ),
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(help="Your own training: module:function of fit(problem, seed), or an estimator class."),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(help="Judge trainings that ran elsewhere: a table of level, seed, train_accuracy, test_accuracy."),
    ] = None,
    allow_code: Annotated[
        bool, typer.Option("--allow-code", help="Let the file of a recipe name module.path:factory, whose code is run.")
    ] = False,
    device: inputs.Device = "auto",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes at once. Default: the fastest, measured once.")
    ] = None,
    runner: running.Runner = running.RunnerName.local,
    cpus_per_cell: running.CpusPerCell = None,
    gpus_per_cell: running.GpusPerCell = None,
    timeout: Annotated[float, typer.Option(help="Longest time for one cell, in seconds. Default: a day.")] = 86_400.0,
    load: inputs.Load = inputs.load_problem,
    store: Annotated[Path | None, typer.Option(help="File that rows are kept in. Default: in GENGAP_HOME.")] = None,
    out: ReportFolder = None,
    as_json: Json = False,
) -> None:
    """Train a recipe on true and on corrupted data: does it learn, and can it memorise?

    The same network with the same hyperparameters is trained at each level. Finished cells are stored: running the
    command again does only what is missing. With --train the training is yours; --results judges those of a table.
    """
    if results is not None:
        _refuse_beside_results(
            {"--train": train, "--model": model, "--recipe": recipe, "--set": change, "--store": store}
        )
    if train is not None:
        _refuse_beside_train({"--model": model, "--recipe": recipe})
    if timeout is not None:
        timeout = real_number(timeout, "--timeout", least=0, next_step="leave it out for the default")
    ray = running.ray_share(runner, cpus_per_cell, gpus_per_cell, device=device, workers=workers)
    level_values, seed_values = _numbers("--levels", levels), _whole_numbers("--seeds", seeds)

    changes = dict(_pair(text) for text in change or [])
    if results is not None:
        test = _of_results(results, load(data) if data else None, out)
    else:
        problem = load(data or "digits")  # before torch is imported, so that a wrong path is told at once

        from gengap.sweep import Options
        from gengap.tasks.randomize import randomize
        from gengap.train import choose_recipe

        with redirect_stdout(sys.stderr):  # standard output is the answer's; what a network of the user's prints is not
            how: dict[str, Any] = {"train": train, "settings": {name: _value(text) for name, text in changes.items()}}
            if train is None:
                how = {"recipe": choose_recipe(recipe, problem, model, changes, allow_code=allow_code)}
            test = randomize(
                problem,
                **how,
                corruptions=[name.strip() for name in corruption.split(",") if name.strip()],
                levels=level_values,
                seeds=seed_values,
                store=store,
                options=Options(device=device, workers=workers, timeout_s=timeout, ray=ray),
                out=out,
            )
    give(test, as_json=as_json, show=_print, out=out)
    if test.result.failed:
        raise typer.Exit(3)


def _of_results(results: Path, problem: "Problem | None", out: Path | None) -> "Randomization":
    from gengap.tasks.randomize import from_results

    return from_results(results, problem, out=out)


def _refuse_beside_results(options: dict[str, object]) -> None:
    given = [name for name, value in options.items() if value]
    if given:
        raise InputError(f"{given[0]} beside --results.", expected="results alone, since nothing is trained")


def _refuse_beside_train(options: dict[str, object]) -> None:
    given = [name for name, value in options.items() if value]
    if given:
        raise InputError(
            f"{given[0]} beside --train.",
            expected="either: a training of one's own has its own model and recipe",
            next_step="give arguments of the training by --set NAME=VALUE",
        )


def _value(text: str) -> Any:
    """What --set gives to a training of one's own: a number, truth value, null or list as in JSON, else a text."""
    try:
        return json.loads(text.lower() if text in ("True", "False") else "null" if text == "None" else text)
    except ValueError:
        return text


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"{option} {text!r} is no list of numbers.",
            expected="numbers with commas",
            next_step=f"write e.g. {option} 0,0.5,1",
        ) from None


def _whole_numbers(option: str, text: str) -> list[int]:
    numbers = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in numbers):
        raise InputError(
            f"{option} {text!r} is no list of seeds.",
            expected="whole numbers of at least 0",
            next_step=f"write e.g. {option} 0,1,2",
        )
    return [int(part) for part in numbers]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set {text!r} sets nothing.", expected="NAME=VALUE, e.g. learning_rate=0.05")
    return name.strip().replace("-", "_"), value.strip()


def _print(test: "Randomization") -> None:
    from gengap.console import Console
    from gengap.tasks.randomize.words import inputs_sentence, lead, training_sentences, verdict

    console = Console()
    console.print(inputs_sentence(test.summary), highlight=False, markup=False)
    table = empty_table(title=test.page.title, title_justify="left")
    columns = _columns(test.rows)
    for heading in columns:
        justify: Literal["left", "right"] = "left" if heading in ("corruption", "status") else "right"
        table.add_column(heading, justify=justify, no_wrap=heading != "status", overflow="fold")
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*cells)
    console.print(table)
    console.print(lead(test.summary), style="bold")
    for paragraph in (*verdict(test.summary), *training_sentences(test.summary)):
        console.print(paragraph, markup=False)


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Heading -> cells; one seed for all and no status but done are not worth a column of a narrow terminal."""
    from gengap.report import percent

    columns = {
        "corruption": [row["corruption"] for row in rows],
        "level": [f"{row['level']:g}" for row in rows],
        "seed": [str(row["seed"]) for row in rows],
        "train\naccuracy": [percent(row.get("train_accuracy")) for row in rows],
        "test\naccuracy": [percent(row.get("test_accuracy")) for row in rows],
        "epochs": [str(row.get("epochs") or "–") for row in rows],
        "to fit": [str(row.get("epochs_to_fit") or "–") for row in rows],
        "status": [row["status"] for row in rows],
    }
    if len(set(columns["seed"])) == 1:
        del columns["seed"]
    if set(columns["status"]) == {"done"}:
        del columns["status"]
    return columns
