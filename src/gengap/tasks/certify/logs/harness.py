"""Samples of lm-evaluation-harness: ``samples_<task>_<time>.jsonl``, with the results file beside it."""

import json
import re
from pathlib import Path
from typing import Any

from gengap.data import read_json
from gengap.errors import InputError, listed
from gengap.tasks.certify.logs.archive import check_size
from gengap.tasks.certify.logs.records import Log
from gengap.tasks.certify.logs.tables import json_lines

_NAME = re.compile(r"samples_(?P<task>.+)_(?P<time>\d{4}-\d\d-\d\dT[\d.:-]+)\.jsonl$")


def is_samples(file: Path) -> bool:
    """Whether the first line looks like one of the harness: a document with the names of its metrics."""
    check_size(file)  # all of it may be one line
    with file.open(encoding="utf-8", errors="replace") as lines:
        first = next((line for line in lines if line.strip()), "")
    try:
        row = json.loads(first)
    except (ValueError, RecursionError):  # whose reader says what is wrong
        return False
    return isinstance(row, dict) and {"doc_id", "metrics"} <= row.keys()


def is_results(file: Path) -> bool:
    """Whether the name is that of the harness's table of means, which stands beside its samples."""
    return re.fullmatch(r"results(_.*)?\.json", file.name) is not None and file.is_file()


def read_folder(folder: Path) -> Log:
    """The one samples file in a folder of the harness.

    Raises:
        InputError: There is none, or several (tasks or runs).
    """
    files = sorted(folder.rglob("samples_*.jsonl"))
    if len(files) != 1:
        names = listed([file.name for file in files])
        raise InputError(
            f"{folder} holds {len(files)} samples files{f': {names}' if files else ''}.",
            expected="one: tasks are mixed into no common error rate",
            next_step="name one of the files" if files else "run lm_eval with --log_samples",
        )
    return read(files[0])


def read(file: Path) -> Log:
    """One record a document; with several filters each pair is a metric ``metric,filter``, as the harness writes it.

    Raises:
        InputError: A line is no sample, lines are of several tasks, a document occurs twice for one filter, or metrics
            are of a corpus.
    """
    rows = json_lines(file)
    _refuse_other_rows(file.name, rows)
    filters = list(dict.fromkeys(str(row.get("filter", "none")) for row in rows))
    tasks = {row["task_name"] for row in rows if "task_name" in row}
    if len(tasks) > 1:
        raise InputError(f"{file.name} holds the tasks {listed(sorted(tasks))}.", expected="one task in each file")
    values: dict[str, dict[Any, Any]] = {}
    documents: dict[Any, dict[str, Any]] = {}
    seen: set[tuple[Any, str]] = set()
    for row in rows:
        key = (row["doc_id"], str(row.get("filter", "none")))
        if key in seen:
            raise InputError(
                f"{file.name} holds the document {key[0]} twice for the filter {key[1]}.",
                expected="each document once: two runs are two files",
            )
        seen.add(key)
        documents.setdefault(row["doc_id"], row)
        for name in row.get("metrics", []):
            metric = name if len(filters) == 1 else f"{name},{key[1]}"
            values.setdefault(metric, {})[row["doc_id"]] = row.get(name)
    _refuse_corpus_metrics(file.name, values)
    model, higher = _results(file)
    return Log(
        source=file.name,
        values={name: [column.get(item) for item in documents] for name, column in values.items()},
        items=list(documents),
        model=model,
        columns=_document_columns(list(documents.values())),
        higher_is_better={name: higher.get(name.split(",")[0], True) for name in values},
    )


def _refuse_other_rows(source: str, rows: list[dict[str, Any]]) -> None:
    """Each row has the name of a document and a list of the names of its metrics."""
    for number, row in enumerate(rows, start=1):
        metrics = row.get("metrics", [])
        named = isinstance(row.get("doc_id"), int | str) and isinstance(row.get("task_name", ""), str)
        if not named or not isinstance(metrics, list) or not all(isinstance(name, str) for name in metrics):
            raise InputError(
                f"{source}: record {number} is no sample of lm-evaluation-harness.",
                expected="a doc_id and a list of metrics in each",
            )


def _refuse_corpus_metrics(source: str, values: dict[str, dict[Any, Any]]) -> None:
    """A metric of a whole corpus (perplexity, BLEU) has a list for each document; metrics beside it stay."""
    corpus = [
        name for name, column in values.items() if any(isinstance(value, list | dict) for value in column.values())
    ]
    for name in corpus:
        del values[name]
    if corpus and not values:
        raise InputError(
            f"{source}: {listed(corpus)} is a metric of the whole corpus, with no score for one document.",
            expected="a metric with a score for each document, such as acc or exact_match",
        )


def _document_columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The fields of the documents that may name clusters or subgroups."""
    documents = [row["doc"] if isinstance(row.get("doc"), dict) else {} for row in rows]
    names = list(dict.fromkeys(str(name) for document in documents for name in document))
    return {name: [document.get(name) for document in documents] for name in names}


def _results(file: Path) -> tuple[str, dict[str, bool]]:
    """The model's name and which metrics are better when larger, from the results file of the same time, if any."""
    named = _NAME.match(file.name)
    fallback = file.parent.name if named else file.stem
    if not named:
        return fallback, {}
    results = file.parent / f"results_{named['time']}.json"
    try:
        document = read_json(results, "results of lm-evaluation-harness")
    except InputError:
        return fallback, {}
    tasks = _object(document, "higher_is_better")
    higher = {name: better is not False for name, better in _object(tasks, named["task"]).items()}
    return str(document.get("model_name") or fallback) if isinstance(document, dict) else fallback, higher


def _object(document: Any, name: str) -> dict[str, Any]:
    """The object of a name in a document; an empty one where either is something else."""
    value = document.get(name) if isinstance(document, dict) else None
    return value if isinstance(value, dict) else {}
