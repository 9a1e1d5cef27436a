"""From networks to rows: one for each network of a line, and one for the line with its fit."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean
from typing import TYPE_CHECKING, Any

from gengap.studies.liao2018.trainings import Config, networks
from gengap.studies.study import Row

if TYPE_CHECKING:
    from gengap.sweep import Options

# Columns of a network's row that come from its snapshot; ``LOSSES`` for the norm of the line.
PLAIN = ("epoch", "train_loss", "test_loss", "train_error", "test_error")
LOSSES = ("product_norm", "train_loss", "test_loss", "train_signal", "test_signal")
KNOWN = (
    *("n_train", "n_test", "n_classes", "parameters", "pretraining_level", "initial_std", "seed"),
    *("pretraining_epochs", "pretraining_accuracy", "epochs", "seconds", "precision", "device", "commit"),
)
FITTED = ("slope", "intercept", "r2", "adjusted_r2", "rmse", "fixed_point")
TAUS = ("product_norm", "normalised_train_loss", "train_loss")
AT_CHANCE = 0.99  # of ln C: a training loss above it is that of guessing
RANDOM = {"step": "labels", "level": 1.0, "test": True}


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """For each configuration the row of its line, then those of its networks, which are trained once for all."""
    from gengap.cells.pretrained import pretrained_rows
    from gengap.store import Store

    made = [networks(config) for config in configs]
    with Store() as store:
        rows = pretrained_rows([network for line in made for network in line], store, options)
    by_key = {row["key"]: row for row in rows}
    result = []
    for config, own in zip(configs, made, strict=True):
        points = [_point(config, by_key[network.key], _has_random_labels(network)) for network in own]
        seen = {"seen_as": own[0].cell.problem.seen_as}
        result += [row | seen for row in (line_row(config, points), *points)]
    return result


def _has_random_labels(network: Any) -> bool:
    steps = network.cell.problem.steps
    return any(RANDOM.items() <= step.items() for step in steps)


def _point(config: Config, row: Row, random_labels: bool) -> Row:
    """A network's row, with what its snapshot has for the line.

    One whose training ended at chance has diverged: it does not have the training loss at which networks are
    compared, and near (ln C, ln C) it would only pull the line to the point where all lines meet.
    """
    snapshot: Row = next((each for each in row["snapshots"] if each["snapshot"] == config.snapshot), {})
    losses = {name: snapshot.get(f"{config.norm}_{name}") for name in LOSSES}
    status, reason = row["status"], row["reason"]
    if status == "done" and snapshot["train_loss"] > AT_CHANCE * math.log(row["n_classes"]):
        status, reason = "diverged", f"its training loss is that of guessing, {snapshot['train_loss']:.4f}"
    return {
        **asdict(config),
        "kind": "network",
        "status": status,
        "reason": reason,
        "random_labels": random_labels,
        **{name: row.get(name) for name in KNOWN},
        **{name: snapshot.get(name) for name in PLAIN},
        "product_norm": losses["product_norm"],
        "normalised_train_loss": losses["train_loss"],
        "normalised_test_loss": losses["test_loss"],
        "train_signal": losses["train_signal"],
        "test_signal": losses["test_signal"],
    }


def line_row(config: Config, points: Sequence[Row]) -> Row:
    """The row of a line: its fit with intervals, what remains beyond the common point, and rank correlations.

    Columns: ``n``; ``slope``, ``intercept``, ``r2``, ``adjusted_r2``, ``rmse``, ``fixed_point`` of normalised test
    against training loss, each with ``_low`` and ``_high``; ``train_loss``, the mean
    of the networks as they are; ``ln_classes``; ``ratio``, ``ratio_deviation``,
    ``dealt_r2_low``, ``dealt_r2_high``, ``dealt_p``, ``ratio_slope_p``, ``ratio_r2`` (see
    ``gengap.verdicts.Remainder``); ``signal_ratio``, mean test over mean training signal;
    ``unnormalised_r2`` of the losses as they are; and Kendall's tau with test error of the product norm, of the
    normalised and of the plain training loss: ``tau_product_norm`` and so on.
    """
    from gengap.errors import InputError

    done = [point for point in points if point["status"] == "done"]
    known = {name: points[0].get(name) for name in ("n_train", "n_test", "n_classes", "parameters")}
    row = {**asdict(config), "status": "done", "reason": None, **known, "n": len(done)}
    try:
        return row | _fit(done)
    except InputError as error:
        return row | {"status": "missing", "reason": f"{len(done)} of {len(points)} networks: {error.what}"}


def _fit(done: Sequence[Row]) -> Row:
    from scipy.stats import kendalltau

    from gengap.verdicts import line, remainder

    def column(name: str) -> list[float]:
        return [float(point[name]) for point in done]

    train, test = column("normalised_train_loss"), column("normalised_test_loss")
    fit = asdict(line(train, test))
    intervals = fit.pop("intervals")
    left = asdict(remainder(train, test, log_classes := math.log(done[0]["n_classes"])))
    dealt_low, dealt_high = left.pop("dealt_r2")
    return {
        **fit,
        **{f"{name}_{end}": intervals[name][side] for name in FITTED for side, end in enumerate(("low", "high"))},
        "train_loss": fmean(column("train_loss")),
        "ln_classes": log_classes,
        **left,
        "dealt_r2_low": dealt_low,
        "dealt_r2_high": dealt_high,
        "signal_ratio": sum(column("test_signal")) / sum(column("train_signal")),
        "unnormalised_r2": line(column("train_loss"), column("test_loss")).r2,
        **{f"tau_{name}": float(kendalltau(column(name), column("test_error")).statistic) for name in TAUS},
    }
