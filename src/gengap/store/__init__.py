"""Rows and their keys on disk: one SQLite file that survives interruption, shared by every sweep."""

from gengap.home import home
from gengap.store.columns import Row
from gengap.store.errors import store_errors
from gengap.store.store import FAILURES, RESULTS, STATUSES, DamagedRowWarning, Store

__all__ = [
    # where rows are
    "Store",
    "home",
    # what a row is
    "Row",
    "RESULTS",
    "FAILURES",
    "STATUSES",
    # what goes wrong
    "DamagedRowWarning",
    "store_errors",
]
