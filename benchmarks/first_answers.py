"""How long the commands take whose answer costs nothing: what is measured is what they import.

Each is a process of its own, as a user starts it, with the byte code of the package compiled as pip leaves it. The
processor's time stands beside the clock's, which other work disturbs more, and decides what was reached: on a machine
that does nothing else the two are the same. The limit is the time of an interpreter that
imports what no answer can do without: Typer for the command line, and NumPy where there is something to compute.
"""

import os
import resource
import subprocess
import sys
import time
from typing import Any

from benchmarks.table import Line, spread, told

GENGAP = (sys.executable, "-m", "gengap")
COMMANDS = {
    "certify --errors 30 --n 10000 --json": 0.5,  # the seconds wanted, where any are
    "--version": None,
    "--help": None,
    "certify --help": None,
    "data list": None,
    "study list": None,
    "models": None,
    "certify --erors 30": None,
    "audit made.up:network --data missing.npz": None,
}
LIMIT = "import typer._adapters, numpy"  # the adapters are loaded where there are options to parse


def run(rounds: int = 3) -> dict[str, Any]:
    """Seconds of every command on the clock and of the processor, and those of the limit."""
    commands = {line: [*GENGAP, *line.split()] for line in COMMANDS} | {LIMIT: [sys.executable, "-c", LIMIT]}
    timed: dict[str, list[tuple[float, float]]] = {line: [] for line in commands}
    for _ in range(rounds + 1):
        for line, command in commands.items():
            timed[line].append(process(command))
    found = {
        line: {"seconds": spread([wall for wall, _ in each[1:]]), "processor": spread([used for _, used in each[1:]])}
        for line, each in timed.items()  # the first round compiles and warms the disk
    }
    return {"limit": found.pop(LIMIT), "commands": found}


def process(command: list[str]) -> tuple[float, float]:
    """Seconds of one process, on the clock and of the processor."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, start = _processor_seconds(), time.perf_counter()
    subprocess.run(command, env=environment, capture_output=True, check=False)
    return time.perf_counter() - start, _processor_seconds() - before


def _processor_seconds() -> float:
    """Of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def lines(found: dict[str, Any]) -> list[Line]:
    """One line a command."""
    limit = f"{found['limit']['processor']['median']:.2g} s of processor time: Typer and NumPy imported"
    return [_line(command, of, limit) for command, of in found["commands"].items()]


def _line(command: str, found: dict[str, Any], limit: str) -> Line:
    wanted, median = COMMANDS.get(command), found["processor"]["median"]
    verdict = (
        "" if wanted is None else f"<= {wanted:g} s of the processor: {'reached' if median <= wanted else 'missed'}"
    )
    return Line(
        f"gengap {command}, as a process",
        f"{told(found['seconds'], 's')}, {median:.2g} s of processor time",
        limit=limit,
        wanted=verdict,
    )
