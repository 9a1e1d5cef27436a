"""Sweeps: many jobs, run once each, on this machine or on a Ray cluster, resumable."""

from gengap.sweep.isolated import isolated, on_node
from gengap.sweep.jobs import Context, Failure, Interrupted, Job, SweepResult, Unit, Work
from gengap.sweep.layout import Layout, Prepare, choose_layout
from gengap.sweep.own_modules import is_own_file, own_modules
from gengap.sweep.rows import Options, Plan, job_rows
from gengap.sweep.run import run
from gengap.sweep.runners import Share
from gengap.sweep.scratch import scratch_folder
from gengap.sweep.threads import available_cores

__all__ = [
    # what is to be run
    "Context",
    "Job",
    "Unit",
    "Work",
    # from jobs to rows
    "Options",
    "Plan",
    "job_rows",
    "run",
    "isolated",
    # a Ray cluster
    "Share",
    "on_node",
    # what came of it
    "Failure",
    "Interrupted",
    "SweepResult",
    # this machine
    "Layout",
    "Prepare",
    "available_cores",
    "choose_layout",
    "scratch_folder",
    # code of the user's
    "is_own_file",
    "own_modules",
]
