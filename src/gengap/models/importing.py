"""What a user names as ``module.path:name``: imported, and anew where its file has changed."""

import sys
from collections.abc import Callable
from importlib import import_module, invalidate_caches, reload
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

from gengap.errors import InputError, unknown
from gengap.models.fingerprint import fingerprint

_CODE: dict[str, str | None] = {}  # module -> fingerprint of its file at import


def find(spec: str, *, kind: str, form: str) -> Callable[..., Any]:
    """The function, class or other callable that a user names.

    As under ``python -m``, the current folder comes first on the path that modules are imported from.

    Args:
        spec: ``"module.path:name"``.
        kind: What it is to be, for messages, e.g. ``"factory"``.
        form: How it is written, for messages.

    Raises:
        InputError: No such module or name, an exception while it is imported, or nothing that can be called.
    """
    path, _, attribute = spec.partition(":")
    if not (path and attribute.isidentifier()):
        raise InputError(f"Cannot read {spec!r} as a {kind}.", expected=form)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = _imported(path, fingerprint(spec))
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if path != missing and not path.startswith(f"{missing}."):
            raise InputError(f"Importing {path} failed: {error_line(error)}", next_step=f"install {missing}") from error
        raise InputError(f"There is no module {missing!r} to import, in {here} or installed.", expected=form) from error
    except (Exception, SystemExit) as error:
        raise InputError(f"Importing {path} failed: {error_line(error)}") from error
    if not hasattr(module, attribute):
        public = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise unknown(f"{kind} in module {path}:", attribute, public)
    found: Callable[..., Any] = getattr(module, attribute)
    return found


def error_line(error: BaseException) -> str:
    """The error in one line, with the last place in the user's code or below it."""
    message = str(error).strip().split("\n")[0]
    here = Path(__file__).parent
    frames = [frame for frame in extract_tb(error.__traceback__) if Path(frame.filename).parent != here]
    frames = [frame for frame in frames if not frame.filename.startswith("<frozen") and "/torch/" not in frame.filename]
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {message}{place}"


def _imported(path: str, code: str | None) -> ModuleType:
    """The module, imported anew where its file has changed since: stored results go by its file."""
    if path in sys.modules and _CODE.get(path, code) != code:
        invalidate_caches()
        module = reload(sys.modules[path])
    else:
        module = import_module(path)
    _CODE[path] = code
    return module
