"""JSON files and JSON lines, read with a clear message for whatever is no JSON."""

import json
from pathlib import Path
from typing import Any

from gengap.data.content import decoded, read_content
from gengap.data.limits import check_memory
from gengap.errors import InputError

COST = 30  # bytes of memory for each character, in a document of many small lists


def read_json(path: str | Path, expected: str) -> Any:
    """What a JSON file holds.

    Args:
        path: The file, which may be compressed; ``-`` is standard input.
        expected: What it should be, for errors.

    Raises:
        InputError: There is no such file, it is no JSON, nested too deeply, or names a key of an object twice.
    """
    text, _ = decoded(read_content(path, expected), str(path))
    return parse_json(text, str(path), expected)


def parse_json(text: str, what: str, expected: str) -> Any:
    """What a JSON text means.

    Raises:
        InputError: It is no JSON, nested too deeply, or names a key of an object twice.
    """
    check_memory(what, COST * len(text))
    try:
        return json.loads(text, object_pairs_hook=_object)
    except InputError as error:
        raise InputError(f"{what} {error.what}", expected=expected) from error
    except RecursionError as error:
        raise InputError(f"{what} is nested too deeply.", expected=expected) from error
    except ValueError as error:  # numbers of more digits than Python converts, too
        raise InputError(f"{what} is no JSON: {str(error).split(';')[0]:.120}.", expected=expected) from error


def parse_json_lines(text: str, what: str, expected: str) -> list[Any]:
    """What the lines of a text mean, each of them JSON; empty lines are passed over.

    Raises:
        InputError: A line is no JSON.
    """
    lines = enumerate(text.split("\n"), start=1)  # other ends of lines may stand within a text
    return [parse_json(line, f"{what}, line {number},", expected) for number, line in lines if line.strip()]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in result if names.count(name) > 1)
        raise InputError(f"names {twice!r} twice in an object.")
    return result
