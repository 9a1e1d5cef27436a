"""gengap measures generalization: has a network learned or memorised, and what is its held-out score worth?

Public names and packages are imported at their first use, so that ``import gengap`` needs neither torch nor SciPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gengap import bounds as bounds
    from gengap import data as data
    from gengap import interpolate as interpolate
    from gengap import measures as measures
    from gengap import models as models
    from gengap import monitors as monitors
    from gengap import network as network
    from gengap import probes as probes
    from gengap import studies as studies
    from gengap import train as train
    from gengap import verdicts as verdicts
    from gengap.data import Problem as Problem
    from gengap.data import load as load
    from gengap.measures import measure as measure
    from gengap.tasks.audit import audit as audit
    from gengap.tasks.certify import certify as certify
    from gengap.tasks.randomize import randomize as randomize
    from gengap.tasks.rank import rank as rank
    from gengap.tasks.tour import tour as tour

__version__ = "0.1.0"

_NAMES = {
    "Problem": "gengap.data",
    "load": "gengap.data",
    "measure": "gengap.measures",
    "audit": "gengap.tasks.audit",
    "certify": "gengap.tasks.certify",
    "randomize": "gengap.tasks.randomize",
    "rank": "gengap.tasks.rank",
    "tour": "gengap.tasks.tour",
}
_PACKAGES = (
    "bounds",
    "data",
    "interpolate",
    "measures",
    "models",
    "monitors",
    "network",
    "probes",
    "studies",
    "train",
    "verdicts",
)
__all__ = [
    # Data
    "Problem",
    "load",
    # What the command line does
    "audit",
    "certify",
    "measure",
    "randomize",
    "rank",
    "tour",
    # Packages
    *_PACKAGES,
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Imports a public name or package at its first use (PEP 562)."""
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    if name in _PACKAGES:
        return import_module(f"gengap.{name}")
    raise AttributeError(f"module 'gengap' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
