"""``audit``: has a model that was trained elsewhere learned or memorised, and what is its score worth?"""

from gengap.tasks.audit.task import Audit, audit

__all__ = ["Audit", "audit"]
