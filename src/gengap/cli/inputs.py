"""The options that several commands share: the model, its data, and what it is fed."""

from collections.abc import Callable, Iterable
from functools import partial, wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from gengap.cli.progress import progress_bar
from gengap.errors import InputError

if TYPE_CHECKING:
    from gengap.data import Problem

Returned = TypeVar("Returned")

Model = Annotated[str, typer.Argument(help="A named model, module.path:factory, or a folder of Hugging Face.")]
Weights = Annotated[
    Path | None,
    typer.Option(help="Its trained weights: a state dict or checkpoint of torch.save. Default: the folder's."),
]
WeightsKey = Annotated[
    str | None, typer.Option(help="Which state dict of the file, if it holds several, e.g. ema or state.model.")
]
Output = Annotated[
    str | None, typer.Option(help="Key or index of the scores, where the network returns a dict or tuple.")
]
ExpectAccuracy = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Its test accuracy as you know it, a fraction; warns where that is far off."),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn at random.")]

TrainedOn = Annotated[str, typer.Option(help="What it was trained on: a named data set, or a path.")]
TrainedUnder = Annotated[
    str | None,
    typer.Option(help="Corruption of its training data, drawn with --seed as by Problem.corrupt."),
]
Level = Annotated[float, typer.Option(help="Level of --corruption; of labels, the probability that one was redrawn.")]
DataDir = Annotated[Path | None, typer.Option(help="Folder of the named data sets.")]
LabelColumn = Annotated[str | None, typer.Option(help="For a table: its column of labels.")]
SplitColumn = Annotated[str | None, typer.Option(help="For a table: its column that says train or test.")]

Crop = Annotated[str | None, typer.Option(help="Side of the centre crop in pixels, or none. Default: the data set's.")]
Scale = Annotated[
    str | None, typer.Option(help="whiten (each example), unit (bytes over 255), signed, none. Default: the data's.")
]
Mean = Annotated[
    str | None, typer.Option(help="What is subtracted from the scaled values: a number, or one a channel, with commas.")
]
Std = Annotated[str | None, typer.Option(help="What the values less --mean are divided by, likewise.")]
Layout = Annotated[
    str | None, typer.Option(help="For images in an .npz: channels-first or channels-last. Default: guessed.")
]
Resize = Annotated[
    int | None,
    typer.Option(help="For a folder of images: scale the shorter side to so many pixels, and keep the centre square."),
]
Vocabulary = Annotated[
    int | None,
    typer.Option(help="For an .npz of tokens: the size of their vocabulary. Default: as the file says."),
]
Standardise = Annotated[
    bool, typer.Option("--standardise", help="For a table: numbers get mean 0 and variance 1 in the training split.")
]

Ordinal = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN[=A,B,C]",
        help="For a table: categories with an order, from the least; alphabetical if not listed. Repeatable.",
    ),
]


Load = Callable[..., "Problem"]


def with_data_options(**own: Any) -> Callable[[Callable[..., Returned]], Callable[..., Returned]]:
    """Makes a command of a function with a parameter ``load``: the options of data stand in its place.

    The command calls ``load(data)``, which reads the named data set or path as the options say; further arguments are
    those of ``load_problem``.

    Args:
        own: Options that the command declares otherwise, by name; None: it has none of that name.
    """
    shared = signature(_data_options).parameters.values()
    options = [each.replace(annotation=own.get(each.name, each.annotation)) for each in shared]
    options = [each for each in options if each.annotation is not None]

    def decorate(command: Callable[..., Returned]) -> Callable[..., Returned]:
        @wraps(command)
        def read_and_run(**given: Any) -> Returned:
            chosen = {each.name: given.pop(each.name) for each in options}
            return command(**given, load=partial(load_problem, **chosen))

        declared = signature(command).parameters.values()
        parameters = [one for each in declared for one in (options if each.name == "load" else [each])]
        declare(read_and_run, parameters)
        return read_and_run

    return decorate


def declare(command: Callable[..., Any], parameters: Iterable[Parameter]) -> None:
    """Makes Typer see these parameters of a command, in this order, which takes them by keyword."""
    declared = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in parameters]
    command.__signature__ = Signature(declared)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in declared}


def _data_options(
    data_dir: DataDir = None,
    label_column: LabelColumn = None,
    split_column: SplitColumn = None,
    standardise: Standardise = False,
    ordinal: Ordinal = None,
    crop: Crop = None,
    scale: Scale = None,
    mean: Mean = None,
    std: Std = None,
    layout: Layout = None,
    vocabulary: Vocabulary = None,
    resize: Resize = None,
) -> None:
    """The options of data, in the order of the help; their values are arguments of ``load_problem``."""


def load_problem(
    data: str,
    *,
    data_dir: Path | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    standardise: bool = False,
    ordinal: list[str] | None = None,
    crop: str | None = None,
    scale: str | None = None,
    mean: str | None = None,
    std: str | None = None,
    layout: str | None = None,
    vocabulary: int | None = None,
    resize: int | None = None,
    held_out: bool = False,
    as_stored: bool = False,
) -> "Problem":
    """The Problem of a named data set or path, fed to networks as the options of data say.

    With ``held_out`` there is no training split. With ``as_stored`` nothing is cropped or scaled unless the options say
    so, also where a named data set has preprocessing of its own.

    Raises:
        InputError: Options or data that cannot be used.
    """
    from gengap.data import load

    if as_stored:
        crop = crop or "none"
        scale = scale or ("none" if mean is None and std is None else None)
    options: dict[str, Any] = {"scale": scale, "layout": layout, "vocabulary": vocabulary, "resize": resize}
    options |= {"mean": _numbers("--mean", mean), "std": _numbers("--std", std)}
    options = {name: value for name, value in options.items() if value is not None}
    if standardise:
        options["standardise"] = True
    if ordinal:
        options["ordinal"] = dict(_order(text) for text in ordinal)
    if held_out:
        options["held_out"] = True
    if crop is not None:
        options["crop"] = _side(crop)
    with progress_bar("reading the data") as report:
        return load(
            data, data_dir=data_dir, label_column=label_column, split_column=split_column, report=report, **options
        )


def _order(text: str) -> tuple[str, list[str]]:
    name, equals, order = text.partition("=")
    categories = [category.strip() for category in order.split(",") if category.strip()]
    if not name.strip() or (equals and not categories):
        raise InputError(
            f"--ordinal {text!r}.", expected="a column, or a column and its order, as size=small,medium,large"
        )
    return name.strip(), categories


def _side(text: str) -> int | None:
    if text.lower() == "none":
        return None
    if not text.isdecimal():
        raise InputError(f"--crop {text!r}.", expected="a whole number of pixels, or none")
    return int(text)


def _numbers(option: str, text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(f"{option} {text!r}.", expected="numbers with commas, e.g. 0.49,0.48,0.45") from error
