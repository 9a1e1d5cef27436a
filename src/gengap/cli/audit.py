"""``gengap audit``: has a model that was trained elsewhere learned or memorised?"""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gengap.cli import inputs
from gengap.cli.answer import Json, ReportFolder, give
from gengap.cli.progress import progress_bar
from gengap.errors import InputError
from gengap.terminal import say

if TYPE_CHECKING:
    from gengap.tasks.audit import Audit, AuditPair
    from gengap.verdicts import Gate

Named = tuple[str, Path | None]  # a model and the file of its weights
_MODEL = (
    "module:factory, a named model, timm:NAME or a Hugging Face folder; module:function that loads an estimator, or a "
    ".skops file. Two models are compared; so are two files of weights of one."
)
_CROP = Annotated[str | None, typer.Option(help="Side of the centre crop in pixels. Default: none.")]
_SCALE = Annotated[
    str | None,
    typer.Option(help="whiten (each example), unit (bytes over 255), signed. Default: none; unit beside --mean."),
]


@inputs.with_data_options(crop=_CROP, scale=_SCALE)
def command(
    models: Annotated[list[str], typer.Argument(metavar="MODEL [MODEL]", help=_MODEL)],
    weights: Annotated[
        list[Path] | None,
        typer.Option(help="Its weights: a state dict or checkpoint (.pt, .ckpt, .safetensors). Twice for two models."),
    ] = None,
    weights_key: inputs.WeightsKey = None,
    data: inputs.TrainedOn = "digits",
    held_out_only: Annotated[
        bool,
        typer.Option("--held-out-only", help="The data (.npz with x_test, y_test; a table) have no training split."),
    ] = False,
    tried: Annotated[
        int | None,
        typer.Option(min=1, help="Models that were compared on the test examples before this one was chosen."),
    ] = None,
    delta: Annotated[float, typer.Option(help="Probability that the certificate fails.")] = 0.05,
    groups: Annotated[
        Path | None,
        typer.Option(help="A table with a row for each test example: a bound in each group of each of its columns."),
    ] = None,
    output: inputs.Output = None,
    expect_accuracy: inputs.ExpectAccuracy = None,
    out_of_fold: Annotated[
        Path | None,
        typer.Option(help="Probabilities of the training examples by networks not trained on them (.npy, table)."),
    ] = None,
    folds: Annotated[int | None, typer.Option(min=2, help="Make them by so many trainings of --train.")] = None,
    train: Annotated[str | None, typer.Option(help="For --folds: module:function(problem, seed).")] = None,
    randomize: Annotated[
        str | None, typer.Option(help="Your training, run on random labels too: can the recipe memorise?")
    ] = None,
    second: Annotated[
        Path | None, typer.Option(help="Weights of a second run of the recipe: their disagreement estimates errors.")
    ] = None,
    unlabelled: Annotated[
        Path | None, typer.Option(help="New examples without labels (.npy): what error is to be expected on them?")
    ] = None,
    corruption: inputs.TrainedUnder = None,
    level: inputs.Level = 1.0,
    allow_overlap: Annotated[
        bool, typer.Option("--allow-overlap", help="Count test examples that are in the training split too.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="In about a minute, without what takes long.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Every part on all examples, whatever it takes.")] = False,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(help="A gate: exit status 1 if it holds, e.g. 'certificate.upper > 0.05'. Repeatable."),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="File for the gates as JUnit's XML.")] = None,
    seed: inputs.Seed = 0,
    device: inputs.Device = "auto",
    load: inputs.Load = inputs.load_problem,
    out: ReportFolder = None,
    as_json: Json = False,
) -> None:
    """Audit a model: has it learned or memorised, and what is its score worth?

    Nothing is preprocessed unless the options say so: what the model is fed, and the accuracy that it then has, stand
    first.
    """
    conditions = _conditions(fail_if, junit)
    one, two = _pair(models, weights)
    single: dict[str, Any] = {"--groups": groups, "--out-of-fold": out_of_fold, "--folds": folds, "--train": train}
    single |= {"--randomize": randomize, "--second": second, "--unlabelled": unlabelled}
    if two is not None and (given := [name for name, value in single.items() if value is not None]):
        raise InputError(f"{', '.join(given)} beside two models.", expected="them with one model alone")

    if conditions:
        from gengap.tasks.audit import check_names

        check_names(conditions, pair=two is not None)
    # Before torch is imported, so that a wrong path is told at once.
    problem = load(data, held_out=held_out_only, as_stored=True)
    if corruption is not None:
        problem = problem.corrupt(corruption, level=level, seed=seed)

    from gengap.tasks.audit import audit, audit_pair

    common: dict[str, Any] = {
        "data": problem,
        "weights_key": weights_key,
        "output": output,
        "tried": tried,
        "delta": delta,
        "allow_overlap": allow_overlap,
        "quick": quick,
        "full": full,
        "expect_accuracy": expect_accuracy,
        "seed": seed,
        "device": device,
        "out": out,
    }
    found: Audit | AuditPair
    # What the user's network prints goes to stderr: stdout holds the answer alone.
    with redirect_stdout(sys.stderr), progress_bar("reading the model") as progress:
        if two is None:
            found = audit(
                *one,
                groups=_groups(groups),
                out_of_fold=_probabilities(out_of_fold, problem.classes),
                folds=folds,
                train=train,
                second=second,
                unlabelled=_array(unlabelled),
                randomize=randomize,
                progress=progress,
                **common,
            )
        else:
            found = audit_pair(one[0], two[0], (one[1], two[1]), progress=progress, **common)
    _judge(found, conditions, junit, as_json=as_json, out=out)


def _judge(
    found: "Audit | AuditPair", conditions: list[str], junit: Path | None, *, as_json: bool, out: Path | None
) -> None:
    """Prints the answer, then judges the gates: a report is never lost to a gate that is wrong."""
    give(found, as_json=as_json, show=_print, out=out)
    if not conditions:
        return
    from gengap.report import make_folder, write_text
    from gengap.tasks.audit import judged, junit_xml

    gates = judged(found.to_json(), conditions)
    if junit is not None:
        make_folder(junit.parent)
        write_text(junit, junit_xml(gates, "gengap audit"))
    for gate in gates:
        say(f"Gate {_state(gate)}: --fail-if {gate.text!r}: {gate.reason}", err=True)
    if any(gate.state == "cannot be read" for gate in gates):
        raise typer.Exit(2)
    if any(gate.state != "passed" for gate in gates):
        raise typer.Exit(1)


def _state(gate: "Gate") -> str:
    return "passed" if gate.state == "passed" else gate.state.upper()


def _conditions(fail_if: list[str] | None, junit: Path | None) -> list[str]:
    """The gates, read before anything else is."""
    if junit is not None and not fail_if:
        raise InputError("--junit without a gate.", expected="--fail-if CONDITION, once or more")
    if fail_if:
        from gengap.verdicts.gates import parse

        for condition in fail_if:
            parse(condition)
    return fail_if or []


def _pair(
    models: list[str], weights: list[Path] | None
) -> tuple[tuple[str, Path | None], tuple[str, Path | None] | None]:
    """One model with its weights, or two."""
    files: list[Path | None] = list(weights or [])
    if len(models) > 2 or len(files) > 2:
        raise InputError(
            f"{len(models)} models and {len(files)} files of weights.", expected="one model, or two to compare"
        )
    if len(models) == 1 and len(files) < 2:
        return (models[0], files[0] if files else None), None
    names = models if len(models) == 2 else 2 * models
    if len(files) == 1:
        raise InputError("One file of weights for two models.", expected="--weights A --weights B, or none")
    files = files or [None, None]
    return (names[0], files[0]), (names[1], files[1])


def _groups(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    from gengap.data import read_frame

    table = read_frame(path)
    return {str(name): table[name].to_numpy() for name in table.columns}


def _probabilities(path: Path | None, classes: tuple[str, ...]) -> Any:
    if path is None:
        return None
    from gengap.tasks.files import read_probabilities

    return read_probabilities(path, classes)


def _array(path: Path | None) -> Any:
    if path is None:
        return None
    from gengap.tasks.files import read_array

    return read_array(path, "inputs as the data are stored, without labels")


def _print(found: "Audit | AuditPair") -> None:
    from gengap.console import Console
    from gengap.tasks.audit import AuditPair, heading

    console = Console()
    console.print(found.inputs, highlight=False, markup=False)
    console.print(found.sentence, style="bold", highlight=False, markup=False)
    if isinstance(found, AuditPair):
        _print_pair(found)
        return
    for part in found.parts.values():
        if part.name == "certificate" and part.status == "ok":
            continue  # its sentence stands in bold above, as the verdict's does
        text = part.sentence or f"{part.reason[:1].upper()}{part.reason[1:]}."
        if part.name != "verdict":
            console.print(f"{heading(part, state=True)} {text}", highlight=False, markup=False, soft_wrap=False)
    for step in found.next_steps:
        console.print(f"Next: {step}", style="bold", highlight=False, markup=False)


def _print_pair(found: "AuditPair") -> None:
    from gengap.cli.table import print_table
    from gengap.tasks.audit import side_by_side

    shown = side_by_side(found)
    headings = [str(name) for name in shown]
    headings[1:3] = [f"{letter}: {name}" for letter, name in zip("AB", found.names, strict=True)]
    print_table(["", *headings[1:]], shown.to_numpy().tolist(), whole=["", *headings[1:]])
