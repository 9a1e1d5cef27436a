"""Where units run: in workers on this machine, on a Ray cluster, or, for work that none can import, in this process."""

from gengap.sweep.runners.attempt import Checkpoints, Outcome, Outcomes
from gengap.sweep.runners.here import in_process
from gengap.sweep.runners.ray import on_ray
from gengap.sweep.runners.share import Share
from gengap.sweep.runners.workers import in_workers, stop_gpu_workers

__all__ = ["Checkpoints", "Outcome", "Outcomes", "Share", "in_process", "in_workers", "on_ray", "stop_gpu_workers"]
