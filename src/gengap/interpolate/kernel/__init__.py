"""Kernel machines that interpolate, their kernels and their solvers; what needs torch is imported when first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gengap.interpolate.kernel.estimators import KernelInterpolator, KernelInterpolatorClassifier
from gengap.interpolate.kernel.spectrum import KernelSpectrum, early_stopping, ridge

if TYPE_CHECKING:
    from gengap.interpolate.kernel.formulas import KERNELS as KERNELS
    from gengap.interpolate.kernel.formulas import median_bandwidth as median_bandwidth
    from gengap.interpolate.kernel.neural_tangent import NeuralTangent as NeuralTangent
    from gengap.interpolate.kernel.solvers import SOLVERS as SOLVERS

__all__ = [
    # Estimators
    "KernelInterpolator",
    "KernelInterpolatorClassifier",
    # Kernels
    "KERNELS",
    "NeuralTangent",
    "median_bandwidth",
    # Ridge and early stopping
    "KernelSpectrum",
    "ridge",
    "early_stopping",
    # Solvers
    "SOLVERS",
]

_LAZY = {"KERNELS": "formulas", "median_bandwidth": "formulas", "NeuralTangent": "neural_tangent", "SOLVERS": "solvers"}


def __getattr__(name: str) -> Any:
    """Imports a public name from the module that holds it (PEP 562)."""
    if name in _LAZY:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
