"""Comparison of two models: width and coverage of the interval, power of "more examples"; writes ``paired*.csv``.

python docs/results/certify/paired.py
"""

import time
from pathlib import Path

import numpy as np
import pandas as pd
from make import machine, markdown  # the neighbour in this folder
from scipy import stats

from gengap import bounds

HERE = Path(__file__).parent
DELTA = 0.05


def product_interval(a: np.ndarray, b: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The interval of version 0: Clopper-Pearson for how often one errs, and for which, at 5 and 95 % of delta."""

    def two_sided(k: np.ndarray, m: np.ndarray, delta: float) -> tuple[np.ndarray, np.ndarray]:
        return 1 - bounds.clopper_pearson(m - k, m, delta=delta / 2), bounds.clopper_pearson(k, m, delta=delta / 2)

    differ = a + b
    rare, often = two_sided(differ, np.full_like(differ, n), 0.05 * DELTA)
    trials = np.maximum(differ, 1)
    low, high = two_sided(np.minimum(a, trials), trials, 0.95 * DELTA)
    low, high = np.where(differ > 0, 2 * low - 1, -1.0), np.where(differ > 0, 2 * high - 1, 1.0)
    return np.where(low < 0, often, rare) * low, np.where(high > 0, often, rare) * high


def wald_interval(a: np.ndarray, b: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The difference and 1.96 standard errors: not valid, the width to compare with."""
    half = 1.96 * np.sqrt(np.maximum(a + b - (a - b) ** 2 / n, 0)) / n
    return (a - b) / n - half, (a - b) / n + half


def paired_interval(a: np.ndarray, b: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The interval of ``gengap certify --compare``."""
    interval = bounds.paired_difference(a, b, n, DELTA)
    return interval.lower, interval.upper


INTERVALS = {"product (before)": product_interval, "exact unconditional (used)": paired_interval, "Wald": wald_interval}


def coverage_rows() -> list[dict[str, object]]:
    """Miss rate and mean width, summed over the outcomes that hold all but 1e-6 of the probability."""
    rows = []
    for n, rates in (
        (20, [(0.0, 0.0), (0.05, 0.05), (0.2, 0.05), (0.3, 0.3), (0.0, 0.3)]),
        (50, [(0.01, 0.01), (0.1, 0.0), (0.1, 0.02), (0.2, 0.2)]),
        (200, [(0.005, 0.005), (0.03, 0.01), (0.08, 0.05)]),
        (1_000, [(0.001, 0.001), (0.004, 0.0025)]),
    ):
        for p_a, p_b in rates:
            a, b, weight = outcomes(n, p_a, p_b)
            for name, interval in INTERVALS.items():
                low, high = interval(a, b, n)
                missed = (low > p_a - p_b + 1e-12) | (high < p_a - p_b - 1e-12)
                rows.append(
                    {
                        "interval": name,
                        "n": n,
                        "p_a": p_a,
                        "p_b": p_b,
                        "miss_rate": float(weight[missed].sum()),
                        "mean_width": float((weight * (high - low)).sum()),
                        "outcomes": a.size,
                    }
                )
    return rows


def outcomes(n: int, p_a: float, p_b: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts (A alone errs, B alone errs) and their probabilities, the likeliest until 1e-6 are left."""
    most = int(stats.binom.ppf(1 - 1e-8, n, max(p_a, p_b))) + 1
    a, b = (grid.ravel().astype(float) for grid in np.meshgrid(np.arange(most + 1), np.arange(most + 1)))
    a, b = a[a + b <= n], b[a + b <= n]
    weight = stats.multinomial.pmf(np.stack([a, b, n - a - b], axis=1), n, [p_a, p_b, 1 - p_a - p_b])
    order = np.argsort(weight)[::-1]
    order = order[: int(np.searchsorted(np.cumsum(weight[order]), 1 - 1e-6)) + 1]
    return a[order], b[order], weight[order]


def example_rows() -> list[dict[str, object]]:
    """The widths for counts that were once seen."""
    rows = []
    for a, b, n in ((40, 25, 1_000), (20, 4, 2_000), (5, 0, 50), (0, 0, 1_000), (300, 200, 1_000), (505, 500, 100_000)):
        row: dict[str, object] = {"counts": f"{a}:{b} of {n:,}"}
        for name, interval in INTERVALS.items():
            low, high = interval(np.array([float(a)]), np.array([float(b)]), n)
            row[name] = float(high[0] - low[0])
        rows.append(row)
    return rows


def power_rows() -> list[dict[str, object]]:
    """The true power of the number named by "more examples", before (discordant pairs taken as fixed) and now."""
    rows = []
    for a, b, n in ((5, 0, 50), (4, 0, 200), (8, 3, 400), (20, 12, 1_000), (60, 45, 2_000)):
        p_a, p_b = a / n, b / n
        needed = bounds.paired_examples_needed(p_a, p_b, DELTA)
        before = n * fixed_pairs(max(a, b) / (a + b)) // (a + b)
        rows.append(
            {
                "counts": f"{a}:{b} of {n:,}",
                "examples before": before,
                "its power": bounds.paired_power(before, p_a, p_b, DELTA),
                "examples now": needed,
                "its power now": bounds.paired_power(needed or 1, p_a, p_b, DELTA),
            }
        )
    return rows


def fixed_pairs(share: float) -> int:
    """The discordant pairs with which the exact test at 0.95 delta has a power of 0.8 if their number is fixed."""
    for m in range(1, 10_000):
        k = np.arange(m + 1)
        decided = (bounds.mcnemar(k, m - k) <= 0.95 * DELTA) & (k > m - k)
        if stats.binom.pmf(k, m, share)[decided].sum() >= 0.8:
            return m
    raise ValueError("more than 10,000 pairs")


def main() -> None:
    """Computes the rows and writes all files."""
    start = time.perf_counter()
    coverage, examples, power = (pd.DataFrame(rows) for rows in (coverage_rows(), example_rows(), power_rows()))
    for name, table in (("", coverage), ("_widths", examples), ("_power", power)):
        table.to_csv(HERE / f"paired{name}.csv", index=False, float_format="%.6g")
    columns = ["n", "p_a", "p_b"]
    misses = coverage.pivot_table(index=columns, columns="interval", values="miss_rate", sort=False)
    widths = coverage.pivot_table(index=columns, columns="interval", values="mean_width", sort=False)
    (HERE / "paired.md").write_text(f"""# Two models on the same examples

    python docs/results/certify/paired.py

{machine(time.perf_counter() - start)}

Probability that the interval at delta = {DELTA:g} misses the true difference p_a - p_b, summed over the trinomial
distribution of the counts (A alone errs, B alone errs):

{markdown(misses, ".4f")}

Mean width:

{markdown(widths, ".4f")}

Widths for some counts:

{markdown(examples.set_index("counts"), ".4f")}

"Wald" is the difference with 1.96 standard errors, which misses far more often than it says where few pairs differ; an
exact interval cannot be much narrower.

## How many more examples would tell

The size named for a power of 0.8 if the rates seen were the true ones. Before, the number of discordant pairs was taken
as fixed; it is random, so that the true power was smaller.

{markdown(power.set_index("counts"), ".3f")}
""")


if __name__ == "__main__":
    main()
