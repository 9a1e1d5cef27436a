"""Betting on sorted files, by the order and the bets; writes ``orders.csv`` and ``orders.md`` beside this file.

    python docs/results/certify/orders.py

Each construction is applied to data sets whose losses are sorted, as files often are. A fixed order is one permutation
for each size; a fresh order is drawn for each data set. Only the last capitals may be averaged over orders (Markov's
inequality): running maxima are no e-values.
"""

import hashlib
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from make import machine, markdown  # the neighbour in this folder
from scipy.stats import binom

from gengap import bounds
from gengap.seeds import generator
from gengap.tasks.certify.order import in_random_order

HERE = Path(__file__).parent
DELTA = 0.05
SIZES, RISKS = (52, 200, 300, 1_000), (0.05, 0.3, 0.5)
REPEATS, AVERAGED = 200, 30


def bets_before(y: np.ndarray, wealth: float) -> np.ndarray:
    """Predictable plug-in bets that do not look at the capital, before they are cut at c/m."""
    steps = np.arange(1, y.size + 1)
    mean = (0.5 + np.cumsum(y)) / (steps + 1)
    variance = (0.25 + np.cumsum((y - mean) ** 2)) / (steps + 1)
    return np.sqrt(2 * wealth / (np.append(0.25, variance[:-1]) * y.size))


def plug_in(losses: np.ndarray) -> float:
    """The bound by plug-in bets with c = 3/4, on the order given."""
    y, wealth = 1 - losses, -math.log(DELTA)
    bets, low, high = bets_before(y, wealth), 0.0, 1.0
    for _ in range(30):
        m = 1 - (low + high) / 2
        refuted = np.cumsum(np.log1p(np.minimum(bets, 0.75 / m) * (y - m))).max() >= wealth
        low, high = (low, 1 - m) if refuted else (1 - m, high)
    return high


def averaged_plug_in(losses: np.ndarray, rng: np.random.Generator) -> float:
    """The same bets, the last capitals averaged over fresh orders."""
    wealth, orders = -math.log(DELTA), [rng.permutation(losses) for _ in range(AVERAGED)]
    ys = 1 - np.stack(orders)
    bets, low, high = np.stack([bets_before(y, wealth) for y in ys]), 0.0, 1.0
    for _ in range(30):
        m = 1 - (low + high) / 2
        capital = np.exp(np.log1p(np.minimum(bets, 0.75 / m) * (ys - m)).sum(axis=1))
        low, high = (low, 1 - m) if capital.mean() >= 1 / DELTA else (1 - m, high)
    return high


def averaged_aimed(losses: np.ndarray, rng: np.random.Generator) -> float:
    """Bets that aim at the target and stop there, the last capitals averaged; the end of the grid's refuted risks."""
    wealth, n = -math.log(DELTA), losses.size
    risks = np.sin(np.linspace(0, np.pi / 2, math.ceil(6.5 * math.sqrt(n)) + 8)) ** 2
    risks = np.unique(np.append(risks, np.linspace(losses.mean(), min(losses.mean() + 0.3, 1), 60)))
    total = np.zeros(risks.size)
    for _ in range(AVERAGED):
        y, capital = 1 - rng.permutation(losses), np.zeros(risks.size)
        scale = bets_before(y, wealth) / np.sqrt(2 * wealth / n)  # 1 over the standard deviation
        for i in range(n):
            aim = np.sqrt(2 * np.maximum(wealth - capital, 0) / (n - i)) * scale[i]
            capital += np.log1p(np.minimum(aim, 0.95 / np.maximum(1 - risks, 1e-12)) * (y[i] - 1 + risks))
        total += np.exp(capital)
    open_ = np.flatnonzero(total / AVERAGED < 1 / DELTA)
    return float(risks[min(open_[-1] + 1, risks.size - 1)])


def fixed(losses: np.ndarray) -> np.ndarray:
    """The one permutation of each size."""
    return losses[generator(0, "certify", "order").permutation(losses.size)]


def fresh_seed(rng: np.random.Generator) -> int:
    """A seed as a system would give it, repeatable here."""
    return int(rng.integers(2**53))


CONSTRUCTIONS: dict[str, Callable[[np.ndarray, np.random.Generator], float]] = {
    "fixed order, plug-in bets": lambda x, rng: plug_in(fixed(x)),
    "fresh order, plug-in bets": lambda x, rng: plug_in(rng.permutation(x)),
    "fresh order, aimed bets (used)": lambda x, rng: float(
        bounds.betting(in_random_order(x, fresh_seed(rng)), 1, DELTA)
    ),
    f"mean of {AVERAGED} orders, plug-in bets": averaged_plug_in,
    f"mean of {AVERAGED} orders, aimed bets": averaged_aimed,
}


