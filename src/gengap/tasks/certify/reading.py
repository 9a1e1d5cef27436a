"""Files of any accepted form as evaluations: predictions with labels, logs, tables of scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gengap.data import TABLES, read_frame
from gengap.errors import InputError
from gengap.tasks.certify.evaluation import Evaluation

_TABLES = (".csv", ".tsv", ".parquet", ".pq", "")
_FIRST_LINE = 2**20  # characters of it that are looked at


def read_evaluations(paths: Sequence[str | Path], *, loss: str = "zero-one", **options: Any) -> list[Evaluation]:
    """One evaluation for each model in the files, whose questions are those of all files.

    Args:
        paths: Prediction files (with a column ``y_true``), logs or tables of scores.
        loss: ``"zero-one"`` or ``"brier"``, of predictions.
        **options: As for ``read_log``.

    Raises:
        InputError: A file cannot be used, or predictions stand beside scores.
    """
    from gengap.tasks.certify.files import Predictions, read_predictions
    from gengap.tasks.certify.logs import read_log

    is_predictions = [_has_labels(path) for path in paths]
    if not any(is_predictions):
        return [evaluation for path in paths for evaluation in read_log(path, **options)]
    if not all(is_predictions):
        raise InputError(
            f"{paths[is_predictions.index(True)]} holds predictions, {paths[is_predictions.index(False)]} does not.",
            expected="predictions with y_true in each file, or scores in each",
        )
    read = [read_predictions(path) for path in paths]
    if len({one.y_true.dtype.kind == "U" for one in read}) > 1:
        read = [one.as_text() for one in read]
    role = Predictions.common_role(read)
    return [one.evaluation(loss, role=role) for one in read]


def _has_labels(path: str | Path) -> bool:
    """Whether a file is a table with a column ``y_true``, by its first row; other files are left to their readers."""
    file = Path(path)
    if file.suffix.lower() in (".jsonl", ".ndjson") and file.is_file():
        with file.open(encoding="utf-8", errors="replace") as lines:
            return '"y_true"' in lines.readline(_FIRST_LINE)
    if file.suffix.lower() not in _TABLES and file.name.lower().endswith(TABLES) and file.is_file():
        try:  # compressed, or JSON, which may be a log too
            columns = {str(name).lower() for name in read_frame(file)}
            return "y_true" in columns or "score" not in columns
        except InputError:
            return False
    if file.suffix.lower() not in _TABLES or not file.is_file():
        return file.suffix.lower() in _TABLES
    if file.suffix.lower() in (".parquet", ".pq"):
        import pyarrow.parquet as pq

        try:
            return "y_true" in pq.read_schema(file).names
        except (OSError, ValueError):
            return True  # whose reader says what is wrong
    with file.open(encoding="utf-8", errors="replace") as lines:
        header = lines.readline(_FIRST_LINE)
    separator = "\t" if file.suffix.lower() == ".tsv" else ","
    names = [name.strip().strip('"') for name in header.split(separator)]
    return "y_true" in names or not {"score", "correct", "accuracy", "value"} & {name.lower() for name in names}
