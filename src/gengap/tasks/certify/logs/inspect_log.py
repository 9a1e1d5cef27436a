"""Logs of inspect_ai, through its own public reader (extra ``inspect``)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from gengap.errors import InputError
from gengap.tasks.certify.logs.archive import check_archive, check_size, is_archive
from gengap.tasks.certify.logs.records import Log


def read(file: Path) -> Log:
    """A log in the form ``.eval`` or ``.json``; one record for each sample and epoch.

    A scorer whose value is a dict has a metric for each of its keys, ``scorer/key``. Without samples, the reductions
    over epochs are read.

    Raises:
        InputError: inspect_ai is not installed, the file is none of its logs, holds more than fits into memory or than
            it declares, or the run did not finish.
    """
    check_size(file)
    if is_archive(file):
        check_archive(file)
    try:
        from inspect_ai.log import read_eval_log
    except ImportError:
        raise InputError(
            f"{file.name} is read by inspect_ai, which is not installed.",
            expected="the extra inspect",
            next_step='pip install "gengap[inspect]"',
        ) from None
    try:
        log = read_eval_log(str(file))
    except Exception as error:  # its reader raises errors of zip, JSON and its own validation
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{file.name} is no log of inspect_ai: {reason:.100}", expected="an .eval or .json log"
        ) from error
    if log.status != "success":
        message = f" ({log.error.message.strip().splitlines()[0]:.80})" if log.error and log.error.message else ""
        raise InputError(
            f"{file.name} is of a run with status {log.status}{message}.",
            expected="a run that finished: the questions of a stopped run are no random sample",
            next_step="finish it with inspect eval-retry",
        )
    source, model = file.name, str(log.eval.model)
    if log.samples:
        scorers = [scorer.model_dump() for scorer in log.eval.scorers or []]
        return _of_samples(source, model, log.samples, list(dict.fromkeys(_clusters(scorers))))
    epochs = (log.eval.config.epochs if log.eval.config else None) or 1
    return replace(_of_reductions(source, model, log.reductions or []), averaged=epochs > 1)


def _of_samples(source: str, model: str, samples: list[Any], clusters: list[str]) -> Log:
    scores = [_values(sample.scores or {}) for sample in samples]
    metrics = list(dict.fromkeys(name for one in scores for name in one))
    metadata = [dict(sample.metadata or {}) for sample in samples]
    keys = list(dict.fromkeys(key for one in metadata for key in one))
    remarks_of_clusters = tuple(
        f"{source} names {name} as a cluster: its samples depend on each other; give --clusters {name}."
        for name in clusters
        if name in keys
    )
    failed = sum(sample.error is not None for sample in samples)
    remarks = (f"{source}: {failed:,} samples ended with an error.",) if failed else ()
    return Log(
        source=source,
        values={name: [one.get(name) for one in scores] for name in metrics},
        items=[sample.id for sample in samples],
        model=model,
        columns={str(key): [one.get(key) for one in metadata] for key in keys},
        remarks=(*remarks, *remarks_of_clusters),
    )


def _clusters(scorers: Any) -> list[str]:
    """The metadata keys by which a scorer's standard error is clustered, wherever they stand in its metrics."""
    if isinstance(scorers, dict):
        here = [scorers["cluster"]] if isinstance(scorers.get("cluster"), str) else []
        return [*here, *(name for part in scorers.values() for name in _clusters(part))]
    return [name for part in scorers for name in _clusters(part)] if isinstance(scorers, list) else []


def _of_reductions(source: str, model: str, reductions: list[Any]) -> Log:
    """The means over epochs, where samples were not logged; scorers with other reducers are other metrics."""
    values: dict[str, dict[Any, Any]] = {}
    for reduction in reductions:
        name = reduction.scorer if reduction.reducer in (None, "mean") else f"{reduction.scorer}/{reduction.reducer}"
        for sample in reduction.samples:
            for metric, value in _values({name: sample}).items():
                values.setdefault(metric, {})[sample.sample_id] = value
    items = list(dict.fromkeys(item for column in values.values() for item in column))
    return Log(
        source=source,
        values={name: [column.get(item) for item in items] for name, column in values.items()},
        items=items,
        model=model,
        remarks=(f"{source} holds no samples: the means over epochs were read.",) if items else (),
    )


def _values(scores: dict[str, Any]) -> dict[str, Any]:
    """Metric -> value; a dict of values has one metric for each key. What is not a number becomes None."""
    out: dict[str, Any] = {}
    for scorer, score in scores.items():
        value = score.value
        parts = {f"{scorer}/{key}": part for key, part in value.items()} if isinstance(value, dict) else {scorer: value}
        out |= {name: None if isinstance(part, float) and part != part else part for name, part in parts.items()}
    return out
