"""Where in the user's own code a training raised."""

import re
import sys
import sysconfig
from pathlib import Path

_FRAME = re.compile(r'^  File "(.+?)", line (\d+)', re.MULTILINE)
_BEGINS = "Traceback (most recent call last):"


def own_place(traceback: str) -> str:
    r"""The last line of the user's own code in a traceback, for people; empty where none of it is the user's.

    Code of gengap, of the standard library and of installed packages is not the user's. A file of the working folder
    or below it is named from there. Of chained exceptions the last one counts.

    Args:
        traceback: As ``traceback.format_exception`` writes it.

    >>> own_place('Traceback (most recent call last):\n  File "/home/me/mycode.py", line 9, in fit\nNameError: x')
    '/home/me/mycode.py, line 9'
    """
    frames = _FRAME.findall(traceback.rpartition(_BEGINS)[2])
    own = [(Path(file), line) for file, line in frames if _is_own(file)]
    if not own:
        return ""
    file, line = own[-1]
    here = Path.cwd()
    return f"{file.relative_to(here) if file.is_relative_to(here) else file}, line {line}"


def _is_own(file: str) -> bool:
    path = Path(file)
    if file.startswith("<frozen") or {"site-packages", "dist-packages"} & set(path.parts):
        return False
    paths = sysconfig.get_paths()
    others = [Path(__file__).parents[1], Path(paths["stdlib"]), Path(paths["platstdlib"]), Path(sys.base_prefix, "lib")]
    return not any(path.is_relative_to(other) for other in others)
