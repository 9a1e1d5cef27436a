"""Sweeps: many jobs, run once each, on this machine, resumable."""

from gengap.sweep.jobs import Context, Failure, Interrupted, Job, SweepResult, Unit, Work
from gengap.sweep.kept import kept
from gengap.sweep.layout import Layout, Prepare, choose_layout
from gengap.sweep.run import run
from gengap.sweep.threads import available_cores

__all__ = [
    "Context",
    "Failure",
    "Interrupted",
    "Job",
    "Layout",
    "Prepare",
    "SweepResult",
    "Unit",
    "Work",
    "available_cores",
    "choose_layout",
    "kept",
    "run",
]
