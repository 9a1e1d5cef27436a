"""Where units run: in this process, or in workers on this machine."""

from gengap.sweep.runners.attempt import Checkpoints, Outcome, Outcomes
from gengap.sweep.runners.here import in_process
from gengap.sweep.runners.workers import in_workers

__all__ = ["Checkpoints", "Outcome", "Outcomes", "in_process", "in_workers"]
