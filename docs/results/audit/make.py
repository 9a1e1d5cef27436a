"""Audits, each of a network that a plain script trained: ``python docs/results/audit/make.py NAME OUT``.

``early``, ``true`` and ``random``: one network on true labels of CIFAR-10 (stopped early, and trained until it fits)
and on random ones. ``noisy``: on human labels of CIFAR-10N, of which it is known which are wrong, by the weights alone
and by out-of-fold probabilities. ``pair``: the networks on true and on random labels by one command, on the true
labels. ``table`` puts what the reports in OUT say side by side.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import gengap
from gengap.data import data_root

sys.path.insert(0, str(Path(__file__).parent))
import nets

N_TRAIN, N_TEST, N_NOISY = 2_000, 10_000, 4_000
NOISY = data_root(None) / "cifar10n" / "cifar10n_labels.npz"  # of Wei et al. 2022; not shipped
LABELS = "random_label1"
OPTIONS = ["--scale", "unit", *("--mean", ",".join(map(str, nets.MEAN))), *("--std", ",".join(map(str, nets.STD)))]
SHOWN = {
    "verdict": ("verdict",),
    "training accuracy": ("accuracy", "train"),
    "test accuracy": ("accuracy", "test"),
    "share that carries over": ("learned_share", "share"),
    "interval": ("learned_share", ("low", "high")),
    "true error at most, 30 models tried": ("certificate", "upper"),
    "expected calibration error": ("calibration", "ece"),
    "the same of a calibrated network": ("calibration", "if_calibrated"),
    "normalised training loss": ("normalised_loss", "train"),
    "normalised test loss": ("normalised_loss", "test"),
    "median margin in training": ("margins", "train", "50"),
    "median margin on test": ("margins", "test", "50"),
    "m-coherence": ("coherence", "m_coherence"),
}


def prepared(x: np.ndarray) -> np.ndarray:
    """Inputs as the network takes them."""
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (nets.MEAN, nets.STD))
    return (x.astype(np.float32) / 255 - mean) / std


def data(labels: np.ndarray | None, folder: Path, name: str, n: int = N_TRAIN) -> tuple[Path, gengap.Problem]:
    """The first images of CIFAR-10, averaged to 16 x 16, as a user's file; with other training labels if given."""
    problem = gengap.load("cifar10").take(n, N_TEST)
    y = problem.train.y if labels is None else labels[:n]
    names = np.array(problem.classes)
    path = folder / f"{name}.npz"
    arrays = {
        "x_train": halved(problem.train.x),
        "y_train": names[y],
        "x_test": halved(problem.test.x),
        "y_test": names[problem.test.y],
    }
    np.savez(path, **arrays)
    return path, gengap.load(path)


def halved(x: np.ndarray) -> np.ndarray:
    """Bytes ``[N, 3, 32, 32]`` averaged over squares of 2 x 2 pixels."""
    return x.reshape(len(x), 3, 16, 2, 16, 2).mean((3, 5)).round().astype(np.uint8)


def audit(path: Path, weights: Path, out: Path, *options: str) -> None:
    """``gengap audit`` as a user calls it, in the folder of ``nets.py``."""
    command = [sys.executable, "-m", "gengap", "audit", "nets:cnn", "--weights", str(weights), "--data", str(path)]
    subprocess.run([*command, *OPTIONS, "--out", str(out), *options], cwd=Path(__file__).parent, check=True)


def on_labels(name: str, out: Path) -> None:
    """The network on true or on random labels, trained until it fits them or stopped early."""
    random = np.random.default_rng(0).integers(0, 10, N_TRAIN) if name == "random" else None
    path, problem = data(random, out, name)
    network = nets.trained(prepared(problem.train.x), problem.train.y, epochs=2 if name == "early" else 80)
    torch.save(network.state_dict(), out / f"{name}.pt")
    audit(path, out / f"{name}.pt", out / name, "--tried", "30")


def pair(out: Path) -> None:
    """The networks on true and on random labels side by side, on the data with the true ones."""
    audit(out / "true.npz", out / "true.pt", out / "pair", "--weights", str(out / "random.pt"), "--quick")


def noisy(out: Path) -> None:
    """The network on human labels, stopped early and trained to the end; which labels does it take for wrong?"""
    with np.load(NOISY) as labels:
        given, clean = labels[LABELS], labels["clean_label"][:N_NOISY]
    path, problem = data(given, out, "noisy", N_NOISY)
    wrong = given[:N_NOISY] != clean
    x, rows = prepared(problem.train.x), []
    for name, epochs in (("noisy-early", 5), ("noisy-fitted", 80)):
        torch.save(nets.trained(x, problem.train.y, epochs=epochs).state_dict(), out / f"{name}.pt")
        audit(path, out / f"{name}.pt", out / name, "--quick")
        rows.append({"probabilities of": f"the network itself, {name[6:]}", **found(out / name, wrong, flagged=False)})
    audit(path, out / "noisy-early.pt", out / "folds", "--quick", "--folds", "5", "--train", "nets:fit")
    rows.append({"probabilities of": "out-of-fold networks", **found(out / "folds", wrong, flagged=True)})
    pd.DataFrame(rows).to_csv(out / "noisy.csv", index=False)


def found(folder: Path, wrong: np.ndarray, *, flagged: bool) -> dict[str, float]:
    """Precision and recall of the labels that a report takes for wrong, and of as many listed first as are wrong."""
    suspects = pd.read_csv(folder / "rows.csv")
    called = suspects[suspects["taken_for_wrong"]] if flagged else suspects
    hits = int(wrong[called["index"]].sum())
    first = suspects.head(100)
    accuracy = json.loads((folder / "report.json").read_text())["accuracy"]
    return {
        "training accuracy": accuracy["train"],
        "test accuracy": accuracy["test"],
        "wrong labels": int(wrong.sum()),
        "called": len(called),
        "precision": hits / len(called),
        "recall": hits / int(wrong.sum()),
        "precision of the first 100": float(wrong[first["index"]].mean()),
    }


def table(out: Path) -> None:
    """What the reports on true and on random labels say, side by side."""
    names = ("early", "true", "random")
    reports = {name: json.loads((out / name / "report.json").read_text()) for name in names}
    rows = [{"what": what, **{name: text(r, *path) for name, r in reports.items()}} for what, path in SHOWN.items()]
    for measure in ("margin_10th_percentile", "path_norm", "prod_of_fro_over_margin", "sum_of_fro", "cross_entropy"):
        values = {name: value(report["measures"], measure) for name, report in reports.items()}
        rows.append({"what": measure, **values})
    pd.DataFrame(rows).to_csv(out / "labels.csv", index=False)


def text(report: dict, *path: str | tuple[str, str]) -> str:
    """A value of a report, or two."""
    for step in path:
        if isinstance(step, tuple):
            return " to ".join(f"{report[end]:.4g}" for end in step)
        report = (report or {}).get(step)
    return "–" if report is None else f"{report:.5g}" if isinstance(report, float) else str(report)


def value(measures: list[dict], name: str) -> str:
    """A measure's value."""
    row = next((row for row in measures if row["name"] == name), {})
    return "–" if row.get("value") is None else f"{row['value']:.5g}"


if __name__ == "__main__":
    name, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    {"noisy": noisy, "pair": pair, "table": table}.get(name, lambda out: on_labels(name, out))(folder)
