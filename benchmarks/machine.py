"""This machine: what it is, what is installed, and how fast it multiplies matrices."""

import importlib.metadata
import os
import platform
import re
import time
import timeit
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import torch

import gengap
from gengap.sweep import available_cores

# Of the processor's flags, those that decide how fast matrices are multiplied. (Arm's are called Features.)
INSTRUCTION_SETS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve", "sme", "bf16")
MATRIX_UNITS = ("amx_bf16", "sme")
PACKAGES = ("torch", "numpy", "scipy")
SIDE, PRODUCTS = 4096, 5


def facts() -> dict[str, Any]:
    """Processor, cores, instruction sets, memory, GPU, load now, versions, date."""
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": available_cores(),
        "threads": threads(),
        "instruction_sets": instruction_sets(),
        "memory_gib": _memory_gib(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "load_average": [round(load, 1) for load in os.getloadavg()],
        "system": platform.platform(),
        "python": platform.python_version(),
        "gengap": gengap.__version__,
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def kind(of: dict[str, Any]) -> str:
    """A short name of the kind of machine that facts are of, fit for a folder: processor, matrix units, GPU."""
    units = [name.partition("_")[0] for name in of["instruction_sets"] if name in MATRIX_UNITS]
    words = re.sub(r"\((R|TM)\)|\bProcessor\b|\bCPU\b|@.*", " ", of["processor"])
    return re.sub(r"[^a-z0-9]+", "-", " ".join([words, *units, of["gpu"] or ""]).lower()).strip("-")


def instruction_sets() -> list[str]:
    """Which of ``INSTRUCTION_SETS`` the processor has."""
    flags = (_first("/proc/cpuinfo", "flags") or _first("/proc/cpuinfo", "Features") or "").split()
    return [name for name in INSTRUCTION_SETS if name in flags]


def has_matrix_units() -> bool:
    """Whether the processor multiplies bfloat16 matrices in units of their own, for which the wanted ratios hold."""
    return any(name in MATRIX_UNITS for name in instruction_sets())


def peaks() -> dict[str, float]:
    """Floating-point operations per second in each precision that the processor multiplies in."""
    narrow = ["bfloat16"] if any("bf16" in name for name in instruction_sets()) else []
    return {precision: peak(precision) for precision in ["float64", "float32", *narrow]}


def told_peaks(of: dict[str, Any]) -> str:
    """The peaks of one thread by the facts, for people; empty where they hold none."""
    found = of.get("peaks", {})
    return ", ".join(f"{rate / of['threads'] / 1e9:.0f} GFLOP/s in {precision}" for precision, rate in found.items())


def limit(found: dict[str, Any], work: dict[str, float], what: str, *, of_one_thread: bool = False) -> str:
    """Seconds that some work takes at the peaks recorded with what a benchmark found; empty where none are.

    Args:
        found: With the facts of its machine.
        work: Floating-point operations by precision.
        what: Words for the work.
        of_one_thread: Seconds of the processor, not those of all threads at once.
    """
    facts = found.get("machine", {})
    if not work.keys() <= facts.get("peaks", {}).keys():
        return ""
    seconds = sum(count / facts["peaks"][precision] for precision, count in work.items())
    if of_one_thread:
        return f"{seconds * facts['threads']:.3g} s of processor time: {what}"
    return f"{seconds:.3g} s: {what}"


@cache
def peak(precision: str) -> float:
    """Floating-point operations per second of the fastest of some products of 4096 x 4096 matrices, on all cores.

    By processor time, of which other work takes nothing.
    """
    dtype = getattr(torch, precision)
    a, b = torch.randn(2, SIDE, SIDE).to(dtype)
    out = torch.empty(SIDE, SIDE, dtype=dtype)
    times = timeit.repeat(lambda: torch.mm(a, b, out=out), timer=time.process_time, number=1, repeat=PRODUCTS + 1)
    return 2 * SIDE**3 / min(times) * threads()


def threads() -> int:
    """How many threads share the work."""
    return torch.get_num_threads()


def _memory_gib() -> float | None:
    total = _first("/proc/meminfo", "MemTotal")
    return round(int(total.split()[0]) / 2**20, 1) if total else None


def _first(path: str, key: str) -> str | None:
    """The value of the first line ``key : value`` of a file, if there is one."""
    if not Path(path).exists():
        return None
    pairs = (line.partition(":") for line in Path(path).read_text(encoding="utf-8").splitlines())
    return next((value.strip() for name, _, value in pairs if name.strip() == key), None)
