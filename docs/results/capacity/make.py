"""What classical capacity promises for the CIFAR-10 networks; writes ``README.md`` and ``promises.csv`` beside it.

    gengap study run zhang2017/capacity --scale desk
    python docs/results/capacity/make.py

The first command trains what the store lacks; the second only reads the store, and computes the closed forms.
"""

import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.spatial.distance import cdist

import gengap
from gengap import bounds, verdicts
from gengap.data import preprocess
from gengap.studies.zhang2017 import capacity
from gengap.sweep import Options
from gengap.tasks.capacity import capacity_verdict

HERE = Path(__file__).parent
EXAMPLES = capacity.EXAMPLES["desk"]
SHOWN = ["network", "labels", "measure", "kind", "value", "n", "train_error", "promises", "test_error"]


def main() -> None:
    """Reads, computes, writes."""
    rows = capacity.measure(capacity.sweep("desk"), Options(stored=True))
    promises = pd.DataFrame(verdicts.promise_lines(rows))
    promises.to_csv(HERE / "promises.csv", index=False)
    (HERE / "README.md").write_text(readme(rows, promises), encoding="utf-8")


def closed_forms() -> pd.DataFrame:
    """Empirical Rademacher complexity of norm-bounded classes on the first training images, with B = 1."""
    problem = gengap.load("cifar10").take(EXAMPLES, 1)
    x = preprocess(problem.train.x, problem.preprocessing).reshape(EXAMPLES, -1).astype(np.float64)
    squared = cdist(x, x, "sqeuclidean")
    bandwidth = float(np.sqrt(np.median(squared)))
    classes = {
        "linear, norm of w at most 1": bounds.linear_rademacher(x),
        "linear, sum of absolute w at most 1": bounds.l1_rademacher(x),
        f"Gaussian kernel of bandwidth {bandwidth:.1f}, norm at most 1": bounds.kernel_rademacher(
            np.exp(-squared / (2 * bandwidth**2))
        ),
    }
    return pd.DataFrame([{"class": name, **found._asdict()} for name, found in classes.items()])


def readme(rows: list[dict[str, Any]], promises: pd.DataFrame) -> str:
    """The page."""
    absent = [f"{row['model']} at level {row['level']:g}" for row in rows if row["status"] != "done"]
    without = f"\n\nNot trained in this store: {', '.join(absent)}; no test error of theirs is shown." if absent else ""
    shown = promises[promises["promises"] != "no result"][SHOWN]
    refused = promises[promises["promises"] == "nothing: it does not apply"]
    reasons = refused.drop_duplicates(["network", "measure"])[["network", "measure", "note"]]
    twins = [row for row in rows if row["twins"]]
    changes = pd.DataFrame(twins)[["model", "level", "twin_zero_one", "twin_probability", "twin_changed"]]
    fitted = ", ".join(
        f"{r['model']} level {r['level']:g}: {r['trial_train_error']:.3f} / {r['trial_test_error']:.3f}" for r in twins
    )
    return f"""# Classical capacity on trial: the CIFAR-10 networks

What VC dimension, Rademacher complexity and uniform stability promise for the networks of Zhang et al. 2017, trained
on as many CIFAR-10 images as the column `n` tells, with true and with random labels, beside the error on the 10,000
test images. Every bound is at confidence 0.95 by itself. All lines with their notes are in `promises.csv`.

    gengap study run zhang2017/capacity --scale desk
    python docs/results/capacity/make.py

{datetime.now(UTC):%Y-%m-%d}; {platform.machine()}, 2 cores that other work shared; Python {platform.python_version()},
PyTorch {torch.__version__}, gengap {gengap.__version__}.

*Upper bounds* make a promise. *Lower estimates*, found by training, may refute one and never make one; "no bound
below" is what any promise made through that measure comes to at least. They speak of the first {EXAMPLES:,} training
images, on which {capacity.DRAWS} networks were trained on random signs and {1 + capacity.TWINS} as twins, by the recipe
of the whole; for these lines `train_error` is that of a network trained on those images.

{table(shown)}{without}

Training and test error of the networks trained on {EXAMPLES:,} images: {fitted}.

{capacity_verdict(promises)}

The networks that memorised cannot be told from those that learned: the VC dimension does not look at labels, and both
kinds fit whatever signs they are given, so that their Rademacher complexity is 1 as far as training can tell. Leaving
the momentum out would not help Hardt's bound: it needs constants of the loss that a network of ReLUs does not have.

## What does not apply, and why

{table(reasons)}

## Twin runs

The largest change of a loss, over the test set and the examples exchanged, when one of {EXAMPLES:,} training examples
is replaced (`twin_zero_one`, and `twin_probability` for 1 - p(label)), and the part of test predictions that change.

{table(changes)}

## Norm-bounded classes on the same images

Where weights are bounded, the complexity is known between two closed forms; the estimate is a mean over 1,000 draws of
signs. It grows in proportion to the bound on the norm.

{table(closed_forms())}
"""


def table(frame: pd.DataFrame) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(frame.columns) + " |", "| " + " | ".join("---" for _ in frame.columns) + " |"]
    lines += ["| " + " | ".join(map(cell, record)) + " |" for record in frame.itertuples(index=False)]
    return "\n".join(lines)


def cell(value: Any) -> str:
    """A cell's text."""
    if value is None or value != value:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main()
