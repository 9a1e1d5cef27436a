"""A log of any kind: which reader takes it, and what becomes of its records."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gengap.data.limits import check_file
from gengap.errors import InputError, listed
from gengap.tasks.certify.evaluation import Evaluation
from gengap.tasks.certify.logs.records import Log

Missing = Literal["refuse", "wrong"]
_KINDS = (
    "an inspect log (.eval, .json), a samples_*.jsonl of lm-evaluation-harness, JSON lines, or a CSV or Parquet table"
)


def read_log(
    path: str | Path,
    *,
    metric: str | None = None,
    model: str | None = None,
    score_range: tuple[float, float] | None = None,
    missing: Missing = "refuse",
    graded: bool = False,
) -> list[Evaluation]:
    """The evaluations of a log, one for each model, with one loss for each question; repetitions are averaged.

    Args:
        path: A log of inspect_ai or lm-evaluation-harness, JSON lines, or a table with a column ``score``.
        metric: The metric (scorer, column) to read, where there are several.
        model: The model to read, where there are several; all if not given.
        score_range: The smallest and the largest possible score; [0, 1] if not given.
        missing: Whether questions without a score are refused or count as wrong.
        graded: Whether scores may lie between the ends of their range, though those seen do not.

    Raises:
        InputError: The file is no log, a pipe, or more than fits into memory; holds no scores, or several metrics of
            which none was chosen; or scores are missing, no numbers, or out of their range.
    """
    file = Path(path)
    if not file.is_dir():
        check_file(file, _KINDS)
    log = _reader(file)(file)
    name = _chosen_metric(log, metric)
    models = [one for one in log.models() if model is None or one == model]
    if not models:
        raise InputError(f"{log.source} holds no model {model!r}.", expected=f"one of {listed(log.models())}")
    return [_evaluation(log, name, one, score_range, missing, graded) for one in models]


def _reader(file: Path) -> Any:
    from gengap.tasks.certify.logs import harness, inspect_log, tables

    suffix = file.suffix.lower()
    if harness.is_results(file):
        raise InputError(
            f"{file.name} of lm-evaluation-harness holds means, not the score of each document.",
            expected="the samples_*.jsonl beside it",
            next_step="run lm_eval with --log_samples where there is none",
        )
    if suffix == ".eval" or (suffix == ".json" and not file.is_dir()):
        return inspect_log.read
    if file.is_dir():
        return harness.read_folder
    if suffix in (".jsonl", ".ndjson"):
        return harness.read if harness.is_samples(file) else tables.read_lines
    if suffix in (".csv", ".tsv", ".parquet", ".pq"):
        return tables.read
    raise InputError(f"{file.name} is no log that can be read.", expected=_KINDS)


def _chosen_metric(log: Log, metric: str | None) -> str:
    names = log.metrics()
    if not names:
        raise InputError(f"{log.source} holds no scores.", expected=_KINDS, next_step="score the run, then certify it")
    if metric is None and len(names) > 1:
        raise InputError(
            f"{log.source} holds {len(names)} metrics: {listed(names)}.",
            expected="one metric; each answers another question",
            next_step=f"choose one: --metric {names[0]}",
        )
    chosen = names[0] if metric is None else metric
    if chosen not in names:
        raise InputError(f"{log.source} has no metric {chosen!r}.", expected=f"one of {listed(names)}")
    return chosen


def _evaluation(
    log: Log, metric: str, model: str, score_range: tuple[float, float] | None, missing: Missing, graded: bool
) -> Evaluation:
    rows = log.rows_of(model)
    low, high = score_range or (0.0, 1.0)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(
            f"score_range = {low:g} to {high:g} cannot be used.", expected="two finite numbers, smaller first"
        )
    where = f"{log.source}: {metric}"
    scores = _numbers(where, [log.values[metric][row] for row in rows])
    gaps = np.isnan(scores)
    remarks = list(log.remarks)
    better_high = log.higher_is_better.get(metric, True)
    if gaps.any():
        if missing == "refuse":
            raise InputError(
                f"{where} is missing for {gaps.sum():,} of {scores.size:,} rows.",
                expected="a score for each question; leaving failed ones out would favour the model",
                next_step="run them again, or count them as wrong with --missing wrong",
            )
        scores = np.where(gaps, low if better_high else high, scores)
        remarks.append(f"{gaps.sum():,} questions without a score count as wrong.")
    if np.any((scores < low) | (scores > high)):
        bad = scores[(scores < low) | (scores > high)][0]
        raise InputError(
            f"{where} holds {bad:g}, outside [{low:g}, {high:g}].",
            expected="scores in the range that the metric can have",
            next_step="give the range: --score-range LOWEST HIGHEST" if score_range is None else "",
        )
    losses = ((high - scores) if better_high else (scores - low)) / (high - low)
    right_or_wrong = not graded and not log.averaged and bool(np.all((losses == 0) | (losses == 1)))
    items = None if log.items is None else np.array([str(log.items[row]) for row in rows])
    return Evaluation(
        source=log.source,
        model=model,
        metric=metric,
        losses=losses,
        zero_one=right_or_wrong,
        share=score_range is None,
        is_score=better_high,
        loss_bound=high - low,
        best=high,
        items=items,
        columns={name: _plain([column[row] for row in rows]) for name, column in log.columns.items()},
        remarks=tuple(remarks),
    ).once_each()


_LARGE = 10**300  # an integer beyond it is no score, and may be no floating-point number
_LETTERS = {"c": 1.0, "i": 0.0, "p": 0.5, "n": 0.0, "correct": 1.0, "incorrect": 0.0, "true": 1.0, "false": 0.0}


def _numbers(where: str, values: Sequence[Any]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    out = np.empty(len(values))
    for i, value in enumerate(values):
        if isinstance(value, bool | int | float | np.number | np.bool_):
            out[i] = float(value) if not isinstance(value, int) or abs(value) < _LARGE else math.inf
        elif value is None or value == "":
            out[i] = math.nan
        elif isinstance(value, str) and value.strip().lower() in _LETTERS:
            out[i] = _LETTERS[value.strip().lower()]
        else:
            try:
                out[i] = float(value)
            except (TypeError, ValueError):
                raise InputError(
                    f"{where} holds {value!r:.40}, which is no number.",
                    expected="a number, true or false, or C, I, P, N for each question; no list for a whole corpus",
                ) from None
    if np.any(np.isinf(out)):
        raise InputError(f"{where} holds an infinite score.", expected="finite numbers")
    return out


def _plain(values: Sequence[Any]) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    """Any values as an array of objects, in which lists and dicts are text."""
    out = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        out[i] = str(value) if isinstance(value, list | dict) else value
    return out
