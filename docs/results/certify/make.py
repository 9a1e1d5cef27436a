"""Coverage and width of every bound of a certificate; writes ``coverage.csv`` and ``README.md`` beside this file.

    python docs/results/certify/make.py [--simulated]

Bounds that a number of errors determines are summed exactly over the binomial distribution; betting and empirical
Bernstein on other losses are simulated. With --simulated the exact rows are those of ``coverage.csv`` as it stands.
"""

import os
import platform
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy
from scipy.stats import binom

import gengap
from gengap import bounds
from gengap.seeds import generator

HERE = Path(__file__).parent
DELTA = 0.05
SHARED = 0.9  # strongly dependent models: the probability that an example's loss is the one common to all of them
RISKS, SIZES, TRIED = (0.001, 0.01, 0.05, 0.1, 0.2, 0.5), (50, 500, 5_000, 50_000), (1, 10, 100, 1_000)
OF_COUNTS = {
    "kawaguchi2017_prop5": bounds.kawaguchi2017_prop5,
    "hoeffding": bounds.hoeffding,
    "chernoff_kl": bounds.chernoff_kl,
    "clopper_pearson": bounds.clopper_pearson,
    "empirical_bernstein": bounds.empirical_bernstein,
}
SIMULATED_RISKS, SIMULATED_TRIED = (0.001, 0.05, 0.5), (1, 10)
BUDGET = 200_000  # losses drawn for a simulated cell, where that makes 30 to 150 repeats


def exact_rows() -> Iterator[dict[str, Any]]:
    """One row for each bound of counts, true risk, size, number of models and dependence between them."""
    for n in SIZES:
        errors = np.arange(n + 1)
        for tried in TRIED:
            for name, bound in OF_COUNTS.items():
                upper = bound(errors, n, tried, DELTA)
                for risk in RISKS:
                    missed = np.flatnonzero(upper < risk)
                    critical = int(missed.max()) if missed.size else -1
                    width = float(np.sum(binom.pmf(errors, n, risk) * (upper - errors / n)))
                    for dependence, rate in violation_rates(critical, n, risk, tried):
                        yield {
                            "bound": name,
                            "loss": "0-1",
                            "risk": risk,
                            "n": n,
                            "tried": tried,
                            "models": dependence,
                            "violation_rate": rate,
                            "standard_error": 0.0,
                            "mean_width": width,
                            "repeats": "exact",
                        }


def violation_rates(critical: int, n: int, risk: float, tried: int) -> list[tuple[str, float]]:
    """The probability that any of the models makes at most ``critical`` errors, by how they depend on each other."""
    alone = float(binom.cdf(critical, n, risk))
    if tried == 1:
        return [("one", alone)]
    independent = -np.expm1(tried * np.log1p(-alone))
    strong = strongly_dependent(critical, n, risk, tried)
    return [("independent", float(independent)), ("strongly dependent", strong), ("identical", alone)]


def strongly_dependent(critical: int, n: int, risk: float, tried: int) -> float:
    """The same for models that share each example's loss with probability ``SHARED`` and else err independently.

    Given K common errors, a model's errors are Bin(K, a) + Bin(n - K, b), and the models are independent. Sums run
    over the 8 standard deviations either side in which all but 1e-13 of each distribution lies.
    """
    if critical < 0:
        return 0.0
    a, b = SHARED + (1 - SHARED) * risk, (1 - SHARED) * risk
    total = 0.0
    for common in window(n, risk):
        of_common = window(int(common), a)
        below = binom.cdf(critical - of_common, n - common, b)
        one = min(float(np.sum(binom.pmf(of_common, common, a) * below)), 1.0)
        total += float(binom.pmf(common, n, risk)) * (1.0 if one >= 1 else -np.expm1(tried * np.log1p(-one)))
    return total


def window(n: int, p: float) -> np.ndarray:
    """The counts within 8 standard deviations, and 40 more, of a binomial's mean."""
    reach = 8 * np.sqrt(n * p * (1 - p)) + 40
    return np.arange(max(0, int(n * p - reach)), min(n, int(n * p + reach)) + 1)


