"""What a sweep is made of, and what comes out of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gengap.store import Row


@dataclass(frozen=True)
class Job:
    """One piece of work that leads to one stored row.

    Attributes:
        key: Its identity: the row's key. A job whose key has a stored result is not run again.
        title: What progress shows, e.g. ``"mlp-1x512 labels 0.5 seed 0"``.
        payload: What the work function needs; picklable.
        columns: What is known of the row before the job runs; part of the row even when the job fails.
    """

    key: str
    title: str
    payload: Any
    columns: Mapping[str, Any] = field(default_factory=dict)


Unit = Sequence[Job]
"""Jobs that run together, such as the replicas of one training; most often a single job."""


@dataclass(frozen=True)
class Context:
    """What a work function is given besides its payloads.

    Attributes:
        checkpoint: A file the unit may keep its checkpoint in, the same when it is run again; it stands in a
            folder of its own, which exists, and which is removed once the unit's results are stored.
        threads: How many threads the unit should compute with.
        report: ``report(done, total, text)`` shows progress, e.g. ``report(3, 20, "accuracy 0.91")``; cheap enough
            to be called for each step.
    """

    checkpoint: Path
    threads: int
    report: Callable[[int, int, str], None]


Work = Callable[[list[Any], Context], list[Row]]
"""``work(payloads, context)`` gives one row for each payload, in their order, each with a ``status``."""


@dataclass(frozen=True)
class Failure:
    """A job without a result, and why; it is tried again by the next run."""

    key: str
    title: str
    status: str
    reason: str


@dataclass(frozen=True)
class SweepResult:
    """What a sweep came to.

    Attributes:
        done: Jobs that ran and gave a result.
        reused: Jobs whose result was stored before.
        failed: Jobs without a result; when there are any, a command exits with status 3.
        seconds: Wall time of the whole.
    """

    done: int
    reused: int
    failed: tuple[Failure, ...]
    seconds: float


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a sweep; the message says how much is stored and how to go on."""

    def __init__(self, stored: int, total: int):
        super().__init__(f"Interrupted: run the same command again to go on; {stored} of {total} cells are stored.")
