"""A part of an audit: what it found or why it found nothing, the time it may take, and how all parts are run."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from gengap.bars import Update
from gengap.errors import InputError
from gengap.report import Block

Status = Literal["ok", "partial", "not converged", "not applicable", "left out", "failed"]
SHARES = {  # of the time of an audit: what each part may take
    "predictions": 0.12,
    "near duplicates": 0.08,
    "measures": 0.4,
    "coherence": 0.12,
    "curvature": 0.12,
    "suspects": 0.1,
}

TOO_LONG = 3  # times its share: a part that would take longer on the fewest examples is left out


class NotApplicable(Exception):  # noqa: N818 - no error: what a part says of itself
    """A part that has no meaning here; the message says why."""


class LeftOut(Exception):  # noqa: N818 - likewise
    """A part that was not asked for; the message says how it is."""


@dataclass(frozen=True)
class Part:
    """One part of the report.

    Attributes:
        name: In JSON, e.g. ``"near_duplicates"``.
        title: On the page.
        sentence: The finding in one or two sentences; empty where there is none.
        values: Name -> number, text, list or None.
        blocks: Makes what the page shows.
        sample: On which examples, in words.
        status: ``ok``; ``partial``: something is missing; ``not converged``; ``not applicable``: it has no meaning for
            this model or these data; ``left out``: it would take too long, or was not asked for; ``failed``.
        reason: Why it is not ``ok``.
        not_covered: Names of what the values leave out, such as layers.
        seconds: How long it took.
    """

    name: str
    title: str
    sentence: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    blocks: Callable[[], Sequence[Block]] = tuple
    sample: str = ""
    status: Status = "ok"
    reason: str = ""
    not_covered: Sequence[str] = ()
    seconds: float = 0.0

    def record(self) -> dict[str, Any]:
        """Status and values, for JSON."""
        return {
            "name": self.name,
            "status": self.status,
            "reason": self.reason or None,
            "sentence": self.sentence or None,
            "sample": self.sample or None,
            "not_covered": list(self.not_covered),
            "seconds": self.seconds,
            "values": dict(self.values),
        }


class Budget:
    """How long an audit may take, and how far it is.

    Args:
        seconds: For all parts together; None is without limit.
        report: Called with (done, total, text): seconds of those expected.
    """

    def __init__(self, seconds: float | None, report: Update | None = None):
        self.seconds = seconds
        self._report = report
        self._done = 0.0
        self._started = time.perf_counter()

    def of(self, name: str) -> float:
        """Seconds that the part of this name may take."""
        return float("inf") if self.seconds is None else SHARES.get(name, 0.02) * self.seconds

    @property
    def spent(self) -> bool:
        """Whether the whole time is over, and half of it again: parts that would take long are left out then."""
        return self.seconds is not None and time.perf_counter() - self._started > 1.5 * self.seconds

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time that does not count: trainings that the user asked for take what they take."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._started += time.perf_counter() - started

    def affordable(self, name: str, seconds_each: float, most: int, *, least: int = 1) -> int:
        """How many examples of a part's work fit into its time, between ``least`` and ``most``."""
        fitting = self.of(name) / max(seconds_each, 1e-9)
        return int(min(most, max(least, min(fitting, most))))

    def tell(self, text: str, share: float = 0.0, name: str = "") -> None:
        """Says what is being done, a share of a part being done already."""
        if self._report is not None:
            total = sum(SHARES.values())
            done = self._done + share * SHARES.get(name, 0.02)
            self._report(round(100 * min(done / total, 1.0)), 100, text)

    def finish(self, name: str) -> None:
        """A part is done."""
        self._done += SHARES.get(name, 0.02)


def run_part(name: str, title: str, work: Callable[[], Part], budget: Budget, *, long: bool = False) -> Part:
    """What a part found; its failure becomes a status with its reason, so that the report stands without it.

    Args:
        name: Of the part.
        title: On the page.
        work: Makes the part.
        budget: The time.
        long: Whether it is left out where the time is over already.
    """
    started = time.perf_counter()
    budget.tell(title, name=name)
    part = Part(name.replace(" ", "_"), title)
    if long and budget.spent:
        reason = f"the time of the audit, {budget.seconds:.0f} s, was over before it; --full has no limit"
        part = replace(part, status="left out", reason=reason)
    else:
        part = _outcome(part, work)
    budget.finish(name)
    return replace(part, name=name.replace(" ", "_"), title=title, seconds=time.perf_counter() - started)


def _outcome(part: Part, work: Callable[[], Part]) -> Part:
    try:
        return work()
    except NotApplicable as absent:
        return replace(part, status="not applicable", reason=str(absent))
    except LeftOut as unasked:
        return replace(part, status="left out", reason=str(unasked))
    except InputError as refused:
        return replace(part, status="not applicable", reason=told(refused))
    except Exception as error:  # an unforeseen network's failure in one part must not cost the other parts
        return replace(part, status="failed", reason=told(error))


def told(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, InputError):
        return " ".join(str(error).split("\n"))
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    message = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {message}"[:400]
