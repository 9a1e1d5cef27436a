"""From jobs to ordered rows: what the store lacks is run, then every job's row is read.

The one road from work to stored rows. A caller says what its jobs are (key, payload, columns known beforehand), which
function does the work, and, where payloads must be made first, how; everything else happens here.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gengap.store import Row, Store
from gengap.sweep.jobs import Job, SweepResult, Unit, Work
from gengap.sweep.run import TIME_LIMIT_S, run
from gengap.sweep.runners import Share


@dataclass(frozen=True)
class Options:
    """How jobs are run; nothing here changes what they are.

    Attributes:
        device: ``auto``, ``cpu`` or ``cuda``.
        workers: Processes at once; None leaves it to the kind of work, which may measure what is fastest.
        timeout_s: Longest time for one unit of work, in seconds; None never stops one.
        progress: Whether to show progress on stderr.
        stored: Whether to take only what the store has, and to run nothing.
        ray: What each unit takes of a Ray cluster, which then runs them; None runs them on this machine.
    """

    device: str = "auto"
    workers: int | None = None
    timeout_s: float | None = TIME_LIMIT_S
    progress: bool = True
    stored: bool = False
    ray: Share | None = None


@dataclass(frozen=True)
class Plan:
    """How missing jobs are run.

    Attributes:
        units: Jobs that run together, with payloads that a worker can use.
        workers: Processes.
        threads: Threads that each computes with; None divides the cores.
        in_driver: Why they must run in this process; empty where they need not.
        folder: Where the files lie that payloads name by a ``Path``; they are brought to other machines.
        gpus: CUDA devices of which each worker sees one; see ``run``.
    """

    units: Sequence[Unit]
    workers: int = 1
    threads: int | None = None
    in_driver: str = ""
    folder: Path | None = None
    gpus: Sequence[str] = ()


Prepare = Callable[[Sequence[Job], int], AbstractContextManager[Plan]]
"""``prepare(missing, total)`` makes the plan for the missing ones of ``total`` jobs and cleans up afterwards."""


def job_rows(
    jobs: Sequence[Job],
    work: Work,
    store: Store,
    options: Options | None = None,
    *,
    prepare: Prepare | None = None,
    group: Callable[[Job], Hashable] = lambda job: None,
    absent: str = "it was never run",
) -> tuple[list[Row], SweepResult]:
    """The row of each job, in order, run unless a result is stored; and what the sweeps came to together.

    A row has the job's columns, overwritten by what is stored, its ``key``, and its ``history``. A job without a stored
    row has status ``missing`` and the reason ``absent``.

    Args:
        jobs: What is wanted; jobs of one key are run once.
        work: A function of an importable module; see ``Work``.
        store: Where rows are found and written.
        options: How jobs are run.
        prepare: See ``Prepare``; None runs each job by itself with the payload it has.
        group: Jobs for which this is equal are prepared and run as one sweep.
        absent: Why a job without a row has none, for people.

    Raises:
        InputError: What ``prepare`` refuses, or a store that cannot be read or written.
        Interrupted: Ctrl-C; what is stored stays.
    """
    options = options or Options()
    prepare = prepare or _one_by_one(options)
    groups: dict[Hashable, dict[str, Job]] = {}
    for job in [] if options.stored else jobs:
        groups.setdefault(group(job), {}).setdefault(job.key, job)
    results = [_sweep(list(each.values()), work, store, options, prepare) for each in groups.values()]
    stored = store.get_all(job.key for job in jobs)
    if not options.stored and (damaged := store.finished(job.key for job in jobs) - stored.keys()):
        store.remove(damaged)
        return job_rows(jobs, work, store, options, prepare=prepare, group=group, absent=absent)
    nothing = {"status": "missing", "reason": absent, "history": []}
    rows = [{**job.columns, "key": job.key, **stored.get(job.key, nothing)} for job in jobs]
    return rows, _total(results)


def _sweep(jobs: Sequence[Job], work: Work, store: Store, options: Options, prepare: Prepare) -> SweepResult:
    finished = store.finished(job.key for job in jobs)
    missing = [job for job in jobs if job.key not in finished]
    if not missing:
        return SweepResult(0, len(jobs), (), 0.0)
    with prepare(missing, len(jobs)) as plan:
        return run(
            [*plan.units, *([job] for job in jobs if job.key in finished)],
            work,
            store,
            workers=plan.workers,
            threads=plan.threads,
            timeout_s=options.timeout_s,
            progress=options.progress,
            in_driver=plan.in_driver,
            ray=options.ray,
            folder=plan.folder,
            gpus=plan.gpus,
        )


def _one_by_one(options: Options) -> Prepare:
    @contextmanager
    def prepare(missing: Sequence[Job], total: int) -> Iterator[Plan]:
        yield Plan([[job] for job in missing], options.workers or 1)

    return prepare


def _total(results: Sequence[SweepResult]) -> SweepResult:
    return SweepResult(
        done=sum(result.done for result in results),
        reused=sum(result.reused for result in results),
        failed=tuple(failure for result in results for failure in result.failed),
        seconds=sum(result.seconds for result in results),
    )
