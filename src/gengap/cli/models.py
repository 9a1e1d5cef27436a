"""`gengap models`: the named networks."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gengap.cli.answer import print_json
from gengap.cli.table import print_table

if TYPE_CHECKING:
    from gengap.models import ModelInfo


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")] = False,
) -> None:
    """The named networks, their parameters at the paper's input shape with ten classes, and where they come from."""
    from gengap.models import named

    if as_json:
        print_json({"models": [_record(info) for info in named()]})
        return
    rows = [(info.name, f"{info.parameters:,}", _input(info), info.source.partition(",")[0]) for info in named()]
    print_table(("model", "parameters", "input", "source"), rows)


def _record(info: "ModelInfo") -> dict[str, Any]:
    tokens = "" if info.vocabulary is None else f", tokens of {info.vocabulary:,}"
    return {
        "name": info.name,
        "parameters": info.parameters,
        "input_shape": info.input_shape,
        "source": info.source + tokens,
    }


def _input(info: "ModelInfo") -> str:
    shape = " x ".join(map(str, info.input_shape))
    return shape if info.vocabulary is None else f"{shape} tokens of {info.vocabulary:,}"