def simulated_rows() -> Iterator[dict[str, Any]]:
    """One row for each bound of losses in their order, kind of loss, true risk, size, models and dependence."""
    for n in SIZES:
        for tried in SIMULATED_TRIED:
            repeats = int(np.clip(BUDGET // (n * tried), 30, 150)) if tried == 1 else 40
            if tried > 1 and n > SIZES[0]:
                continue
            for models in ("one",) if tried == 1 else ("independent", "strongly dependent"):
                for loss in ("0-1", "beta"):
                    for risk in SIMULATED_RISKS:
                        yield from simulated_cell(loss, risk, n, tried, models, repeats)


def simulated_cell(loss: str, risk: float, n: int, tried: int, models: str, repeats: int) -> Iterator[dict[str, Any]]:
    """The rows of one cell, each bound on the same losses."""
    rng = generator(0, "coverage", loss, models, n, tried, round(1_000 * risk))
    names = ["betting", "empirical_bernstein", *(["betting_sequence"] if tried == 1 else [])]
    seen: dict[str, list[Any]] = {name: [] for name in names}
    for _ in range(repeats):
        losses = draw(rng, loss, risk, (tried, n))
        if models == "strongly dependent":
            losses = np.where(rng.random((tried, n)) < SHARED, draw(rng, loss, risk, (1, n)), losses)
        for name in names:
            upper = upper_bounds(name, losses, tried)
            seen[name].append((bool(np.any(upper < risk)), float(np.mean(upper - losses.mean(axis=1)))))
    for name, pairs in seen.items():
        rate = float(np.mean([missed for missed, _ in pairs]))
        yield {
            "bound": name,
            "loss": loss,
            "risk": risk,
            "n": n,
            "tried": tried,
            "models": models,
            "violation_rate": rate,
            "standard_error": float(np.sqrt(DELTA * (1 - DELTA) / repeats)),
            "mean_width": float(np.mean([width for _, width in pairs])),
            "repeats": repeats,
        }


def draw(rng: np.random.Generator, loss: str, risk: float, shape: tuple[int, int]) -> np.ndarray:
    """Losses of the given mean: 0-1, or from a skewed beta distribution."""
    if loss == "0-1":
        return (rng.random(shape) < risk).astype(float)
    return rng.beta(0.5, 0.5 * (1 - risk) / risk, shape)


def upper_bounds(name: str, losses: np.ndarray, tried: int) -> np.ndarray:
    """The bound of each model; for the sequence its lowest, which is the one at the last size."""
    if name == "betting":
        return bounds.betting(losses, tried, DELTA)
    if name == "betting_sequence":
        return bounds.betting_sequence(losses[0], tried, DELTA, sizes=[losses.shape[1]]).upper
    variance = losses.var(axis=1, ddof=1)
    return bounds.empirical_bernstein(losses.sum(axis=1), losses.shape[1], tried, DELTA, variance=variance)


def readme(rows: pd.DataFrame, seconds: float) -> str:
    """The page beside the rows."""
    exact, simulated = rows[rows["repeats"] == "exact"], rows[rows["repeats"] != "exact"]
    worst = exact.pivot_table(index="bound", columns=["models", "tried"], values="violation_rate", aggfunc="max")
    worst.columns = [f"{models}, {tried:,}" if tried > 1 else "one" for models, tried in worst.columns]
    first = ["one", *(name for name in worst.columns if name != "one")]
    at_risk = exact[
        (exact["risk"] == 0.05) & exact["tried"].isin([1, 1_000]) & exact["models"].isin(["one", "identical"])
    ]
    widths = at_risk.pivot_table(index="bound", columns=["tried", "n"], values="mean_width")
    widths.columns = [f"M = {tried:,}, n = {n:,}" for tried, n in widths.columns]
    over = simulated.assign(
        sigmas=(simulated["violation_rate"] - DELTA) / simulated["standard_error"], cells=1
    ).groupby(["bound", "loss", "models"])
    by_kind = over.agg(
        cells=("cells", "sum"), largest_rate=("violation_rate", "max"), sigmas_above_delta=("sigmas", "max")
    )
    one = simulated[(simulated["tried"] == 1) & (simulated["risk"] == 0.05)]
    betting = one.pivot_table(index=["loss", "bound"], columns="n", values="mean_width")
    betting.columns = [f"n = {n:,}" for n in betting.columns]
    return f"""# Coverage and width of the certificates' bounds

Every bound promises that the true risk of all M models tried stays below it with probability at least
{1 - DELTA:g} (delta = {DELTA:g}). The rate at which any of them fails is to stay at or below delta; a rate far below
means that the bound is wider than it needs to be. All {len(rows):,} rows are in `coverage.csv`.

    python docs/results/certify/make.py [--simulated]

{machine(seconds)} With `--simulated` the exact rows stay as they are.

How betting fares on sorted files, by order and bets: [orders.md](orders.md). Two models on the same examples:
[paired.md](paired.md). Metrics, clusters, subgroups, thresholds and leaderboards: [evaluations.md](evaluations.md).
Beside the intervals of other tools: [peers.md](peers.md), by formulas that agree with the functions of evalstats 0.3.3,
inspect_ai 0.3.285 and lm-evaluation-harness 0.4.13 to within 1e-15 ([peers_check.csv](peers_check.csv)):

    python docs/results/certify/peers_check.py

## Bounds of counts, summed exactly over the binomial distribution

The largest violation rate over true risks {listed(RISKS)} and n = {listed(SIZES)}, by the
dependence of the models and their number M. *Strongly dependent* models share each example's error with probability
{SHARED:g} and err independently else; *identical* ones share all.

{markdown(worst[first], ".4f")}

Clopper-Pearson comes closest to delta for independent models; the union bound pays most where models are alike, and
that price, not a larger risk, is what keeps the rate far below delta there. No rate exceeds delta.

Mean width, bound minus empirical risk, at a true risk of 0.05:

{markdown(widths, ".4f")}

## Bounds of losses in their order, simulated

Losses are 0-1, or Beta(1/2, (1/2)(1 - r)/r) of mean r, for r in {listed(SIMULATED_RISKS)}; n as above (50
with ten models), 30 to 150 repeats. `sigmas_above_delta` is the largest (rate - delta) over its standard error:
valid below 3.

{markdown(by_kind, ".4f")}

Mean width for one model at a true risk of 0.05 (`betting` is the headline where the loss is not 0-1):

{markdown(betting, ".4f")}
"""


def machine(seconds: float) -> str:
    """When, where and with what the rows were computed."""
    return (
        f"{datetime.now(UTC).date().isoformat()}; {cpu()}, {os.cpu_count()} cores; Python {platform.python_version()}, "
        f"NumPy {np.__version__},\nSciPy {scipy.__version__}, gengap {gengap.__version__}; "
        f"{max(1, round(seconds / 60))} min on one core that other work shared."
    )


def listed(values: tuple[float, ...]) -> str:
    """Numbers in a sentence."""
    return ", ".join(f"{value:,}" for value in values)


def markdown(table: pd.DataFrame, form: str) -> str:
    """A table of numbers in Markdown, its index as first columns."""
    flat = table.reset_index()
    cells = [[f"{v:{form}}" if isinstance(v, float) else f"{v}" for v in row] for row in flat.itertuples(index=False)]
    lines = [list(map(str, flat.columns)), ["---"] * len(flat.columns), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cpu() -> str:
    """The processor's name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    """Computes the rows and writes both files."""
    start = time.perf_counter()
    if "--simulated" in sys.argv[1:]:
        stored = pd.read_csv(HERE / "coverage.csv", dtype={"repeats": str})
        exact = stored[stored["repeats"] == "exact"].to_dict("records")
    else:
        exact = list(exact_rows())
    rows = pd.DataFrame([*exact, *simulated_rows()])
    rows.to_csv(HERE / "coverage.csv", index=False, float_format="%.6g")
    (HERE / "README.md").write_text(readme(rows, time.perf_counter() - start))


if __name__ == "__main__":
    main()
