"""Child processes: started by spawn, with the threads divided, deaf to Ctrl-C, one pipe each."""

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from types import ModuleType
from typing import Any

from gengap.errors import InputError
from gengap.sweep import failures
from gengap.sweep.failures import Cause
from gengap.sweep.threads import environment

_SPAWN = multiprocessing.get_context("spawn")
_PATIENCE_S = 2.0


class Ended(Exception):  # noqa: N818 - an event, not an error
    """The process has ended; ``cause`` tells how."""

    def __init__(self, cause: Cause):
        super().__init__(cause.reason)
        self.cause = cause


class Child:
    """A process that runs ``target(connection, *arguments)``, and the parent's end of its pipe.

    Args:
        target: A function of a module that the child can import, which the main module is not.
        arguments: Picklable.
        threads: What numerical libraries of the child compute with.
    """

    def __init__(self, target: Callable[..., None], *arguments: Any, threads: int):
        self._connection, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_quietly, args=(target, theirs, *arguments), daemon=True)
        self._has_spoken = False
        with environment(threads), _interrupts_blocked(), _main_left_alone():
            self._process.start()
        theirs.close()

    @property
    def waitables(self) -> list[Any]:
        """For ``multiprocessing.connection.wait``: one is ready when there is something to ``receive``."""
        return [self._connection, self._process.sentinel]

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
            f"A worker process could not begin (exit status {code}); the last line of its traceback above tells why.",
            expected="modules that a new process can import",
            next_step="mend what the traceback names, or use one worker",
        )

    def send(self, message: Any) -> None:
        """Sends a message; one to a process that has ended is lost, and ``receive`` tells of the end."""
        with suppress(OSError):
            self._connection.send(message)

    def stop(self) -> None:
        """Ends the process, whatever it is doing."""
        self._process.terminate()
        self._process.join(_PATIENCE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._connection.close()


def _quietly(target: Callable[..., None], connection: Any, *arguments: Any) -> None:
    """The child's main function: when the parent is gone there is nothing left to do, and nobody to tell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        target(connection, *arguments)


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
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
