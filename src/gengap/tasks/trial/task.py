"""Puts measures on trial: the catalogue's or those that a user's file registers."""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from gengap.data import Problem, load
from gengap.data.limits import where_instead
from gengap.errors import InputError
from gengap.json_text import json_ready, json_text
from gengap.measures import Record, all_measures
from gengap.ranking.trial import CHANGES, LEVELS, SEEDS, Trial, trial
from gengap.report import Page, check_folder, write_page
from gengap.tasks.trial.page import trial_page
from gengap.tasks.trial.words import cautions, sentence


@dataclass(frozen=True, eq=False)
class TrialAnswer:
    """How measures fared.

    Attributes:
        trial: Their records, and the networks.
        seeds: Networks at each level of corruption and of each change.
    """

    trial: Trial
    seeds: int

    @property
    def sentence(self) -> str:
        """The outcome in a sentence or two."""
        return sentence(self.trial)

    @property
    def cautions(self) -> list[str]:
        """What limits the conclusions."""
        return cautions(self.trial)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a measure: ``measure``, ``verdict``, ``tau``, ``null``, ``networks`` and a column a change."""
        rows = [{"measure": record.name, **_fields(record), **record.moves} for record in self.trial.records]
        return pd.DataFrame(rows, columns=["measure", "verdict", "tau", "null", "networks", *CHANGES])

    @cached_property
    def page(self) -> Page:
        """The report."""
        return trial_page(self.trial, self.sentence, self.cautions)

    def to_json(self) -> dict[str, Any]:
        """What ``gengap trial --json`` prints."""
        document: dict[str, Any] = json_ready(
            {
                "measures": [asdict(record) for record in self.trial.records],
                "gap": asdict(self.trial.gap),
                "reasons": self.trial.reasons,
                "data": self.trial.problem,
                "levels": list(LEVELS),
                "seeds": self.seeds,
                "networks": self.trial.networks.to_dict("records"),
                "summary": self.sentence,
                "cautions": self.cautions,
            }
        )
        return document

    def write_records(self, path: str | Path, command: str) -> None:
        """Writes the table that ships beside the catalogue.

        Args:
            path: The file, ``measures/records.json`` of the package.
            command: What made it, for its provenance.

        Raises:
            InputError: It cannot be written.
        """
        from datetime import UTC, datetime

        import torch

        from gengap import __version__

        provenance = {
            "command": command,
            "date": datetime.now(UTC).date().isoformat(),
            "gengap": __version__,
            "torch": torch.__version__,
            "data": self.trial.problem,
            "networks": len(self.trial.networks),
            "seeds": self.seeds,
            "levels": list(LEVELS),
            "gap": _rounded(self.trial.gap),
        }
        records = {record.name: _rounded(record) for record in self.trial.records}
        try:
            Path(path).write_text(json_text({"provenance": provenance, "measures": records}), encoding="utf-8")
        except OSError as error:
            raise InputError(f"Cannot write {path}: {error.strerror or error}.", expected="a file to write") from error


def try_measures(
    file: str | Path | None = None,
    *,
    measures: Sequence[str] | None = None,
    data: str | Path | Problem = "digits",
    seeds: int = SEEDS,
    seed: int = 0,
    out: str | Path | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> TrialAnswer:
    """Puts measures on trial; see ``gengap.ranking.trial.trial``.

    Args:
        file: Python file that registers measures, which are tried; it is run. None tries the catalogue.
        measures: Names of those tried; None for all that the file registers, or all of the catalogue.
        data: What networks are trained on: a Problem, or what ``gengap.load`` takes.
        seeds: Networks at each level of corruption and of each change, at least 2.
        seed: Of permutations and of what measures draw.
        out: Folder for the report; None writes none.
        progress: Called with (done, total, text).

    Raises:
        InputError: A file that cannot be run or registers no measure, names that do not exist, data that cannot be
            used.
    """
    own = None if file is None else registered_by(Path(file))
    if out is not None:
        check_folder(out)
    problem = data if isinstance(data, Problem) else load(data)
    answer = TrialAnswer(trial(problem, measures or own, seeds=seeds, seed=seed, progress=progress), seeds)
    if out is not None:
        write_page(answer.page, out, answer.table, answer.to_json())
    return answer


def registered_by(path: Path) -> list[str]:
    """Runs a user's file and returns the names of the measures that it registers.

    Raises:
        InputError: There is no such file, it fails, or it registers none.
    """
    if not path.is_file():
        raise InputError(
            f"There is no file {path}.",
            expected="a Python file that registers measures",
            next_step=where_instead(path),
        )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is no Python file.", expected="a file whose name ends in .py")
    before = {one.name: one.function for one in all_measures()}
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        text = str(error).strip().partition("\n")[0]
        raise InputError(
            f"Running {path} failed: {type(error).__name__}: {text}", next_step="mend it, then run again"
        ) from error
    names = [one.name for one in all_measures() if before.get(one.name) is not one.function]
    if not names:
        raise InputError(
            f"{path} registers no measure.",
            expected="a function decorated with gengap.measures.register(…)",
            next_step="see 'A measure' in CONTRIBUTING.md for an example of ten lines",
        )
    return names


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in ("verdict", "tau", "null", "networks")}


def _rounded(record: Record) -> dict[str, Any]:
    """The record's fields but its name, numbers to three digits."""
    moves = {change: None if move is None else float(f"{move:.3g}") for change, move in record.moves.items()}
    fields = _fields(record) | {"moves": moves}
    return {name: float(f"{value:.3g}") if isinstance(value, float) else value for name, value in fields.items()}
