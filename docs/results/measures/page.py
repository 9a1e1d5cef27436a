"""The page of this folder, written from the rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gengap.tasks.measure import value_text

NETWORKS = ["MLP", "AlexNet", "ResNet-8", "transformer"]
MARKS = {"ok": "", "partial": " p", "not converged": " n", "skipped": ""}


def readme(found: Sequence[Mapping[str, Any]], rows: pd.DataFrame, conditions: str) -> str:
    """The whole page.

    Args:
        found: Of each network its name, labels, number of parameters, history and time of measuring.
        rows: Every row of every network.
        conditions: When, where and with what.
    """
    return f"""# Every measure of networks that learned and of networks that memorised

The first 1,000 training images of CIFAR-10 (the centre 28 x 28 pixels, whitened), with their own labels and with random
ones; each network by one recipe (`make.py`, `networks.py`), seed 0, trained to the first epoch that ends with a
training loss of at most 0.01. Initial weights and history are given to every measure; searches use 250 of the images.
Indicative: one seed, few images.

    python docs/results/measures/make.py

{conditions}; about seven minutes.
`measures.csv` has every row with its status and reason.

{markdown(trained(found))}

## What tells the two apart

A measure agrees with its sign where the network that memorised has the larger value (the smaller, for measures that
fall with the gap). Counted are those that have a value for both networks and are not the same for both, as counts of
parameters are.

{markdown(agreement(rows))}

{READING}

## Every value

*p*: partial, *n*: not converged, both told below; –: skipped. A power of e stands where float64 cannot hold the value.

{markdown(values(rows))}

## What is partial, did not converge, or is missing, and why

{markdown(reservations(rows))}
"""


READING = """\
- **Norms, distances, paths** (families norms, path, neyshabur2015, neyshabur2019): larger for every network that
  memorised. Weights themselves differ least (`l2` by 1 to 27 %), their distance from initialisation more (`l2_dist`
  by 16 to 29 %), and products over layers most. Memorising took 1.2 to 1.6 times as many steps to a loss of 0.1,
  and with the steps the weights move: that the order is right here does not say that these measures foretell a gap
  when training takes equally long.
- **Spectral norms**: products, sums and distances from initialisation agree but for two of ResNet-8,
  `fro_over_spec` but for the MLP. Of convolutions, the norm of the operator on its real input is far larger than
  that of the reshaped kernel: squared and multiplied over the layers 210 times for AlexNet, 4,000 to 6,400 times
  for ResNet-8, where the product of operators over the margin no longer agrees and that of kernels does. The
  transformer's one convolution has patches that do not overlap, so that the two are equal.
- **Margins and losses** tell little at this loss, and what they tell follows where training happened to stop:
  ResNet-8 ended at 0.0037 on random labels and at 0.0076 on true ones, and so has the larger margins, the smaller
  gradient noise and the smaller Fisher-Rao norm there. Only the margins normalised by layer are smaller for all
  four networks that memorised.
- **Flatness**: beside the distance from initialisation (`pacbayes_init`, 1.3 to 2.2 times) the order is right
  throughout. sigma and alpha by themselves differ less: searches halve a scale and stop where 9 to 11 % of accuracy
  are lost, so that two networks may end at the same. Sharpness ranks the transformers the wrong way round.
  Magnitude-aware sharpness does not exist for the other three: a box of half-side 0.001, the definition's constant,
  costs more than a tenth of accuracy by itself.
- **Normalised loss** (liao2018) is defined for the MLP alone, where it differs by 0.5 %, in the right direction.
- **Spectral tails** all agree for the transformer; one does not for each of the others, `tail_stable_rank` (MLP,
  AlexNet) and `tail_alpha` (ResNet-8).
- **Speed**: steps to a loss of 0.1 agree, those from 0.1 to 0.01 for the MLP alone.

The last table tells what is missing: measures of one hidden layer are skipped for three of the networks; there is
no sum over paths through attention and layer norm, and no normalised loss with response normalisation or residual
sums; the transformer's `positions`, a parameter that no rule covers, makes every row that counts weights partial."""


def trained(found: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What training came to."""
    records = []
    for one in found:
        last = one["history"][-1]
        counts = pd.Series([row["status"] for row in one["rows"]]).value_counts()
        records.append(
            {
                "network": one["network"],
                "parameters": f"{one['parameters']:,}",
                "labels": one["labels"],
                "epochs": last["epoch"],
                "training loss": f"{last['train_loss']:.4f}",
                "training accuracy": f"{last['train_accuracy']:.1%}",
                "test accuracy": f"{last['test_accuracy']:.1%}",
                "measures ok": counts.get("ok", 0),
                "partial": counts.get("partial", 0),
                "not converged": counts.get("not converged", 0),
                "skipped": counts.get("skipped", 0),
                "seconds of a core": f"{one['cpu_seconds']:.0f}",
            }
        )
    return pd.DataFrame(records)


def agreement(rows: pd.DataFrame) -> pd.DataFrame:
    """Family x network -> of how many measures the order is what the sign says."""
    size = rows["value"].where(rows["log_value"].isna(), rows["log_value"]).astype(float)
    keys = ["network", "family", "name", "sign"]
    both = rows.assign(size=size).pivot(index=keys, columns="labels", values="size").dropna().reset_index()
    moved = both[both["random"] != both["true"]]
    right = moved.assign(right=(moved["random"] - moved["true"]) * moved["sign"] > 0).groupby(["family", "network"])
    told = right["right"].agg(lambda agrees: f"{agrees.sum()} of {len(agrees)}")
    return told.unstack()[NETWORKS].reset_index()


def values(rows: pd.DataFrame) -> pd.DataFrame:
    """A line for each measure, a column for each network."""
    cells = [f"{value_text(row)}{MARKS[row['status']]}" for row in rows.to_dict("records")]
    wide = rows.assign(cell=cells).pivot(index=["family", "name"], columns=["network", "labels"], values="cell")
    columns = [(network, labels) for network in NETWORKS for labels in ("true", "random")]
    wide = wide[columns].reset_index()
    wide.columns = ["family", "measure", *(f"{network}, {labels}" for network, labels in columns)]
    return wide


def reservations(rows: pd.DataFrame) -> pd.DataFrame:
    """Each reason once, with the measures and networks it is told of."""
    told = rows[rows["status"] != "ok"]
    told = told.assign(network=told["network"] + ", " + told["labels"])
    by_measure = told.groupby(["status", "reason", "name"], sort=False)["network"].agg(_networks).reset_index()
    grouped = by_measure.groupby(["network", "status", "reason"], sort=False)["name"].agg(", ".join).reset_index()
    return grouped.rename(columns={"network": "networks", "name": "measures"})


def _networks(names: pd.Series) -> str:
    """``AlexNet, true; AlexNet, random`` as ``AlexNet``."""
    listed = names.tolist()
    both = [network for network in NETWORKS if {f"{network}, true", f"{network}, random"} <= set(listed)]
    return "; ".join([*both, *(name for name in listed if name.rpartition(",")[0] not in both)])


def markdown(frame: pd.DataFrame) -> str:
    """A table."""
    lines = ["| " + " | ".join(frame.columns) + " |", "| " + " | ".join("---" for _ in frame.columns) + " |"]
    lines += ["| " + " | ".join(map(_cell, record)) + " |" for record in frame.itertuples(index=False)]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return "–" if pd.isna(value) else str(value).replace("|", "\\|")
