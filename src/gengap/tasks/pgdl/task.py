"""Scores every measure on a zoo as the competition did: 100 times the conditional information about the gaps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gengap.errors import InputError, counted, listed
from gengap.json_text import json_ready
from gengap.measures import find_measures, measure
from gengap.models.registry import find_network
from gengap.network.passes import accuracies
from gengap.report import check_folder, write_page
from gengap.tasks.files import read_history, saved_network
from gengap.tasks.pgdl.page import scores_page
from gengap.tasks.pgdl.zoo import Entry, Zoo, read_zoo
from gengap.tasks.rank import Ranking, rank

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class ZooScores:
    """The scores of measures on a zoo.

    Attributes:
        ranking: How the measures order the networks.
        networks: One row a network: name, hyperparameters, ``train_error``, ``test_error``, ``gap`` and the measures,
            each times its sign, so that it should rise with the gap.
        left_out: Network's name -> why it could not be built.
        reasons: Measure -> why it has no value on a network, the first where there are several.
        zoo: Folder and data, in words.
    """

    ranking: Ranking
    networks: pd.DataFrame
    left_out: dict[str, str]
    reasons: dict[str, str]
    zoo: str

    @property
    def scores(self) -> pd.DataFrame:
        """One row a measure, the largest score first, those that some networks lack after all others.

        Columns: ``measure``; ``score``; ``permuted``, the largest score of ten permuted measures; ``granulated_tau``,
        ``kendall_tau``, ``n``, ``reason``.
        """
        table = self.ranking.table
        scores = table[["measure", "granulated_tau", "kendall_tau", "n", "reason"]].copy()
        scores.insert(1, "score", 100 * table["cmi"])
        scores.insert(2, "permuted", 100 * table["cmi_null_high"])
        why = [
            f"{reason}: {self.reasons[name]}" if reason and self.reasons.get(name) else reason
            for name, reason in zip(scores["measure"], scores["reason"], strict=True)
        ]
        scores["reason"] = pd.Series(why, index=scores.index, dtype=object)
        scores["whole"] = scores["n"] == len(self.networks)
        ranked = scores.sort_values(["whole", "score"], ascending=False, kind="stable", na_position="last")
        return ranked.drop(columns="whole").reset_index(drop=True)

    @property
    def sentence(self) -> str:
        """The best score beside that of a permuted measure, and what is left out."""
        known = self.scores[self.scores["score"].notna()]
        left = f" {len(self.left_out)} could not be built: {listed(list(self.left_out))}." if self.left_out else ""
        networks = f"{counted(len(self.networks), 'network')} of {self.zoo}"
        if known.empty:
            return f"No measure has a score on {networks}.{left}"
        best = known.iloc[0]
        if best["n"] < len(self.networks):
            networks = f"{best['n']} of the {networks}"
        if not (known["score"] > known["permuted"]).any():
            return (
                f"On {networks} no measure has a PGDL score above those of ten permuted measures: the largest is "
                f"{best['score']:.1f}, of {best['measure']}, beside {best['permuted']:.1f}.{left}"
            )
        return (
            f"On {networks} {best['measure']} has the largest PGDL score, {best['score']:.1f}; the largest of ten "
            f"permuted measures has {best['permuted']:.1f}.{left}"
        )

    @property
    def cautions(self) -> list[str]:
        """What limits the conclusions, and each network that could not be built, with its reason."""
        left = [f"{name} is left out: {reason}" for name, reason in self.left_out.items()]
        return [*left, *self.ranking.cautions]

    def to_json(self) -> dict[str, Any]:
        """What ``gengap pgdl score --json`` prints."""
        document: dict[str, Any] = json_ready(
            {
                "scores": self.scores,
                "networks": self.networks,
                "left_out": self.left_out,
                "summary": self.sentence,
                "cautions": self.cautions,
            }
        )
        return document


def score_zoo(
    folder: str | Path,
    *,
    measures: Sequence[str] | None = None,
    factories: Sequence[str] = (),
    subset: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    progress: Progress = lambda done, total, text: None,
) -> ZooScores:
    """Measures every network of a zoo and scores the measures.

    Source: Jiang et al. 2020 (arXiv:2012.07976), the PGDL competition: 100 times the conditional mutual information of
    ``gengap.ranking.conditional_information``; the competition averages it over several zoos.

    Args:
        folder: The zoo; see ``gengap.tasks.pgdl.zoo``.
        measures: Names; None for all.
        factories: Factories of networks, ``module:function``, that ``zoo.json`` may name: they run code of yours.
        subset: Training examples of searches; None chooses for each network, see ``gengap.measure``.
        seed: Of what is drawn and sampled.
        out: Folder for the report; None writes none.
        progress: Called with (done, total, text).

    Raises:
        InputError: No zoo, names that do not exist, or fewer than two networks that can be built.
    """
    names = [one.name for one in find_measures(measures)]
    zoo = read_zoo(folder)
    if out is not None:
        check_folder(out)
    rows: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for number, entry in enumerate(zoo.entries):
        progress(number, len(zoo.entries), entry.name)
        try:
            row, absent = _row(zoo, entry, names, factories, subset, seed)
            rows.append(row)
            reasons = absent | reasons
        except InputError as error:
            left_out[entry.name] = str(error).partition("\n")[0]
    if len(rows) < 2:
        name, reason = next(iter(left_out.items()))
        raise InputError(
            f"{len(rows)} of {len(zoo.entries)} networks can be built; {name}: {reason}",
            expected="at least two",
        )
    frame = pd.DataFrame(rows)
    varied = [name for name in zoo.hyperparameters if frame[name].nunique() > 1]
    ranking = rank(frame, hyperparameters=varied, measures=names, n_test=len(zoo.problem.test), seed=seed)
    scores = ZooScores(ranking, frame, left_out, reasons, f"{zoo.folder.name} ({zoo.problem.name})")
    if out is not None:
        write_page(
            scores_page(ranking.page, scores.scores, scores.sentence, scores.cautions, scores.left_out),
            out,
            frame,
            scores.to_json(),
        )
    return scores


def _row(
    zoo: Zoo, entry: Entry, names: Sequence[str], factories: Sequence[str], subset: int | None, seed: int
) -> tuple[dict[str, Any], dict[str, str]]:
    """Errors and measures of one network; measure -> why it has no value.

    Raises:
        InputError: It cannot be built.
    """
    if find_network(entry.model) is None and entry.model not in factories:
        raise InputError(
            f"its model {entry.model} is neither a named one nor among the factories that are allowed.",
            expected="--factories module:function, for code that you trust",
        )
    model = saved_network(entry.model, zoo.file(entry.weights), zoo.problem, dropout=entry.dropout)
    start = entry.initial and zoo.file(entry.initial)
    initial = saved_network(entry.model, start, zoo.problem, dropout=entry.dropout) if start else None
    history = read_history(zoo.file(entry.history)) if entry.history else None
    found = measure(
        model, zoo.problem, initial, measures=names, subset=subset, seed=seed, history=history, progress=False
    )
    right = accuracies(model.eval(), zoo.problem)
    values = dict(zip(found["name"], found["sign"] * found["value"].astype(float), strict=True))
    known = found["value"].notna()
    reasons = dict(zip(found["name"][~known], found["reason"][~known], strict=True))
    errors = {"train_error": 1 - right["train"], "test_error": 1 - right["test"]}
    gap = errors["test_error"] - errors["train_error"]
    return {"name": entry.name, **entry.hyperparameters, **errors, "gap": gap, **values}, reasons
