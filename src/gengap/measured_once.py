"""Measurements of this machine that are made once and stored in a file."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from gengap.errors import InputError
from gengap.home import home

T = TypeVar("T")
_ABSENT = object()


def measured_once(file: str, key: str, measure: Callable[[], Any], read: Callable[[Any], T]) -> T:
    """What is read from the value under ``key`` in a JSON file of ``gengap.home.home()``.

    The value is measured and written when it is not there, or is of a form that cannot be read, which is reported.

    Args:
        file: Name of the file, e.g. ``"executions.json"``.
        key: Tells this measurement from others.
        measure: Gives the value, something that JSON can hold.
        read: Makes of the value what is wanted; raises KeyError, TypeError or ValueError where its form is odd.

    Raises:
        InputError: The file cannot be written.
    """
    path = home() / file
    values = _values(path)
    if values is None:
        _report_damage(path)
        values = {}
    before = values.get(key, _ABSENT)
    if before is not _ABSENT:
        try:
            return read(before)
        except (KeyError, TypeError, ValueError):
            _report_damage(path)
    value = measure()
    values = _values(path) or {}
    if values.get(key, _ABSENT) == before:  # else another process measured meanwhile, and its answer stays
        values[key] = value
        partial = path.with_suffix(f".{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(values, indent=1), encoding="utf-8")
            os.replace(partial, path)
        except OSError as error:
            raise InputError(
                f"Cannot write {path}: {error.strerror or error}.",
                expected="a folder for what gengap computes",
                next_step="set GENGAP_HOME to a folder that can be written",
            ) from error
    return read(values[key])


def _values(path: Path) -> dict[str, Any] | None:
    """What was measured before; None when the file is damaged."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return {}
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def _report_damage(path: Path) -> None:
    print(f"{path} is damaged: what it should hold is measured again.", file=sys.stderr)
