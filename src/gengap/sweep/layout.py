"""How to divide this machine's cores: few workers with many threads, or many with few. Measured once, then kept."""

import operator
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any

from gengap.console import Console
from gengap.measured_once import measured_once
from gengap.sweep import failures
from gengap.sweep.failures import Cause
from gengap.sweep.process import Child, Ended
from gengap.sweep.threads import available_cores, limited

Prepare = Callable[[int], Callable[[], object]]
"""``prepare(threads)`` loads what is needed and returns a function that does one short piece of the work."""


_LIMIT_S = 900.0  # for one piece of work, or its preparation


@dataclass(frozen=True)
class Layout:
    """How many worker processes, and how many threads each computes with."""

    workers: int
    threads: int


def choose_layout(prepare: Prepare, key: str, *, units: int, cores: int | None = None, seconds: float = 2.0) -> Layout:
    """The layout that does the most pieces of work in a second on this machine, of at most ``units`` workers.

    Tried are 1, 2, 4, … workers up to one a core, the cores divided among them, all at work at the same time. The
    measurements are kept in ``layouts.json`` in ``gengap.home.home()``, so later calls with the same key on the
    same machine give the same layout.

    Args:
        prepare: A function of an importable module; see ``Prepare``. It runs in the processes that are measured.
        key: Tells this kind of work from others: model, shape, precision, version of torch.
        units: How many units the whole sweep has, finished ones included, so that a resumed sweep computes with
            as many threads as before.
        cores: Cores to divide; None takes those this process may use.
        seconds: How long each layout is measured.

    Raises:
        RuntimeError: The work raised something other than lack of memory.
    """
    cores = cores or available_cores()
    if cores == 1 or units <= 1:
        return Layout(1, cores)
    machine = f"{platform.node()} {platform.machine()}, {cores} cores"
    fastest = partial(_fastest, units=units)
    return measured_once("layouts.json", f"{machine}: {key}", lambda: _measure_all(prepare, cores, seconds), fastest)


def _fastest(measured: list[dict[str, Any]], units: int) -> Layout:
    """The best of the measured layouts with at most ``units`` workers."""
    best = max((m for m in measured if m["workers"] <= units), key=lambda m: m["per_second"])
    return Layout(operator.index(best["workers"]), operator.index(best["threads"]))


def _measure_all(prepare: Prepare, cores: int, seconds: float) -> list[dict[str, Any]]:
    notice = f"Measuring, once for this kind of work, how best to divide {cores} cores."
    Console(stderr=True).print(notice, highlight=False, soft_wrap=True)
    return [
        asdict(layout) | {"per_second": _pieces_per_second(prepare, layout, seconds)} for layout in _candidates(cores)
    ]


def _candidates(cores: int) -> list[Layout]:
    """1, 2, 4, … workers, and one a core."""
    workers = sorted({2**i for i in range(cores.bit_length()) if 2**i <= cores} | {cores})
    return [Layout(n, cores // n) for n in workers]


def _pieces_per_second(prepare: Prepare, layout: Layout, seconds: float) -> float:
    """Of all processes together; 0 where memory does not suffice."""
    children = [Child(_time, prepare, layout.threads, seconds, threads=layout.threads) for _ in range(layout.workers)]
    try:
        if None in [_result(child) for child in children]:
            return 0.0
        for child in children:
            child.send("go")
        rates = [_result(child) for child in children]
    finally:
        for child in children:
            child.stop()
    return 0.0 if None in rates else sum(rate for rate in rates if rate is not None)


def _result(child: Child) -> float | None:
    """What the child sent; None when it lacks memory."""
    if not wait(child.waitables, _LIMIT_S):
        raise RuntimeError(f"Measuring how to divide the cores took longer than {_LIMIT_S:g} s.")
    try:
        message: float | Cause = child.receive()
    except Ended as end:
        message = end.cause
    if not isinstance(message, Cause):
        return message
    if message.status != "out-of-memory":
        raise RuntimeError(f"Measuring how to divide the cores failed. {message.reason}\n{message.traceback}")
    return None


def _time(connection: "Connection[Any, Any]", prepare: Prepare, threads: int, seconds: float) -> None:
    """The child: warms up, waits until all are ready, and sends how many pieces it did a second."""
    try:
        with limited(threads):
            piece = prepare(threads)
            piece()
            connection.send(0.0)
            connection.recv()
            connection.send(_rate(piece, seconds))
    except Exception as error:
        connection.send(failures.of_exception(error))


def _rate(piece: Callable[[], object], seconds: float) -> float:
    started, done = time.perf_counter(), 0
    while (passed := time.perf_counter() - started) < seconds or done == 0:
        piece()
        done += 1
    return done / passed
