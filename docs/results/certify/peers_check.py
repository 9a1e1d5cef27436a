"""Compares the formulas of ``peers_formulas.py`` with the tools' functions; writes ``peers_check.csv`` here.

    python docs/results/certify/peers_check.py

Needs inspect_ai, lm_eval and evalstats (none of gengap); without one of them its rows stay as they are.
"""

import csv
import importlib
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import peers_formulas as ours  # the neighbour in this folder

TABLE = Path(__file__).parent / "peers_check.csv"
COLUMNS = ["tool", "version", "function", "formula", "evaluations", "largest difference"]
EVALUATIONS = [(20, 0.5), (50, 0.9), (200, 0.98), (200, 0.6), (1000, 0.9), (50, 1.0), (50, 0.0)]  # n, accuracy
CLUSTERED = [(5, 4, 0.7), (20, 10, 0.9), (20, 2, 0.5), (50, 20, 0.95), (10, 5, 1.0)]  # clusters, size, accuracy


def evaluations() -> Iterator[Any]:
    """Right or wrong, 1 or 0, one an answer."""
    rng = np.random.default_rng(0)
    for n, accuracy in EVALUATIONS:
        yield (rng.random(n) < accuracy).astype(int)


def clustered() -> Iterator[Any]:
    """The same, clusters x answers, with a correlation of about a third within a cluster."""
    rng = np.random.default_rng(1)
    for count, size, accuracy in CLUSTERED:
        lean = rng.beta(2 * accuracy, 2 * (1 - accuracy), (count, 1)) if accuracy < 1 else np.ones((count, 1))
        yield (rng.random((count, size)) < lean).astype(int)


def of_inspect() -> Iterator[tuple[str, str, list[float]]]:
    """Each function, its formula here, and the differences."""
    from inspect_ai.scorer import Score, ci, stderr
    from inspect_ai.scorer._metric import SampleScore

    try:
        from inspect_ai.scorer import ci_wilson
    except ImportError:
        from inspect_ai.scorer._metrics.std import ci_wilson

    def scores(answers: Any) -> list[Any]:
        names = np.repeat(np.arange(answers.shape[0]), answers.shape[1] if answers.ndim == 2 else 1)
        return [
            SampleScore(score=Score(value=int(answer)), sample_id=i, sample_metadata={"c": int(name)})
            for i, (answer, name) in enumerate(zip(answers.ravel(), names, strict=True))
        ]

    def ends(value: Any) -> list[float]:
        return [value["lower"], value["upper"]]

    single, units = list(evaluations()), list(clustered())
    yield "stderr", "standard_error", [stderr()(scores(a)) - ours.standard_error(a.sum(), a.size) for a in single]
    yield "ci", "student", _ends([(ends(ci()(scores(a))), ours.student(a.sum(), a.size)) for a in single])
    pairs = [(ends(ci_wilson()(scores(a))), ours.wilson(a.sum(), a.size)) for a in single]
    yield "ci_wilson", "wilson", _ends(pairs)
    hits = [(a.sum(axis=1), a.shape[1]) for a in units]
    found = [stderr(cluster="c")(scores(a)) for a in units]
    yield (
        "stderr(cluster=)",
        "clustered_standard_error",
        [one - ours.clustered_standard_error(*hit) for one, hit in zip(found, hits, strict=True)],
    )
    for name, metric, formula in (
        ("ci(cluster=)", ci(cluster="c"), ours.clustered_student),
        ("ci_wilson(cluster=)", ci_wilson(cluster="c"), ours.clustered_wilson),
    ):
        pairs = [(ends(metric(scores(a))), formula(*hit)) for a, hit in zip(units, hits, strict=True)]
        yield name, formula.__name__, _ends(pairs)


def of_lm_eval() -> Iterator[tuple[str, str, list[float]]]:
    """The same of lm-evaluation-harness."""
    from lm_eval.api.metrics import mean_stderr

    found = [mean_stderr(a.tolist()) - ours.standard_error(a.sum(), a.size) for a in evaluations()]
    yield "mean_stderr", "standard_error", found


def of_evalstats() -> Iterator[tuple[str, str, list[float]]]:
    """The same of evalstats."""
    import evalstats

    pairs = []
    for answers in evaluations():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = evalstats.mean_ci(answers)
        pairs.append(([found.ci_low, found.ci_high], ours.wilson(answers.sum(), answers.size)))
    yield "mean_ci", "wilson", _ends(pairs)


def _ends(pairs: list[Any]) -> list[float]:
    return [theirs - mine for pair in pairs for theirs, mine in zip(*pair, strict=True)]


def main() -> None:
    """Compares what is installed, and writes the table."""
    rows: dict[str, list[dict[str, Any]]] = {}
    if TABLE.exists():
        with TABLE.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                rows.setdefault(row["tool"], []).append(row)
    for tool, functions in (("inspect_ai", of_inspect), ("lm_eval", of_lm_eval), ("evalstats", of_evalstats)):
        try:
            importlib.import_module(tool)
        except ImportError:
            continue
        rows[tool] = [
            dict(
                zip(
                    COLUMNS, (tool, version(tool), name, formula, _count(name), f"{np.abs(off).max():.1e}"), strict=True
                )
            )
            for name, formula, off in functions()
        ]
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(row for tool in rows.values() for row in tool)


def _count(name: str) -> int:
    return len(CLUSTERED) if "cluster" in name else len(EVALUATIONS)


if __name__ == "__main__":
    main()
