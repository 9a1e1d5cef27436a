"""A leaderboard in a file, to which submissions are added one by one."""

import hashlib
import hmac
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gengap.bounds import Leaderboard, label_array, zero_one_losses
from gengap.data import read_frame
from gengap.data.limits import check_file
from gengap.errors import InputError
from gengap.tasks.certify.columns import class_names
from gengap.tasks.certify.words import confidence, percent, scope

_VERSION = 1
_FIELDS = {"version", "n", "step", "planned", "delta", "answers", "seal"}
STEP, PLANNED = 0.01, 100


@dataclass(frozen=True)
class Look:
    """What a leaderboard answers to one submission.

    Attributes:
        improved: Whether the submission is the new best.
        score: The best error rate so far, rounded up to a step; never the number of errors.
        upper: Upper bound on the true error rate of the best submission, valid however submissions were chosen.
        looks: Looks used.
        planned: Looks planned.
        n: Held-out examples.
        step: Error rates are published as multiples of it.
        delta: Probability that any bound of this leaderboard fails.
        scope: Where the bound holds.
    """

    improved: bool
    score: float
    upper: float
    looks: int
    planned: int
    n: int
    step: float
    delta: float
    scope: str

    @property
    def sentence(self) -> str:
        """The answer in one or two sentences."""
        answer = f"New best: {percent(self.score)}" if self.improved else "No improvement"
        return (
            f"{answer}. With {confidence(self.delta)} confidence the true error rate of the best submission is at most "
            f"{percent(self.upper, up=True)}, however submissions were chosen (look {self.looks:,} of {self.planned:,} "
            f"planned, {self.n:,} examples)."
        )

    @property
    def notes(self) -> list[str]:
        """What is to be said beside the answer."""
        return [
            f"Error rates are published rounded up to multiples of {self.step:g}, and only when they improve: raw "
            f"counts would "
            "let submissions fit these examples.",
            "It holds if these examples are reached through this leaderboard alone, and its file is not set back.",
        ]

    def to_json(self) -> dict[str, Any]:
        """The answer as a dict that ``json.dumps`` takes."""
        return {**vars(self), "sentence": self.sentence}


def submit(
    board: str | Path,
    labels: str | Path,
    submission: str | Path,
    *,
    step: float | None = None,
    planned: int | None = None,
    delta: float | None = None,
) -> Look:
    """Adds a submission to the leaderboard in a file, which is made at the first one, and returns its answer.

    Args:
        board: The leaderboard's JSON file.
        labels: A table with a column ``y_true``, and ``id`` where submissions have one.
        submission: A table with a column ``y_pred``, in the order of the labels or with ``id``.
        step: Error rates are published as multiples of it; 0.01 if not given. Only at the first submission.
        planned: Looks planned; 100 if not given. Only at the first submission.
        delta: Probability that any bound fails; 0.05 if not given. Only at the first submission.

    Raises:
        InputError: A file cannot be used, the leaderboard was edited or is of other labels, its looks are used, or an
            option differs from what the leaderboard began with.
    """
    y_true, y_pred = _aligned(labels, submission)
    key = _key(y_true)
    file = Path(board)
    if file.exists():
        state = _read(file, key)
        options = {"step": step, "planned": planned, "delta": delta}
        for name, given in options.items():
            if given is not None and given != getattr(state, name):
                raise InputError(
                    f"{file.name} began with {name} = {getattr(state, name):g}, not {given:g}.",
                    expected=f"--{name} left out: it is fixed before the first look",
                )
    else:
        state = Leaderboard(
            n=y_true.size,
            step=STEP if step is None else step,
            planned=PLANNED if planned is None else planned,
            delta=0.05 if delta is None else delta,
        )
    new = state.look(int(zero_one_losses(y_true, y_pred).sum()))
    _write(file, new, key)
    return Look(
        improved=new.answers[-1] is not None,
        score=new.score if new.score is not None else 1.0,
        upper=new.upper,
        looks=len(new.answers),
        planned=new.planned,
        n=new.n,
        step=new.step,
        delta=new.delta,
        scope=scope("example"),
    )


def _aligned(labels: str | Path, submission: str | Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Labels and predictions of the same examples in one order."""
    truth, given = read_frame(labels), read_frame(submission)
    names = Path(labels).name, Path(submission).name
    for table, name, column in ((truth, names[0], "y_true"), (given, names[1], "y_pred")):
        if column not in table:
            raise InputError(f"{name} has no column {column}.", expected=f"a table with the column {column}")
    if "id" in truth and "id" in given:
        wanted, have = (pd.Index(class_names(label_array("id", table["id"].to_numpy()))) for table in (truth, given))
        for index, name in ((wanted, names[0]), (have, names[1])):
            if index.has_duplicates:
                raise InputError(f"{name}: id names an example twice.", expected="each example once")
        rows = have.get_indexer(wanted)
        if np.any(rows < 0) or wanted.size != have.size:
            raise InputError(f"{names[1]} and {names[0]} hold different ids.", expected="a prediction for each example")
        given = given.iloc[rows]
    if len(truth) != len(given):
        raise InputError(
            f"{names[1]} holds {len(given):,} predictions for {len(truth):,} labels.", expected="one for each example"
        )
    return (
        label_array(f"{names[0]}: y_true", truth["y_true"].to_numpy()),
        label_array(f"{names[1]}: y_pred", given["y_pred"].to_numpy()),
    )


def _key(y_true: NDArray[Any]) -> bytes:
    """A key that only somebody with the labels has."""
    return hashlib.sha256("\n".join(class_names(y_true).tolist()).encode()).digest()


def _document(board: Leaderboard) -> dict[str, Any]:
    answers = list(board.answers)
    values = {"n": board.n, "step": board.step, "planned": board.planned, "delta": board.delta, "answers": answers}
    return {"version": _VERSION, **values}


def _seal(document: dict[str, Any], key: bytes) -> str:
    return hmac.new(key, json.dumps(document, sort_keys=True).encode(), hashlib.sha256).hexdigest()


def _read(file: Path, key: bytes) -> Leaderboard:
    check_file(file, "a file that gengap wrote")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file.name} is no leaderboard: {error!s:.80}", expected="a file that gengap wrote"
        ) from error
    if not isinstance(document, dict) or set(document) != _FIELDS or document["version"] != _VERSION:
        raise InputError(f"{file.name} is no leaderboard.", expected="a file that this version of gengap wrote")
    seal = document.pop("seal")
    if not isinstance(seal, str) or not hmac.compare_digest(seal, _seal(document, key)):
        raise InputError(
            f"{file.name} was edited by hand, or is of other labels.",
            expected="the file as gengap wrote it, with the labels that it began with",
            next_step="restore it; an answer from another history would promise too much",
        )
    answers = tuple(document["answers"])
    return Leaderboard(document["n"], document["step"], document["planned"], document["delta"], answers)


def _write(file: Path, board: Leaderboard, key: bytes) -> None:
    """The whole file or none of it, before the answer is returned."""
    document = _document(board)
    text = json.dumps({**document, "seal": _seal(document, key)}, indent=1) + "\n"
    try:
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as draft:
            draft.write(text)
        os.replace(draft.name, file)
    except OSError as error:
        raise InputError(
            f"Cannot write {file}: {error.strerror or error}.", next_step="choose another place"
        ) from error
