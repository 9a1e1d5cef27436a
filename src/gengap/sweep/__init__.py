"""Sweeps: many jobs, run once each, on this machine, resumable."""

from gengap.sweep.jobs import Context, Failure, Interrupted, Job, SweepResult, Unit, Work
from gengap.sweep.run import run

__all__ = ["Context", "Failure", "Interrupted", "Job", "SweepResult", "Unit", "Work", "run"]
