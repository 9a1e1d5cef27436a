"""Answers of gengap as runs of MLflow; needs ``pip install "gengap[mlflow]"``."""

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from gengap.errors import InputError
from gengap.json_text import json_ready, json_text
from gengap.report.csv_text import csv_text

LONGEST_PARAMETER = 500  # characters, of MLflow's oldest stores


def log_to_mlflow(
    answer: Any, *, prefix: str = "gengap", parameters: Mapping[str, Any] | None = None, step: int | None = None
) -> str:
    """Logs an audit, a randomization test, a certificate, a ranking or a table of measures; returns the run's id.

    The run that is active takes it, or else a new one of the current experiment. Every number of the answer's JSON
    that is not in a list becomes a metric, e.g. ``gengap.certificate.upper``, and of a table of measures the value of
    each that has one; texts at the top become parameters. Artifacts in a folder named ``prefix``: the report that
    ``write`` makes where the answer has it, else ``report.json`` and for a table ``rows.csv``.

    Args:
        answer: What ``gengap.audit``, ``randomize``, ``certify``, ``rank`` or ``measure`` returned.
        prefix: What names of metrics and parameters begin with; another one for each of several answers in a run.
        parameters: What else to log as parameters, such as the fields of a recipe.
        step: Of the metrics, e.g. the epoch.

    Raises:
        InputError: An answer of another kind, or parameters that the run has with other values.
    """
    document = _document(answer)
    metrics = {_name(f"{prefix}.{name}"): value for name, value in _numbers(document, "")}
    texts = {
        name: value for name, value in document.items() if isinstance(value, str) and len(value) <= LONGEST_PARAMETER
    }
    named = {_name(f"{prefix}.{name}"): value for name, value in (texts | dict(parameters or {})).items()}
    with tempfile.TemporaryDirectory() as folder:
        if hasattr(answer, "write"):
            answer.write(folder)
        else:
            Path(folder, "report.json").write_text(json_text(document), encoding="utf-8")
            if isinstance(answer, pd.DataFrame):
                Path(folder, "rows.csv").write_text(csv_text(answer), encoding="utf-8")
        active = mlflow.active_run()
        run = active or mlflow.start_run()
        try:
            mlflow.log_metrics(metrics, step=step)
            mlflow.log_params(named)
            mlflow.log_artifacts(folder, artifact_path=prefix)
        except mlflow.MlflowException as error:
            raise InputError(
                f"MLflow took not all of it: {str(error).partition(chr(10))[0]}",
                next_step="log into a run of its own, or give another prefix",
            ) from error
        finally:
            if active is None:
                mlflow.end_run()
    return str(run.info.run_id)


def _document(answer: Any) -> dict[str, Any]:
    """The answer as JSON; a table of measures as name -> value, and the rows."""
    if isinstance(answer, pd.DataFrame) and {"name", "value", "status"} <= set(answer.columns):
        measured = dict(zip(answer["name"], answer["value"], strict=True))
        document: dict[str, Any] = json_ready({**measured, "rows": answer.to_dict("records")})
        return document
    if not callable(getattr(answer, "to_json", None)) or isinstance(answer, pd.DataFrame):
        raise InputError(
            f"A {type(answer).__name__} is no answer of gengap.",
            expected="what gengap.audit, randomize, certify, rank or measure returned",
        )
    document = answer.to_json()
    return document


def _numbers(value: Any, place: str) -> Iterator[tuple[str, float]]:
    """Numbers in dictionaries of dictionaries with their dotted places; lists and missing values are left out."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _numbers(part, f"{place}.{name}" if place else str(name))
    elif isinstance(value, bool | int | float):
        yield place, float(value)


def _name(name: str) -> str:
    """The name with what MLflow allows in one."""
    return re.sub(r"[^\w.\- /]", "_", name)[:250]
