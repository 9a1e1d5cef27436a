"""Where units run: in workers on this machine, or, for work that these cannot import, in this process."""

from gengap.sweep.runners.attempt import Checkpoints, Outcome, Outcomes
from gengap.sweep.runners.here import in_process
from gengap.sweep.runners.workers import in_workers, stop_gpu_workers

__all__ = ["Checkpoints", "Outcome", "Outcomes", "in_process", "in_workers", "stop_gpu_workers"]
