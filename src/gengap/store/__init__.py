"""Rows and their keys on disk: one SQLite file that survives interruption, shared by every sweep."""

from gengap.store.home import home
from gengap.store.store import FAILURES, RESULTS, STATUSES, Row, Store

__all__ = ["FAILURES", "RESULTS", "STATUSES", "Row", "Store", "home"]
