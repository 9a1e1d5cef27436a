"""gengap measures generalization: has a network learned or memorised, and what is its held-out score worth?

The public names are loaded when first used, so that ``import gengap`` stays light and torch-free.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gengap.data import Problem as Problem
    from gengap.data import load as load
    from gengap.measures import measure as measure
    from gengap.tasks.certify import certify as certify
    from gengap.tasks.randomize import randomize as randomize

__version__ = "0.1.0"

_PUBLIC = {
    "Problem": "gengap.data",
    "load": "gengap.data",
    "measure": "gengap.measures",
    "certify": "gengap.tasks.certify",
    "randomize": "gengap.tasks.randomize",
}
__all__ = ["Problem", "__version__", "certify", "load", "measure", "randomize"]


def __getattr__(name: str) -> Any:
    """Imports a public name from the module that holds it (PEP 562)."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'gengap' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
