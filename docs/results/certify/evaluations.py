"""Coverage and width of the bounds beyond an error rate; writes ``evaluations.csv`` and ``evaluations.md`` beside it.

    python docs/results/certify/evaluations.py

Where counts decide, probabilities are summed exactly; else data sets are simulated.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from make import machine, markdown  # the neighbour in this folder
from scipy import stats

from gengap import bounds
from gengap.bounds import Ladder, Leaderboard
from gengap.seeds import generator

HERE = Path(__file__).parent
DELTA = 0.05


def row(bound: str, setting: str, miss: float, width: float, repeats: Any = "exact") -> dict[str, Any]:
    """One row: how often the bound fails, and its mean distance from what was seen."""
    return {"bound": bound, "setting": setting, "miss_rate": miss, "mean_width": width, "repeats": repeats}


def shares() -> Iterator[dict[str, Any]]:
    """Accuracy, recall and precision: Clopper-Pearson from below, summed over the binomial distribution."""
    for n in (30, 100, 1_000):
        for p in (0.5, 0.9, 0.98):
            k = np.arange(n + 1)
            lower, weight = bounds.share_lower(k, n, 1, DELTA), stats.binom.pmf(k, n, p)
            yield row("recall, precision", f"n = {n:,}, p = {p}", weight[lower > p].sum(), weight @ (k / n - lower))


def f1_scores() -> Iterator[dict[str, Any]]:
    """F1 of one class, summed over the trinomial distribution of its counts among 25 examples."""
    n = 25
    tp, fp, fn = (grid.ravel() for grid in np.meshgrid(*[np.arange(n + 1)] * 3))
    inside = tp + fp + fn <= n
    tp, fp, fn = tp[inside], fp[inside], fn[inside]
    lower = bounds.f1_lower(tp, fp, fn, 1, DELTA)
    seen = 2 * tp / np.maximum(2 * tp + fp + fn, 1)
    for p in ((0.3, 0.05, 0.05), (0.05, 0.05, 0.02), (0.6, 0.1, 0.1)):
        weight = stats.multinomial.pmf(np.stack([tp, fp, fn, n - tp - fp - fn], axis=1), n, [*p, 1 - sum(p)])
        true = 2 * p[0] / (2 * p[0] + p[1] + p[2])
        setting = f"n = {n}, tp, fp, fn = {', '.join(map(str, p))}"
        yield row("F1", setting, weight[lower > true].sum(), weight @ (seen - lower))


def macro_metrics() -> Iterator[dict[str, Any]]:
    """Balanced accuracy and macro-F1 of three classes, simulated."""
    from gengap.tasks.certify.metrics import certify_metric

    rng, recall, shares_ = generator(0, "evaluations", "macro"), np.array([0.95, 0.8, 0.6]), np.array([0.7, 0.2, 0.1])
    true = {"balanced-accuracy": recall.mean(), "macro-f1": _macro_f1(recall, shares_)}
    for n in (100, 1_000):
        misses, widths = dict.fromkeys(true, 0), {name: [] for name in true}
        for _ in range(300):
            y = rng.choice(3, n, p=shares_)
            predicted = np.where(rng.random(n) < recall[y], y, (y + rng.integers(1, 3, n)) % 3)
            for name, value in true.items():
                made = certify_metric(name, y, predicted, delta=DELTA)
                misses[name] += made.lower > value
                widths[name].append(made.seen - made.lower)
        for name in true:
            yield row(name, f"n = {n:,}, three classes", misses[name] / 300, float(np.mean(widths[name])), 300)


def _macro_f1(recall: np.ndarray, shares_: np.ndarray) -> float:
    confusion = np.array([[recall[i] if i == j else (1 - recall[i]) / 2 for j in range(3)] for i in range(3)])
    joint = confusion * shares_[:, None]
    tp = np.diag(joint)
    return float(np.mean(2 * tp / (joint.sum(axis=0) + joint.sum(axis=1))))


def aucs() -> Iterator[dict[str, Any]]:
    """AUC of two normal distributions, simulated."""
    rng, true = generator(0, "evaluations", "auc"), float(stats.norm.cdf(1.5 / np.sqrt(2)))
    for positive, negative in ((20, 200), (100, 1_000), (500, 500)):
        seen = np.array([bounds.auc(rng.normal(1.5, 1, positive), rng.normal(0, 1, negative)) for _ in range(500)])
        lower = bounds.auc_lower(seen, positive, negative, 1, DELTA)
        setting = f"{positive:,} positive, {negative:,} negative"
        yield row("AUC", setting, float(np.mean(lower > true)), float(np.mean(seen - lower)), 500)


def clusters() -> Iterator[dict[str, Any]]:
    """Accuracy 0.9 with correlation 0.3 inside clusters, and differences of two such models, simulated."""
    rng = generator(0, "evaluations", "clusters")
    for count, size in ((10, 5), (20, 10), (50, 20), (200, 5)):
        misses, widths, false = 0, [], 0
        for _ in range(150):
            rate = rng.beta(0.1 * 7 / 3, 0.9 * 7 / 3, count)  # of errors; correlation 1 / (1 + 7 / 3) = 0.3
            losses = rng.binomial(size, rate) / size
            upper = float(bounds.betting(losses, 1, DELTA))
            misses, widths = misses + (upper < 0.1), [*widths, upper - losses.mean()]
            lean = rng.random(count)
            halves = (1 + (rng.binomial(size, lean) - rng.binomial(size, 1 - lean)) / size) / 2
            false += (
                float(bounds.betting(halves, 1, DELTA / 2)) < 0.5
                or float(bounds.betting(1 - halves, 1, DELTA / 2)) < 0.5
            )
        setting = f"{count} clusters of {size}"
        yield row("error rate over clusters, betting", setting, misses / 150, float(np.mean(widths)), 150)
        yield row("comparison of equal models over clusters", setting, false / 150, float("nan"), 150)


def subgroups() -> Iterator[dict[str, Any]]:
    """The chance that the bound of any of ten subgroups fails, exactly: they are independent."""
    for n in (20, 200):
        for p in (0.02, 0.2):
            k = np.arange(n + 1)
            upper, weight = bounds.clopper_pearson(k, n, 1, DELTA / 10), stats.binom.pmf(k, n, p)
            miss = 1 - (1 - weight[upper < p].sum()) ** 10
            yield row("worst of 10 subgroups", f"n = {n} each, p = {p}", miss, weight @ (upper - k / n))


def control() -> Iterator[dict[str, Any]]:
    """Thresholds at risk 0.1 where P(wrong | confidence c) = (1 - c) / 2; width is the share accepted."""
    rng, grid = generator(0, "evaluations", "control"), np.round(np.arange(0, 1, 0.02), 2)
    for n in (200, 2_000):
        for sequence in (False, True):
            misses, accepted = 0, []
            for _ in range(400):
                confidence = rng.random(n)
                wrong = (rng.random(n) < (1 - confidence) / 2).astype(float)
                found = bounds.risk_control(confidence, wrong, 0.1, grid, delta=DELTA, sequence=sequence)
                chosen = np.flatnonzero(found.controlled)
                threshold = found.grid[chosen[0]] if chosen.size else 1.0
                misses, accepted = misses + ((1 - threshold) / 4 > 0.1), [*accepted, 1 - threshold]
            name = (
                f"risk control, {'fixed sequence' if sequence else 'Bonferroni'} (width: share accepted, 0.4 is best)"
            )
            yield row(name, f"n = {n:,}", misses / 400, float(np.mean(accepted)), 400)


def leaderboards() -> Iterator[dict[str, Any]]:
    """An attacker whose submissions change the best one at random places, on labels that are coin tosses."""
    for n, looks in ((1_000, 100), (10_000, 300)):
        misses, widths, scores = 0, [], []
        for seed in range(40):
            rng = generator(seed, "evaluations", "attack", n)
            labels, best = rng.integers(0, 2, n), rng.integers(0, 2, n)
            board = Leaderboard(n=n, step=0.01, planned=looks, delta=DELTA).look(int(np.sum(best != labels)))
            for _ in range(looks - 1):
                trial = np.where(rng.random(n) < 0.05, rng.integers(0, 2, n), best)
                board = board.look(int(np.sum(trial != labels)))
                best = trial if board.answers[-1] is not None else best
            score = board.score or 0.0
            misses, widths, scores = misses + (board.upper < 0.5), [*widths, board.upper - score], [*scores, score]
        name = "leaderboard, attacked (width: bound minus score told)"
        setting = f"n = {n:,}, {looks} looks, mean score told {np.mean(scores):.3f}, truth 0.5"
        yield row(name, setting, misses / 40, float(np.mean(widths)), 40)
        ladder = Ladder(np.zeros(n, int), step=0.01)
        ladder.submit(np.zeros(n, int))
        yield row(
            "Ladder's guarantee, for comparison",
            f"n = {n:,}, {looks} looks",
            float("nan"),
            ladder.accuracy(DELTA, planned=looks),
            "formula",
        )


def main() -> None:
    """Computes the rows and writes both files."""
    start = time.perf_counter()
    makers = (shares, f1_scores, macro_metrics, aucs, clusters, subgroups, control, leaderboards)
    rows = pd.DataFrame([one for maker in makers for one in maker()])
    rows.to_csv(HERE / "evaluations.csv", index=False, float_format="%.6g")
    (HERE / "evaluations.md").write_text(f"""# Bounds beyond an error rate

    python docs/results/certify/evaluations.py

{machine(time.perf_counter() - start)}

How often each bound fails at delta = {DELTA:g}, and its mean distance from the value seen (or what its line says).
Simulated rates have a standard error of 0.011 to 0.034 at 0.05.

{markdown(rows.set_index("bound"), ".4f")}

The guarantee of the Ladder is for the distance of its score from the smallest true risk; that of the leaderboard is an
upper bound on the true risk of its best model, which is what a promise needs.
""")


if __name__ == "__main__":
    main()
