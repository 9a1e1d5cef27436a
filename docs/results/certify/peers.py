"""``certify`` beside the intervals that evaluation tools report; writes ``peers.csv`` and ``peers.md`` here.

    python docs/results/certify/peers.py

The peers' formulas, as evalstats 0.3.3 (Wilson), inspect_ai 0.3.285 (``ci``, and ``stderr(cluster=)``) and
lm-evaluation-harness 0.4.13 (standard error of the mean) have them, at 95 %: ``wilson`` and ``wald`` below.
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
from gengap.seeds import generator

HERE = Path(__file__).parent
Z, DELTA = 1.96, 0.05
SIZES, ACCURACIES = (50, 200, 1_000), (0.9, 0.98, 1.0)


def wilson(k: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval for a share."""
    p = k / n
    middle, half = p + Z**2 / (2 * n), Z * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return (middle - half) / (1 + Z**2 / n), (middle + half) / (1 + Z**2 / n)


def wald(k: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean and 1.96 standard errors, with divisor n - 1."""
    p = k / n
    half = Z * np.sqrt(p * (1 - p) / (n - 1))
    return p - half, p + half


def exact(k: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The two-sided interval of certify."""
    return bounds.share_lower(k, n, 1, DELTA / 2), bounds.clopper_pearson(k, n, 1, DELTA / 2)


TOOLS = {"gengap": exact, "evalstats (Wilson)": wilson, "inspect ci, lm-eval stderr (Wald)": wald}


def single_rows() -> Iterator[dict[str, Any]]:
    """Coverage and width of the interval of one accuracy, summed over the binomial distribution."""
    for n in SIZES:
        k = np.arange(n + 1)
        for p in ACCURACIES:
            weight = stats.binom.pmf(k, n, p)
            for tool, interval in TOOLS.items():
                low, high = interval(k, n)
                covered = weight[(low <= p + 1e-12) & (p - 1e-12 <= high)].sum()
                width = float(weight @ (np.minimum(high, 1) - np.maximum(low, 0)))
                yield {"setting": "one model", "n": n, "accuracy": p, "tool": tool, "value": covered, "width": width}


def best_rows() -> Iterator[dict[str, Any]]:
    """The best of 20 equal models of accuracy 0.9: how often its lower bound lies above the truth, exactly."""
    for n in SIZES:
        k, best = np.arange(n + 1), stats.binom.cdf(np.arange(n + 1), n, 0.9) ** 20
        weight = np.diff(np.append(0.0, best))
        lowers = {tool: interval(k, n)[0] for tool, interval in TOOLS.items()}
        lowers["gengap"] = bounds.share_lower(k, n, 20, DELTA)
        for tool, low in lowers.items():
            fails, bound = float(weight[low > 0.9].sum()), float(weight @ low)
            yield {"setting": "best of 20 fails", "n": n, "accuracy": 0.9, "tool": tool, "value": fails, "width": bound}


def cluster_rows() -> Iterator[dict[str, Any]]:
    """Accuracy 0.9 in 20 clusters with correlation 0.3: coverage of the lower bound, and its mean; simulated."""
    rng = generator(0, "peers", "clusters")
    for n in SIZES:
        size = n // 20 if n >= 40 else 2
        seen: dict[str, list[float]] = {}
        for _ in range(300):
            hits = rng.binomial(size, rng.beta(0.9 * 7 / 3, 0.1 * 7 / 3, 20))
            total, p = 20 * size, hits.sum() / (20 * size)
            robust = np.sqrt(np.sum((hits - size * p) ** 2)) / total
            lows = {
                "gengap": 1 - float(bounds.betting(1 - hits / size, 1, DELTA)),
                "evalstats (Wilson)": float(wilson(np.array([hits.sum()]), total)[0][0]),
                "inspect ci, lm-eval stderr (Wald)": float(wald(np.array([hits.sum()]), total)[0][0]),
                "inspect stderr(cluster=) (Wald)": p - Z * robust,
            }
            for tool, low in lows.items():
                seen.setdefault(tool, []).append(low)
        for tool, values in seen.items():
            covered = float(np.mean(np.array(values) <= 0.9))
            base = {"setting": "20 clusters, lower bound covered", "n": 20 * size, "accuracy": 0.9}
            yield {**base, "tool": tool, "value": covered, "width": float(np.mean(values))}


def pair_rows() -> Iterator[dict[str, Any]]:
    """Two equal models: how often one is called better, on single questions and on 10 clusters of them; simulated."""
    rng = generator(0, "peers", "pairs")
    for n in SIZES:
        false = {"single": {"gengap": 0, "paired Wald": 0, "overlap of Wilson": 0}}
        false["clustered"] = dict(false["single"])
        for _ in range(400):
            for kind in false:
                size = 1 if kind == "single" else n // 10
                lean = np.repeat(rng.random(n // size), size) if size > 1 else np.full(n, 0.15)
                a = (rng.random(n) < lean).astype(float)
                b = (rng.random(n) < (1 - lean if size > 1 else lean)).astype(float)
                difference = a - b
                half = Z * difference.std(ddof=1) / np.sqrt(n)
                false[kind]["paired Wald"] += abs(difference.mean()) > half
                (low_a, high_a), (low_b, high_b) = (wilson(np.array([x.sum()]), n) for x in (a, b))
                false[kind]["overlap of Wilson"] += bool(low_a > high_b or low_b > high_a)
                if size == 1:
                    false[kind]["gengap"] += bool(bounds.differs(np.sum(a > b), np.sum(b > a), DELTA))
                else:
                    halves = bounds.group_means((1 + difference) / 2, np.repeat(np.arange(n // size), size))
                    ends = (float(bounds.betting(x, 1, DELTA / 2)) for x in (halves, 1 - halves))
                    false[kind]["gengap"] += any(end < 0.5 for end in ends)
        for kind, counts in false.items():
            for tool, count in counts.items():
                setting = f"equal models, {kind}: one called better"
                yield {
                    "setting": setting,
                    "n": n,
                    "accuracy": np.nan,
                    "tool": tool,
                    "value": count / 400,
                    "width": np.nan,
                }


def main() -> None:
    """Computes the rows and writes both files."""
    start = time.perf_counter()
    rows = pd.DataFrame([*single_rows(), *best_rows(), *cluster_rows(), *pair_rows()])
    rows.to_csv(HERE / "peers.csv", index=False, float_format="%.6g")
    one = rows[rows["setting"] == "one model"]
    index = ["accuracy", "n"]
    tables = [one.pivot_table(index=index, columns="tool", values=value, sort=False) for value in ("value", "width")]
    rest = rows[rows["setting"] != "one model"].fillna({"width": -1.0})
    others = rest.pivot_table(index=["setting", "n"], columns="tool", values="value", sort=False).map(
        lambda value: "" if value != value else f"{value:.3f}"
    )
    lowers = (
        rest[rest["width"] >= 0]
        .pivot_table(index=["setting", "n"], columns="tool", values="width", sort=False)
        .map(lambda value: "" if value != value else f"{value:.3f}")
    )
    (HERE / "peers.md").write_text(f"""# Beside the intervals of evaluation tools

    python docs/results/certify/peers.py

{machine(time.perf_counter() - start)}

The peers' formulas are written out in `peers.py`. Coverage of the 95 % interval of one accuracy, summed exactly:

{markdown(tables[0], ".3f")}

Its mean width, cut to [0, 1]:

{markdown(tables[1], ".3f")}

Shares of simulated or summed cases, as each line says; "covered" should be at least 0.95, "fails" and "called better"
at most 0.05:

{markdown(others, ".3f")}

Mean lower bound of the settings with one:

{markdown(lowers, ".3f")}

`gengap` is given what it asks for: `--tried 20` for the best of 20, `--clusters` for clusters. Its bound for 20
clusters makes no assumption on how they are distributed, and is wider than that by the cluster-robust standard error,
which is too short for so few.
""")


if __name__ == "__main__":
    main()
