"""``probe``: one family of measurements that differentiate or train, of a network whose weights are in a file."""

from gengap.tasks.probe.answer import ProbeAnswer
from gengap.tasks.probe.subject import ProbeSubject, probe_subject

__all__ = ["ProbeAnswer", "ProbeSubject", "probe_subject"]
