"""Logs of evaluation tools and tables of scores, read into one form."""

from gengap.tasks.certify.logs.reading import read_log

__all__ = ["read_log"]
