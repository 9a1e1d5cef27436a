"""Child processes: started by spawn, with the threads divided, deaf to Ctrl-C, and never outliving their parent."""

import atexit
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import parent_process, resource_tracker
from multiprocessing.connection import wait
from multiprocessing.reduction import ForkingPickler
from types import ModuleType
from typing import Any

from gengap.errors import InputError
from gengap.sweep import failures
from gengap.sweep.failures import Cause
from gengap.sweep.threads import environment

_SPAWN = multiprocessing.get_context("spawn")
_FOR_THE_PARENT = {getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)}
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's prctl


class Ended(Exception):  # noqa: N818 - an event, not an error
    """The process has ended; ``cause`` says how."""

    def __init__(self, cause: Cause):
        super().__init__(cause.reason)
        self.cause = cause


class Child:
    """A process that runs ``target(connection, *arguments)``, and the parent's end of its pipe.

    It ends when its parent does, whatever ends that and whatever it is doing itself.

    Args:
        target: A function of a module that the child can import, which the main module is not.
        arguments: Picklable.
        threads: What numerical libraries of the child compute with.
    """

    def __init__(self, target: Callable[..., None], *arguments: Any, threads: int):
        self._connection, theirs = _SPAWN.Pipe()
        # No daemon in multiprocessing's sense, since those may have no children: what trains may load data in some.
        self._process = _SPAWN.Process(target=_begin, args=(os.getpid(), target, theirs, *arguments))
        self._has_spoken = False
        with environment(threads), _interrupts_blocked(), _main_left_alone():
            _RUNNING.add(self)
            self._process.start()
        theirs.close()

    @property
    def waitables(self) -> list[Any]:
        """For ``multiprocessing.connection.wait``: one is ready when there is something to ``receive``."""
        return [self._connection, self._process.sentinel]

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    def receive(self) -> Any:
        """The next message; waits for it.

        Raises:
            Ended: The process has ended, and all its messages were received.
            InputError: It ended by itself before its first message.
        """
        wait(self.waitables)
        try:
            if self._connection.poll():
                message = self._connection.recv()
                self._has_spoken = True
                return message
        except (EOFError, OSError):
            pass
        self._process.join()
        code = self._process.exitcode
        if self._has_spoken or (code is not None and code < 0):
            raise Ended(failures.of_exit(code))
        raise InputError(
            f"A worker process could not begin (exit status {code}); the last line of its traceback above says why.",
            expected="modules that a new process can import",
            next_step="mend what the traceback names",
        )

    def send(self, message: Any) -> None:
        """Sends a message; one to a process that has ended is lost, and ``receive`` reports the end.

        Raises:
            Exception: What pickling the message raises.
        """
        content = ForkingPickler.dumps(message)
        with suppress(OSError):
            self._connection.send_bytes(content)

    def stop(self) -> None:
        """Ends the process and its children, whatever they are doing."""
        _RUNNING.discard(self)
        with suppress(OSError, AttributeError, TypeError):
            os.killpg(self._process.pid, signal.SIGKILL)  # type: ignore[arg-type]
        with suppress(AttributeError, ValueError):  # it was never started
            self._process.kill()
            self._process.join()
        self._connection.close()


_RUNNING: set[Child] = set()


@atexit.register  # before multiprocessing waits for its children
def _stop_all() -> None:
    for child in list(_RUNNING):
        child.stop()


def _begin(parent: int, target: Callable[..., None], connection: Any, *arguments: Any) -> None:
    """The child's main function.

    Ctrl-C and the end of the terminal are for the parent, which ends its children. What is written to standard output,
    in whatever way, goes to standard error.
    """
    for number in _FOR_THE_PARENT:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FOR_THE_PARENT)
    with suppress(OSError, AttributeError):
        os.setpgid(0, 0)
    _end_with(parent)
    with suppress(OSError):
        os.dup2(2, 1)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        target(connection, *arguments)


def _end_with(parent: int) -> None:
    """This process ends when its parent does, also in the middle of a computation."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before that
            os._exit(1)
    threading.Thread(target=_watch_parent, name="gengap parent", daemon=True).start()


def _watch_parent() -> None:
    process = parent_process()
    if process is not None:
        wait([process.sentinel])
        os._exit(1)


@contextmanager
def _main_left_alone() -> Iterator[None]:
    """A process started meanwhile does not import the main module, so that a script needs no guard against it."""
    own = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = own


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A process started meanwhile never sees Ctrl-C, not even while it imports; this one sees it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its own start would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_PARENT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
