"""Calls in a worker process: for code of the user's that may end the process that runs it."""

import tempfile
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, TypeVar

from gengap.errors import InputError
from gengap.store import Row
from gengap.sweep.failures import Cause
from gengap.sweep.jobs import Context, Job
from gengap.sweep.progress import Board
from gengap.sweep.runners.workers import Unimportable, Worker
from gengap.sweep.threads import available_cores

T = TypeVar("T")


def isolated(what: str, function: Callable[..., T], *arguments: Any, timeout_s: float = 3600.0) -> T:
    """What ``function(*arguments)`` returns, called in a worker process; here, where no worker can import it.

    Args:
        what: What the code is, for the message, e.g. ``"mynet:make"``.
        function: A function of an importable module that returns what JSON can hold.
        arguments: Picklable.
        timeout_s: How long it may take.

    Raises:
        InputError: What the function raised as such, or that it raised something else, ended its process or hung.
    """
    worker = Worker(available_cores(), timeout_s)
    board = Board(1, 0, shown=False)
    worker.begin([Job(what, what, (function, arguments))], _call, lambda unit: Path(tempfile.gettempdir()), board)
    try:
        while (outcome := worker.poll(board)) is None:
            wait(worker.child.waitables, worker.patience)
    except BaseException:
        worker.child.stop()
        raise
    worker.end()
    if isinstance(outcome, Unimportable):
        return function(*arguments)
    if isinstance(outcome, Cause):
        raise InputError(f"{what}: {outcome.reason}.", next_step="mend it, then run again")
    (row,) = outcome
    if row["status"] != "done":
        raise InputError(row["what"], expected=row["expected"], next_step=row["next_step"])
    value: T = row["value"]
    return value


def _call(payloads: list[Any], context: Context) -> list[Row]:
    ((function, arguments),) = payloads
    try:
        return [{"status": "done", "value": function(*arguments)}]
    except InputError as error:
        return [{"status": "failed", "what": error.what, "expected": error.expected, "next_step": error.next_step}]
