"""When each example is fitted, with its own label or a random one; writes ``learning_time.json``.

    python docs/results/learning_time/make.py

A network with one hidden layer of 64 units is trained on 600 of the embedded digits, half of whose labels are redrawn.
Which examples are right is noted after each epoch. Seconds on one core.
"""

import json
import platform
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

import gengap
from gengap.probes import learning_events
from gengap.seeds import generator, stream

HERE = Path(__file__).parent
EXAMPLES, SHOWN, HIDDEN, EPOCHS, BATCH, RATE, SEED = 600, 24, 64, 110, 50, 0.1, 0


def main() -> None:
    """Trains, and writes what was seen."""
    digits = gengap.load("digits")
    noisy = digits.corrupt("labels", level=0.5, seed=SEED)
    x = torch.tensor(np.asarray(digits.train.x[:EXAMPLES]), dtype=torch.float32).flatten(1) / 240 - 0.5
    true = np.asarray(digits.train.y[:EXAMPLES])
    labels = np.asarray(noisy.train.y[:EXAMPLES])
    correct = trained(x, torch.tensor(labels))
    events = learning_events(correct)
    wrong = labels != true
    rng = generator(SEED, "shown")
    shown = np.concatenate(
        [rng.choice(np.flatnonzero(wrong == value), SHOWN, replace=False) for value in (False, True)]
    )
    document = {
        "examples": [
            {
                "pixels": np.asarray(digits.train.x[i]).reshape(-1).tolist(),
                "digit": int(true[i]),
                "label": int(labels[i]),
                "lasting": int(events.lasting[i]),
            }
            for i in shown
        ],
        "curves": {
            "right": correct[:, ~wrong].mean(1).round(4).tolist(),
            "wrong": correct[:, wrong].mean(1).round(4).tolist(),
        },
        "setting": f"{EXAMPLES} digits, {int(wrong.sum())} with a wrong label; {HIDDEN} hidden units; SGD with "
        f"rate {RATE}, batches of {BATCH}, {EPOCHS} epochs, seed {SEED}",
        "made": f"{datetime.now(UTC).date()}, Python {platform.python_version()}, torch {torch.__version__}, "
        f"gengap {gengap.__version__}",
    }
    (HERE / "learning_time.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


def trained(x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    """Whether each example is right after each epoch, ``[epochs, examples]``."""
    torch.manual_seed(SEED)
    network = torch.nn.Sequential(torch.nn.Linear(64, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 10))
    optimiser = torch.optim.SGD(network.parameters(), lr=RATE, momentum=0.9)
    order = torch.Generator().manual_seed(stream(SEED, "order"))
    rows = []
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x), generator=order).split(BATCH):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(network(x[batch]), y[batch]).backward()
            optimiser.step()
        with torch.no_grad():
            rows.append((network(x).argmax(1) == y).numpy())
    return np.array(rows)


if __name__ == "__main__":
    main()