def rows() -> list[dict[str, object]]:
    """One row a construction, kind of loss, true risk and size; all on the same sorted losses."""
    out = []
    for n in SIZES:
        for loss in ("0-1", "beta"):
            for risk in RISKS:
                out += cell(n, loss, risk)
    return out


def cell(n: int, loss: str, risk: float) -> list[dict[str, object]]:
    """The rows of one cell."""
    out = []
    for name, bound in CONSTRUCTIONS.items():
        rng = generator(0, "orders", loss, n, round(100 * risk))
        stream = generator(1, "orders", hashlib.blake2b(name.encode(), digest_size=4).hexdigest(), n)
        repeats = 40 if "mean of" in name else REPEATS
        if n > 300 and "aimed bets" in name and "mean" in name:
            continue
        missed, widths = 0, []
        for _ in range(repeats):
            x = (rng.random(n) < risk).astype(float) if loss == "0-1" else rng.beta(2 * risk, 2 * (1 - risk), n)
            upper = bound(np.sort(x), stream)
            missed, widths = missed + (upper < risk), [*widths, upper - x.mean()]
        again = [bound(np.sort(x), stream) for _ in range(10)]
        out.append(
            {
                "construction": name,
                "loss": loss,
                "risk": risk,
                "n": n,
                "repeats": repeats,
                "violation_rate": missed / repeats,
                "mean_width": float(np.mean(widths)),
                "sd_over_orders": float(np.std(again, ddof=1)),
            }
        )
    return out


def worst_of_fixed(n: int) -> tuple[float, float]:
    """The largest violation rate of the fixed order on sorted 0-1 losses, exactly, and the risk where it is."""
    upper = np.array([plug_in(fixed(np.repeat([0.0, 1.0], [n - k, k]))) for k in range(n + 1)])
    risks = np.linspace(0.01, 0.99, 99)
    rates = [float(binom.pmf(np.arange(n + 1), n, r)[upper < r].sum()) for r in risks]
    return max(rates), float(risks[int(np.argmax(rates))])


def main() -> None:
    """Computes the rows and writes both files."""
    start = time.perf_counter()
    table = pd.DataFrame(rows())
    table.to_csv(HERE / "orders.csv", index=False, float_format="%.6g")
    over = table.groupby("construction", sort=False).agg(
        cells=("n", "size"), largest_rate=("violation_rate", "max"), mean_rate=("violation_rate", "mean")
    )
    chosen = table[(table["risk"] == 0.3) & (table["n"] <= 300)]
    widths = chosen.pivot_table(index=["loss", "construction"], columns="n", values="mean_width", sort=False)
    spread = chosen.pivot_table(index=["loss", "construction"], columns="n", values="sd_over_orders", sort=False)
    for frame in (widths, spread):
        frame.columns = [f"n = {n:,}" for n in frame.columns]
    worst = pd.DataFrame(
        [(n, *worst_of_fixed(n)) for n in (52, 97, 200, 300, 500)], columns=["n", "largest_rate", "at_risk"]
    ).set_index("n")
    (HERE / "orders.md").write_text(f"""# Betting on sorted files: which order, which bets

    python docs/results/certify/orders.py

{machine(time.perf_counter() - start)}

One fixed permutation for each size, as long as the file is sorted by its 0-1 losses: the largest probability over the
true risk that the bound at delta = {DELTA:g} fails, summed exactly.

{markdown(worst, ".4f")}

The same sorted losses, 0-1 or beta, true risks {", ".join(map(str, RISKS))}, n = {", ".join(f"{n:,}" for n in SIZES)};
{REPEATS} data sets a cell, 40 where orders are averaged. A valid construction stays at or below {DELTA:g} on average;
the largest of {len(RISKS) * 2 * len(SIZES)} rates may lie 3 standard errors above, at
{DELTA + 3 * math.sqrt(DELTA * (1 - DELTA) / REPEATS):.2f}.

{markdown(over, ".4f")}

Mean width (bound minus mean loss) at a true risk of 0.3:

{markdown(widths, ".4f")}

Standard deviation of the bound over ten orders of one data set:

{markdown(spread, ".4f")}

One fresh order with bets that aim at the target is the narrowest; averaging makes the bound steadier and wider. Its
order is recorded with the answer (`order_seed`), so that the answer can be repeated.
""")


if __name__ == "__main__":
    main()
