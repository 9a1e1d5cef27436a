"""The modules that belong to no installed package: what a user edits between two runs."""

import os
import site
import sys
from pathlib import Path

_INSTALLED = (sys.prefix, sys.base_prefix, site.getusersitepackages(), str(Path(__file__).parents[1]))
_HOMES = tuple(f"{home}{os.sep}" for home in _INSTALLED)


def is_own_file(file: str) -> bool:
    """Whether a source file belongs to no installed package, nor to Python or gengap."""
    return not file.startswith(_HOMES)


def own_modules() -> dict[str, str]:
    """Name -> file of each loaded module of the user's, the main program left out."""
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    own = {name: file for name, file in files.items() if isinstance(file, str) and is_own_file(file)}
    return {name: file for name, file in own.items() if name not in ("__main__", "__mp_main__")}
