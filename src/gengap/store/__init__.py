"""Rows and their keys on disk: one SQLite file that survives interruption, shared by every sweep."""

from gengap.store.home import home
from gengap.store.problems import explained
from gengap.store.store import FAILURES, RESULTS, STATUSES, Row, Store

__all__ = ["FAILURES", "RESULTS", "STATUSES", "Row", "Store", "explained", "home"]
