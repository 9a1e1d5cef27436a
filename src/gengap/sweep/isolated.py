"""Calls in a worker process: for code of the user's that may end the process that runs it."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from gengap.errors import InputError
from gengap.store import Row
from gengap.sweep.failures import Cause
from gengap.sweep.jobs import Context
from gengap.sweep.runners import Outcome, Share
from gengap.sweep.runners.parcel import packed
from gengap.sweep.runners.ray import one_on_ray
from gengap.sweep.runners.workers import Unimportable, whole
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
    try:
        parcel = packed(_call, [(function, arguments)])
    except Exception:  # it cannot be sent
        return function(*arguments)
    checkpoint = Path(tempfile.gettempdir())
    outcome = whole(parcel, checkpoint, threads=available_cores(), timeout_s=timeout_s)
    if isinstance(outcome, Unimportable):
        return function(*arguments)
    value: T = _value(what, outcome)
    return value


def on_node(share: Share, function: Callable[..., T], *arguments: Any, timeout_s: float = 3600.0) -> T:
    """What ``function(*arguments)`` returns on some node of a Ray cluster, in a worker process there.

    Args:
        share: What the call takes.
        function: A function of a module that every node can import; it returns what JSON can hold.
        arguments: Picklable.
        timeout_s: How long it may take.

    Raises:
        InputError: As ``isolated``, and ``gengap.sweep.runners.cluster.connected``.
    """
    outcome = one_on_ray(packed(_call, [(function, arguments)]), share, timeout_s)
    value: T = _value(f"{function.__module__}.{function.__qualname__} on a node", outcome)
    return value


def _value(what: str, outcome: Outcome) -> Any:
    if isinstance(outcome, Cause):
        raise InputError(f"{what}: {outcome.reason}.", next_step="mend it, then run again")
    (row,) = outcome
    if row["status"] != "done":
        raise InputError(row["what"], expected=row["expected"], next_step=row["next_step"])
    return row["value"]


def _call(payloads: list[Any], context: Context) -> list[Row]:
    ((function, arguments),) = payloads
    try:
        return [{"status": "done", "value": function(*arguments)}]
    except InputError as error:
        return [{"status": "failed", "what": error.what, "expected": error.expected, "next_step": error.next_step}]
