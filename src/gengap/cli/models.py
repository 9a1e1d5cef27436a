"""`gengap models`: the named networks."""

from dataclasses import asdict
from typing import Annotated

import typer

from gengap.cli.answer import print_json
from gengap.cli.table import print_table


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")] = False,
) -> None:
    """The named networks, their parameters at the paper's input shape with ten classes, and where they come from."""
    from gengap.models import named

    if as_json:
        print_json({"models": [asdict(info) for info in named()]})
        return
    rows = [
        (info.name, f"{info.parameters:,}", " x ".join(map(str, info.input_shape)), info.source.partition(",")[0])
        for info in named()
    ]
    print_table(("model", "parameters", "input", "source"), rows)
