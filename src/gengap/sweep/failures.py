"""Which failure an exception or the end of a process is."""

import signal
import traceback
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """Why a unit gave no result: columns of its rows.

    Attributes:
        status: One of ``gengap.store.FAILURES``.
        reason: One line for people.
        traceback: Where it happened, if an exception was the cause.
    """

    status: str
    reason: str
    traceback: str = ""


def of_exception(error: BaseException) -> Cause:
    """The failure that an exception out of a work function is."""
    try:
        reason = f"{type(error).__name__}: {error}".strip().removesuffix(":")
    except Exception:  # an exception class of the user's that cannot be printed
        reason = type(error).__name__
    status = "out-of-memory" if _lacks_memory(error) else "failed"
    return Cause(status, reason, "".join(traceback.format_exception(error)))


def of_exit(exit_code: int | None) -> Cause:
    """The failure that the end of a worker process is, from ``multiprocessing.Process.exitcode``."""
    if exit_code is None or exit_code >= 0:
        return Cause("failed", f"worker ended with exit status {exit_code}")
    if -exit_code == signal.SIGKILL:
        return Cause("out-of-memory", "worker killed by SIGKILL, which is what a system short of memory does")
    named = {number.value: number.name for number in signal.Signals}  # real-time signals have no names
    return Cause("failed", f"worker killed by {named.get(-exit_code, f'signal {-exit_code}')}")


def of_time_out(timeout_s: float) -> Cause:
    """The failure of a unit that took longer than it may."""
    return Cause("timed-out", f"took longer than {timeout_s:g} s")


def _lacks_memory(error: BaseException) -> bool:
    """True for MemoryError, and for what torch raises instead (known by name: torch is not imported here)."""
    if isinstance(error, MemoryError) or any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in "".join(map(repr, error.args))
