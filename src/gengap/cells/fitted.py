"""One's own trainings as stored rows: Problem x corruption x training x seed."""

import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from uuid import uuid4

import numpy as np
import torch

from gengap import __version__
from gengap.cells.cell import FORMAT, commit, corrupted
from gengap.cells.identity import NotHashable, identity
from gengap.cells.trained import device_of, save, workers_for
from gengap.data import Problem, open_problem, preprocessed
from gengap.errors import InputError
from gengap.keys import job_key
from gengap.store import RESULTS, Row, Store
from gengap.sweep import Context, Job, Options, Plan, SweepResult, job_rows, scratch_folder
from gengap.train import OUTCOME, OwnTraining, outcome, own_place

REPEATED_WITHIN_S = 60.0  # a training that takes longer is not done a second time to see whether it repeats itself


@dataclass(frozen=True)
class Identified:
    """A training with the hash that its rows are stored under.

    Attributes:
        training: The training.
        key: Its identity; a new one each time where nothing can be hashed.
        reason: Why its rows are not stored; empty where they are.
    """

    training: OwnTraining
    key: str
    reason: str

    @classmethod
    def of(cls, training: OwnTraining) -> "Identified":
        """The training with its identity."""
        try:
            settings = sorted(training.settings.items())
            return cls(training, job_key(training.name, identity((training.target, settings))), "")
        except NotHashable as error:
            return cls(training, uuid4().hex, str(error))


@dataclass(frozen=True)
class FitCell:
    """One training of the user's on a Problem, corrupted at a level, with a seed.

    Attributes:
        problem: The Problem before the corruption.
        fit: The training.
        seed: What the training is given; the corruption is drawn from a stream of its own.
        corruption: Name of a corruption, or ``"none"``.
        level: Its level.
        repeat: Whether this is a second run of the same, which shows whether a training repeats itself.
    """

    problem: Problem
    fit: Identified
    seed: int = 0
    corruption: str = "none"
    level: float = 0.0
    repeat: bool = False

    @cached_property
    def key(self) -> str:
        """The cell's identity: 32 hexadecimal digits."""
        again = ["again"] if self.repeat else []
        corruption = [self.corruption, float(self.level)]
        return job_key("fit", FORMAT, self.problem.hash, *corruption, self.fit.key, self.seed, *again)

    @property
    def title(self) -> str:
        """For people."""
        what = "true labels" if self.corruption == "none" else f"{self.corruption} {self.level:g}"
        again = " · once more" if self.repeat else ""
        return f"{self.fit.training.name} · {self.problem.name} · {what} · seed {self.seed}{again}"

    def columns(self) -> Row:
        """What is known of the row before the cell has run."""
        return {
            **dict.fromkeys(OUTCOME),
            "history": [],
            "kind": "fit again" if self.repeat else "fit",
            "problem": self.problem.name,
            "problem_hash": self.problem.hash,
            "corruption": self.corruption,
            "level": float(self.level),
            "seed": self.seed,
            "model": self.fit.training.name,
            "recipe": None,
            "recipe_hash": None,
            "training_hash": self.fit.key,
            "n_train": len(self.problem.train),
            "n_test": len(self.problem.test),
            "n_classes": self.problem.n_classes,
            "parameters": None,
            "not_known": {},
            "warning": "",
            "gengap": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "commit": commit(),
        }


@dataclass(frozen=True)
class Payload:
    """A cell as it travels to a worker."""

    folder: Path
    training: OwnTraining
    seed: int
    corruption: str
    level: float


def fitted_rows(
    cells: Sequence[FitCell], store: Store, options: Options | None = None
) -> tuple[list[Row], SweepResult]:
    """One row for each cell, in order, trained unless it is stored; and what the sweeps came to.

    A row has the columns of gengap's own trainings (``docs/design.md``), and ``training_hash``, ``predictions`` (a hash
    of the answers to all examples), ``not_known`` (column -> why it is null) and ``warning``. Where no row is stored
    yet, the first cell runs alone, so that a training that returns nothing usable is refused before the others run;
    where it fails it is not tried again with them.

    Raises:
        InputError: A training that returns nothing usable or changes its data in place; a device that is not there.
        Interrupted: Ctrl-C; what is stored stays.
    """
    options = options or Options()
    device = device_of(options)
    jobs = [Job(cell.key, cell.title, cell, cell.columns()) for cell in cells]
    first = not store.finished(job.key for job in jobs)
    rows: list[Row] = []
    results: list[SweepResult] = []
    for some in [jobs[:1], jobs[1:]] if first else [jobs]:
        found, result = job_rows(
            some,
            fit_payloads,
            store,
            options,
            prepare=lambda missing, _: _plan(missing, device, options),
            absent="it was never trained",
        )
        rows += found
        results.append(result)
        refused = [row for row in rows if row.get("refused")]
        if refused and not any(row["status"] in RESULTS for row in rows):
            store.remove({row["key"] for row in refused})
            what, expected, next_step = refused[0]["refused"]
            raise InputError(what, expected=expected, next_step=next_step)
    return rows, _total(results)


