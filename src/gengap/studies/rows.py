"""From a study's configurations to stored rows: measured by a function of its own, or trained as cells."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gengap.keys import job_key
from gengap.studies.study import Row

if TYPE_CHECKING:
    from gengap.cells import Cell
    from gengap.sweep import Job, Options, Plan, Work

Source = str | Callable[[], object] | None
FORMAT = 1  # of measured rows; another one measures everything anew


def measured(
    study: str,
    configs: Sequence[Any],
    columns: Sequence[str],
    work: "Work",
    options: "Options",
    *,
    together: Callable[[Any], Hashable] = lambda config: config,
    data: Callable[[Any], Source] = lambda config: None,
    revision: int = 0,
) -> list[Row]:
    """One row for each configuration, measured unless it is stored: its fields, ``status``, ``reason``, the columns.

    A configuration without a row has status ``missing``. Columns that a row lacks are None.

    Args:
        study: The study's name; with a configuration's fields it makes the key of its row.
        configs: Frozen dataclasses of what JSON can hold.
        columns: What is measured.
        work: ``work(configs, context)``, a function of a module, gives one row for each of some configurations.
        options: How it is run: one configuration, or those that go together, after the other unless workers are given.
        together: Configurations for which this is equal are given to ``work`` at once, so that they share their work.
        data: What ``work`` reads for a configuration: the name of a data set, a function that raises InputError where
            other data cannot be read, or None.
        revision: Of what the study stores; another one measures all its rows anew.

    Raises:
        InputError: A device that is not there, or data that cannot be read, before anything is measured.
        Interrupted: Ctrl-C; what is stored stays.
    """
    from gengap.cells import device_of
    from gengap.store import Store
    from gengap.sweep import Job, Plan, job_rows

    device_of(options)

    @contextmanager
    def prepare(missing: "Sequence[Job]", _: int) -> "Iterator[Plan]":
        _check_data({data(job.payload) for job in missing})
        units: dict[Hashable, list[Job]] = {}
        for job in missing:
            units.setdefault(together(job.payload), []).append(job)
        yield Plan(list(units.values()), options.workers or 1)

    jobs = [
        Job(
            job_key("measured", FORMAT, study, asdict(config), *([revision] if revision else [])),
            f"{study} · {_title(config)}",
            config,
            _named(study, asdict(config)),
        )
        for config in configs
    ]
    with Store() as store:
        rows, _ = job_rows(jobs, work, store, options, prepare=prepare, absent="it was never measured")
    empty = dict.fromkeys((*columns, "reason"))
    return [empty | row | asdict(config) for config, row in zip(configs, rows, strict=True)]


def _named(study: str, fields: Row) -> Row:
    """A row's first columns, among them one from which a store knows the study."""
    return {"kind": study, **fields} | ({"study": study} if "kind" in fields else {})


def trained(configs: Sequence[Any], cells: "Sequence[Cell]", options: "Options") -> list[Row]:
    """One row for each configuration: that of its cell, trained unless it is stored, and the configuration's fields.

    A cell that two configurations share, of one study or of several, is trained once. A cell without a row has
    status ``missing``. Every row says in ``seen_as`` what networks are fed, and has all columns: without a result they
    are None, and ``history`` is empty.

    Args:
        configs: Frozen dataclasses.
        cells: The cell of each.
        options: How cells are run.

    Raises:
        ValueError: A cell of paper scale, which is judged, leaves its precision to what is fastest.
    """
    from gengap.cells import run
    from gengap.store import Store

    for config, cell in zip(configs, cells, strict=True):
        if getattr(config, "scale", None) == "paper" and cell.recipe.precision == "auto":
            raise ValueError(f"{config}: paper scale is float32 unless the paper says otherwise.")

    with Store() as store:
        rows, _ = run(cells, store, options)
    return [
        row | {"seen_as": cell.problem.seen_as} | asdict(config)
        for config, cell, row in zip(configs, cells, rows, strict=True)
    ]


def image_data(name: str) -> Callable[[Any], str]:
    """For ``data`` of ``measured``: a named data set at desk and paper scale, the embedded digits at smoke scale."""
    return lambda config: "digits" if config.scale == "smoke" else name


def _check_data(sources: set[Source]) -> None:
    """Raises InputError where data cannot be read."""
    from gengap.data import load

    for source in sources:
        if isinstance(source, str):
            load(source)
        elif source is not None:
            source()


def _title(config: Any) -> str:
    return " ".join(str(value) for value in asdict(config).values() if value not in (None, "", 0, 0.0))
