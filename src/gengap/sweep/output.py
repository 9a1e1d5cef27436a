"""Standard output is the answer's: what work prints goes to standard error, also from C or a child process."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress


@contextmanager
def output_to_stderr() -> Iterator[None]:
    """File descriptor 1 and ``sys.stdout`` lead to standard error meanwhile."""
    with redirect_stdout(sys.stderr):
        saved = _redirected()
        try:
            yield
        finally:
            if saved is not None:
                _flush()
                os.dup2(saved, 1)
                os.close(saved)


def _redirected() -> int | None:
    """A copy of descriptor 1, which now leads to that of standard error; None where there is no such descriptor."""
    _flush()
    try:
        saved = os.dup(1)
    except OSError:
        return None
    try:
        os.dup2(2, 1)
    except OSError:
        os.close(saved)
        return None
    return saved


def _flush() -> None:
    for stream in (sys.__stdout__, sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()  # type: ignore[union-attr]
