"""What is measured about this machine once and then kept."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gengap.store import home
from gengap.store.problems import explained


def kept(file: str, key: str, measure: Callable[[], Any]) -> Any:
    """The value under ``key`` in a JSON file of ``gengap.store.home()``; measured and written when it is not there.

    Args:
        file: Name of the file, e.g. ``"executions.json"``.
        key: Tells this measurement from others.
        measure: Gives the value, something that JSON can hold.

    Raises:
        InputError: The file cannot be written.
    """
    path = home() / file
    values = _read(path)
    if key not in values:
        value = measure()
        values = {key: value} | _read(path)  # what another process measured meanwhile stays
        partial = path.with_suffix(f".{os.getpid()}.part")
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(values, indent=1), encoding="utf-8")
            os.replace(partial, path)
    return values[key]


def _read(path: Path) -> dict[str, Any]:
    """What was measured before; nothing when the file is missing or damaged, as it can be measured again."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
