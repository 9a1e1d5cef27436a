"""Several models on the same questions: all pairs at once, and the order that they allow."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.errors import InputError
from gengap.tasks.certify.compare import Comparison, compare_pair
from gengap.tasks.certify.evaluation import Evaluation
from gengap.tasks.certify.words import confidence, percent, three_digits, unit_word


@dataclass(frozen=True)
class Ranking:
    """Three models or more on the same questions.

    Attributes:
        models: Their names, the best first by what was seen.
        risks: The mean losses, in that order.
        ranks: The rank of each: 1 and the number of models that are better with the confidence asked for. Models with
            one rank cannot be told apart from some other of that rank.
        pairs: The comparison of each pair, simultaneously valid.
    """

    models: list[str]
    risks: list[float]
    ranks: list[int]
    pairs: list[Comparison]

    @property
    def scope(self) -> str:
        """Where this holds."""
        return self.pairs[0].scope

    @property
    def sentence(self) -> str:
        """The order in one or two sentences."""
        first = [model for model, rank in zip(self.models, self.ranks, strict=True) if rank == 1]
        one, sure = self.pairs[0], confidence(self.pairs[0].delta)
        decided_pairs = sum(pair.verdict != "cannot tell" for pair in self.pairs)
        lead = (
            f"{first[0]} is better than all others"
            if len(first) == 1
            else f"No other model is better than any of {', '.join(first)}, which cannot be told apart"
        )
        return (
            f"{lead} on {one.n:,} {unit_word(one.unit)}s, with {sure} confidence for all "
            f"{len(self.pairs):,} pairs at once; {decided_pairs or 'none'} of these pairs can be told apart."
        )

    @property
    def notes(self) -> list[str]:
        """Each pair's interval, and what was seen in the input."""
        lines = []
        for pair in self.pairs:
            shown, sign = (percent if pair.share else three_digits), (-1 if pair.is_score else 1)
            low, high = sorted(sign * end for end in pair.interval)
            a, b = pair.names or ("A", "B")
            what = pair.metric if pair.is_score else "risk"
            verdict = {"ship A": f"{a} is better", "ship B": f"{b} is better"}.get(pair.verdict, "cannot tell")
            lines.append(f"{a} - {b}: {what} from {shown(low, up=False)} to {shown(high, up=True)}: {verdict}.")
        return [*dict.fromkeys(remark for pair in self.pairs for remark in pair.remarks), *lines]

    def to_json(self) -> dict[str, Any]:
        """The ranking as a dict that ``json.dumps`` takes."""
        return {**vars(self), "pairs": [pair.to_json() for pair in self.pairs], "sentence": self.sentence}


def compare_evaluations(
    evaluations: Sequence[Evaluation],
    *,
    clusters: str | None = None,
    tried: int | None = None,
    delta: float = 0.05,
    order_seed: int | None = None,
    names: Sequence[str] | None = None,
) -> Comparison | Ranking:
    """All pairs of two models or more on the same questions.

    Args:
        evaluations: One for each model.
        clusters: The column whose values name the clusters.
        tried: All models compared on these questions, at least those given, which is the default.
        delta: Probability that the interval of any pair fails, in (0, 1).
        order_seed: As for ``certify``; where betting decides.
        names: What the models are called; by default by their own names.

    Raises:
        InputError: There are fewer than two, they differ in questions or metric, or an argument is out of its range.
    """
    if len(evaluations) < 2:
        raise InputError(f"{len(evaluations)} model to compare.", expected="two models or more")
    first = evaluations[0]
    aligned = [first, *(other.in_order_of(first) for other in evaluations[1:])]
    _check_same_questions(aligned)
    tried = len(aligned) if tried is None else tried
    if tried < len(aligned):
        raise InputError(
            f"tried = {tried}, but {len(aligned)} models are compared.", expected=f"at least {len(aligned)}"
        )
    called = list(names) if names is not None else [evaluation.model for evaluation in aligned]
    if len(set(called)) < len(called):
        called = [f"{evaluation.model} ({evaluation.source})" for evaluation in aligned]
    units = None if clusters is None else _clusters(aligned, clusters)
    options: dict[str, Any] = {"clusters": units, "tried": tried, "delta": delta, "order_seed": order_seed}
    found = []
    for i, j in combinations(range(len(aligned)), 2):
        a, b = aligned[i], aligned[j]
        remarks = [*dict.fromkeys([*a.remarks, *b.remarks])]
        found.append(compare_pair(a, b, names=(called[i], called[j]), remarks=remarks, **options))
    return found[0] if len(aligned) == 2 else _ranking(called, found)


def _ranking(called: list[str], pairs: list[Comparison]) -> Ranking:
    risks, beaten = dict.fromkeys(called, 0.0), dict.fromkeys(called, 0)
    for pair in pairs:
        a, b = pair.names or ("A", "B")
        risks[a], risks[b] = pair.risk_a, pair.risk_b
        if pair.verdict != "cannot tell":
            beaten[b if pair.verdict == "ship A" else a] += 1
    order = sorted(called, key=lambda name: (risks[name], beaten[name]))
    return Ranking(order, [risks[name] for name in order], [1 + beaten[name] for name in order], pairs)


def _check_same_questions(aligned: Sequence[Evaluation]) -> None:
    first = aligned[0]
    for other in aligned[1:]:
        if other.metric != first.metric:
            raise InputError(
                f"{first.source} measures {first.metric}, {other.source} {other.metric}.",
                expected="one metric for all models",
            )
        if first.labels is not None and other.labels is not None:
            differ = int(np.sum(first.labels != other.labels))
            if differ:
                raise InputError(
                    f"The labels of the two files differ on {differ:,} of {first.labels.size:,} rows.",
                    expected="the same held-out examples in the same order",
                    next_step="sort both alike, or give both a column id",
                )


def _clusters(aligned: Sequence[Evaluation], column: str) -> NDArray[Any]:
    """The cluster of each question, from the first model that has the column."""
    with_column = [evaluation for evaluation in aligned if column in evaluation.columns]
    return (with_column or aligned)[0].column(column)


def compare_files(
    *paths: str | Path,
    loss: str = "zero-one",
    clusters: str | None = None,
    tried: int | None = None,
    delta: float = 0.05,
    order_seed: int | None = None,
    **options: Any,
) -> Comparison | Ranking:
    """``compare_evaluations`` for prediction files, logs or tables of scores; one file may hold several models.

    Where prediction files have a column that names the examples (id, example_id, path, file, filename, name, index),
    their rows are put into the order of the first file's.

    Raises:
        InputError: They are not of the same examples, or a file or an argument cannot be used.
    """
    from gengap.tasks.certify.reading import read_evaluations

    evaluations = read_evaluations(paths, loss=loss, **options)
    names = [str(path) for path in paths] if len(evaluations) == len(paths) and not evaluations[0].is_score else None
    return compare_evaluations(
        evaluations, clusters=clusters, tried=tried, delta=delta, order_seed=order_seed, names=names
    )
