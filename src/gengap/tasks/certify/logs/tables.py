"""Tables of scores: CSV, TSV or Parquet, one row a question and run; and the same as JSON lines."""

import json
from pathlib import Path
from typing import Any

from gengap.data import is_missing, read_frame
from gengap.data.content import read_content
from gengap.data.json_file import COST
from gengap.data.limits import check_memory, out_of_memory_refused
from gengap.errors import InputError, listed
from gengap.tasks.certify.logs.records import Log

_ITEMS = ("item", "question", "question_id", "sample_id", "id", "example_id", "doc_id", "input_id")
_MODELS = ("model", "model_name")
_RUNS = ("run", "epoch", "repetition", "seed", "run_id")
_SCORES = ("score", "correct", "accuracy", "value")


def read(file: Path) -> Log:
    """A table with a column ``score`` and, where there are any, ``item``, ``run`` and ``model``.

    Raises:
        InputError: It is no table, or has no column of scores.
    """
    table = read_frame(file)
    return _log(file.name, {str(name): table[name].tolist() for name in table})


def read_lines(file: Path) -> Log:
    """The same with one JSON object in each line.

    Raises:
        InputError: A line is no JSON object, or none has a score.
    """
    rows = list(json_lines(file))
    names = list(dict.fromkeys(name for row in rows for name in row))
    return _log(file.name, {name: [row.get(name) for row in rows] for name in names})


def json_lines(file: Path) -> list[dict[str, Any]]:
    """The objects in a file of JSON lines; empty lines are left out.

    Raises:
        InputError: The file is no regular one or does not fit into memory; a line is no JSON object, or there is none.
    """
    rows = []
    try:
        text = read_content(file, "a file of JSON lines").decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{file.name} cannot be read: {error!s:.80}", expected="a file of JSON lines") from error
    check_memory(file.name, COST * len(text))
    for number, line in enumerate(text.split("\n"), start=1):  # other ends of lines may stand within a text
        if line.strip():
            where = f"{file.name}, line {number}"
            with out_of_memory_refused(where):
                try:
                    row = json.loads(line)
                except ValueError as error:  # numbers of more digits than Python converts, too
                    reason = getattr(error, "msg", str(error).split(";")[0])
                    raise InputError(f"{where}: {reason:.120}.", expected="one JSON object in each line") from error
            if not isinstance(row, dict):
                raise InputError(f"{file.name}, line {number} is no object.", expected="one JSON object in each line")
            rows.append(row)
    if not rows:
        raise InputError(f"{file.name} holds no record.", expected="one JSON object in each line")
    return rows


def _log(source: str, columns: dict[str, list[Any]]) -> Log:
    columns = {name: [None if is_missing(value) else value for value in column] for name, column in columns.items()}
    by_name = {name.lower(): name for name in reversed(columns)}
    item, model, run = (next((by_name[n] for n in names if n in by_name), None) for names in (_ITEMS, _MODELS, _RUNS))
    metric = by_name.get("metric")
    score = next((by_name[name] for name in _SCORES if name in by_name), None)
    if score is None:
        raise InputError(
            f"{source} has no column score; it has {listed(list(columns))}.",
            expected="score, with item for the question, run for its repetition, model where there are several",
        )
    for name in (item, model):
        if name is not None and any(value is None for value in columns[name]):
            raise InputError(f"{source}: {name} is missing in some rows.", expected=f"the {name} of each row")
    if run is not None and item is None:
        raise InputError(
            f"{source} has a column {run} and none that names the questions.",
            expected="item, so that the runs of a question can be put together",
        )
    rest = {name: column for name, column in columns.items() if name not in (item, model, run, score, metric)}
    if metric is not None:
        return _by_metric(source, columns, item, model, score, metric, rest)
    return Log(
        source=source,
        values={score: columns[score]},
        items=None if item is None else columns[item],
        model=Path(source).stem if model is None else [str(name) for name in columns[model]],
        columns=rest,
    )


def _by_metric(
    source: str,
    columns: dict[str, list[Any]],
    item: str | None,
    model: str | None,
    score: str,
    metric: str,
    rest: dict[str, list[Any]],
) -> Log:
    """A long table with a row for each metric: the metrics are kept apart, those of other rows have no value."""
    names = list(dict.fromkeys(map(str, columns[metric])))
    if len(names) > 1:
        raise InputError(
            f"{source} holds {len(names)} metrics in its column {metric}: {listed(names)}.",
            expected="one metric in each table",
            next_step="write one file for each metric",
        )
    return Log(
        source=source,
        values={names[0]: columns[score]},
        items=None if item is None else columns[item],
        model=Path(source).stem if model is None else [str(name) for name in columns[model]],
        columns=rest,
    )