def _total(results: Sequence[SweepResult]) -> SweepResult:
    """What sweeps of different cells came to together."""
    return SweepResult(
        sum(result.done for result in results),
        sum(result.reused for result in results),
        tuple(failure for result in results for failure in result.failed),
        sum(result.seconds for result in results),
    )


def error_of_all(rows: Sequence[Row]) -> Row | None:
    """The one exception that every training ended with, where it is one: its ``reason`` and ``place``.

    Alike are exceptions of one class, raised at one line of the user's own code; the reason is that of the first.
    ``place`` is empty where none of the user's own code was at work, as in an estimator of a library.
    """
    if not all(row["status"] == "failed" and row.get("traceback") for row in rows):
        return None
    found = {(row["reason"].partition(":")[0], own_place(row["traceback"])) for row in rows}
    if len(found) != 1:
        return None
    ((_, place),) = found
    return {"reason": rows[0]["reason"].partition("\n")[0], "place": place}


def repeated(cells: Sequence[FitCell], rows: Sequence[Row], store: Store, options: Options | None = None) -> Row:
    """Whether the quickest of these trainings gives the same when it is run once more with the same seed.

    Returns:
        ``checked``, ``same`` (None where it was not checked), ``reason`` (why not, or what differs), ``corruption``,
        ``level`` and ``seed`` of the training that was repeated.
    """
    nothing: Row = dict.fromkeys(("corruption", "level", "seed")) | {"checked": False, "same": None}
    done = [(row["seconds"], place) for place, row in enumerate(rows) if row["status"] in RESULTS]
    if not done:
        return nothing | {"reason": "no training has a result"}
    seconds, place = min(done)
    if seconds > REPEATED_WITHIN_S:
        return nothing | {"reason": f"a training takes {seconds:.0f} s; only one of up to a minute is done once more"}
    cell, before = replace(cells[place], repeat=True), rows[place]
    (again,), _ = fitted_rows([cell], store, options)
    what = {"corruption": cell.corruption, "level": float(cell.level), "seed": cell.seed}
    if again["status"] not in RESULTS:
        return nothing | what | {"reason": f"the second run has no result: {again['status']}, {again['reason']}"}
    same = again["predictions"] == before["predictions"]
    return what | {"checked": True, "same": same, "reason": "" if same else _difference(before, again)}


def _difference(before: Row, again: Row) -> str:
    pairs = {
        split: f"{_percent(before[f'{split}_accuracy'])} and {_percent(again[f'{split}_accuracy'])}"
        for split in ("train", "test")
    }
    return (
        f"two runs with seed {before['seed']} differ: training accuracies {pairs['train']}, test accuracies "
        f"{pairs['test']}; it draws from something that the seed does not set"
    )


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:.2%}"


@contextmanager
def _plan(missing: Sequence[Job], device: str, options: Options) -> Iterator[Plan]:
    """The Problem on disk, one unit a cell."""
    with scratch_folder() as folder:
        save(missing[0].payload.problem, folder)
        units = [[replace(job, payload=_payload(job.payload, folder))] for job in missing]
        yield Plan(units, options.workers or workers_for(device, len(units)), folder=folder)


def _payload(cell: FitCell, folder: Path) -> Payload:
    return Payload(folder, cell.fit.training, cell.seed, cell.corruption, cell.level)


def fit_payloads(payloads: list[Payload], context: Context) -> list[Row]:
    """One row a payload."""
    return [_row(payload, context) for payload in payloads]


def _row(payload: Payload, context: Context) -> Row:
    problem = open_problem(payload.folder, private=True)
    given = preprocessed(corrupted(problem, payload.corruption, payload.level, payload.seed))
    before = _content(given)
    context.report(0, 1, "training")
    try:
        began = time.monotonic()
        returned = payload.training(given, payload.seed)
        seconds = time.monotonic() - began
        _check_unchanged(before, given)
        return outcome(returned, given) | {"seconds": seconds, "threads": context.threads}
    except InputError as error:
        return _refused(error)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        return _refused(_changes("The training writes into the arrays of its problem, which are read-only."))


def _refused(error: InputError) -> Row:
    return {"status": "failed", "reason": error.what, "refused": [error.what, error.expected, error.next_step]}


def _content(problem: Problem) -> dict[str, str]:
    """Array -> hash of its bytes."""
    splits = {"train": problem.train, "test": problem.test}
    arrays = {f"{name}.{axis}": getattr(split, axis) for name, split in splits.items() for axis in ("x", "y")}
    parts = {name: np.ascontiguousarray(array).view(np.uint8).data for name, array in arrays.items()}
    return {name: blake2b(part, digest_size=16).hexdigest() for name, part in parts.items()}


def _check_unchanged(before: dict[str, str], given: Problem) -> None:
    now = _content(given)
    changed = [f"problem.{name}" for name in before if before[name] != now[name]]
    if changed:
        raise _changes(f"The training changed its data in place: {', '.join(changed)}.")


def _changes(what: str) -> InputError:
    return InputError(
        what,
        expected="a training that leaves the arrays as they are, since what it returns is measured on them",
        next_step="let it change a copy, and put what it does to inputs into the model that it returns",
    )
