"""Guess which memorised: the reader against the measures."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gengap.studies.evidence import place
from gengap.tasks.atlas.live.piece import Piece

_MEASURES = Path("measures") / "measures.csv"
_TRIAL = Path("trial") / "report.json"
_FEWEST = 3  # measures that make a round

# Measure -> its name for people, and where it is large. All predict a larger gap where they are larger.
PANEL = {
    "l2": ("Size of the weights", "all weights, as one vector, are long"),
    "l2_dist": ("Distance from the start", "training moved the weights far"),
    "prod_of_spec": ("Product of spectral norms", "the layers together can stretch an input far"),
    "fro_over_spec": ("Stable rank", "the layers stretch many directions, not few"),
    "path_norm": ("Path norm", "the squared weights along all paths from input to output add up to much"),
    "inverse_margin": ("Inverse margin", "some training images are barely classified right"),
    "pacbayes_flatness": ("Sharpness", "little noise on the weights costs accuracy"),
    "pacbayes_mag_flatness": ("Relative sharpness", "little noise in proportion to each weight costs accuracy"),
}
_KINDS = {
    "MLP": "perceptrons",
    "AlexNet": "small AlexNets",
    "ResNet-8": "residual networks",
    "transformer": "transformers",
}
_SHARES = {0.25: "a quarter", 0.5: "half", 0.75: "three quarters", 1.0: "all"}
_RESCALED = (
    " That leaves the function, and so every error, as it is. Measures that move with it measure the weights, not what "
    "the network does."
)
# How the network that learned was changed, in the trial of measures -> what that explains.
_CHANGES = {
    "layers rescaled": "After training, the layers of the one that learned were multiplied and divided by 2 in turn."
    + _RESCALED,
    "another optimizer": "The one that learned was trained by SGD with momentum, the other by Adam: optimizers end at "
    "weights of different size and at different margins, whatever the labels are.",
    "units rescaled": "After training, each hidden unit of the one that learned was multiplied by a factor between 1/2 "
    "and 2, and what it feeds divided by it." + _RESCALED,
    "as it was": "Both were trained in the same way. Fitting random labels takes more steps, and the weights move with "
    "each: measures of their size rise.",
    "another batch size": "The one that learned saw 100 images a step, the other 50. Margins depend on when training "
    "stopped, so that a batch size can turn them round.",
    "another learning rate": "The one that learned was trained at half the learning rate of the other.",
    "another order": "The one that learned saw its images in another order. Where that turns a measure round, the "
    "measure had little to say.",
}


def guess(results: Path | None) -> Piece | None:
    """Pairs of networks that fit all their labels, true and random; None where no measures are recorded."""
    if results is None:
        return None
    groups, sources = [], []
    if (results / _TRIAL).exists():
        groups += _trial(json.loads((results / _TRIAL).read_text(encoding="utf-8")))
        sources.append(
            f"{place(results, _TRIAL)}: perceptrons on 400 of the digits, as the command gengap trial makes them."
        )
    if (results / _MEASURES).exists():
        with (results / _MEASURES).open(newline="", encoding="utf-8") as file:
            groups.append(_photographs(list(csv.DictReader(file))))
        sources.append(f"{place(results, _MEASURES)}: 1,000 images of CIFAR-10, one seed.")
    groups = [rounds for rounds in groups if rounds]
    if not groups:
        return None
    return Piece(
        name="guess",
        title="Guess which memorised",
        lead="Two networks fit their training labels; one learned, one memorised. Can you tell them by their measures, "
        "and better than each measure alone can?",
        alternative="A table of measures of two networks A and B, and two buttons to say which of them memorised. Each "
        "guess is followed by what the two were; the last one by how often you and each measure were right.",
        data={"panel": [{"name": name, "large": large} for name, large in PANEL.values()], "groups": groups},
        sources=sources,
    )


def _photographs(rows: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """A round for each network on CIFAR-10, after true and after random labels."""
    values = {
        (row["network"], row["labels"], row["name"]): float(row["value"])
        for row in rows
        if row["status"] in ("ok", "partial") and row["value"]
    }
    rounds = []
    for network in dict.fromkeys(row["network"] for row in rows):
        learned, memorised = ([values.get((network, labels, name)) for name in PANEL] for labels in ("true", "random"))
        steps = [values.get((network, labels, "steps_to_ce_0_1")) for labels in ("true", "random")]
        took = (
            f" Memorising took {steps[1]:,.0f} steps to a training loss of 0.1, learning {steps[0]:,.0f}."
            if all(steps)
            else ""
        )
        rounds += _round(
            f"Two {_KINDS.get(network, network)} on 1,000 photographs of CIFAR-10. One has the true labels, the other "
            "random ones.",
            learned,
            memorised,
            f"Both were trained by one recipe to the same loss.{took}",
        )
    return rounds


def _trial(report: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """For each way in which the network that learned was changed: a round for each seed and share of random labels."""
    networks = {(each["change"], each["level"], each["seed"]): each for each in report["networks"]}
    seeds = sorted({seed for _, _, seed in networks})
    groups = []
    for change, why in _CHANGES.items():
        pairs = [
            (networks.get((change, 0.0, seed)), networks.get(("as it was", level, seed)))
            for seed in seeds
            for level in _SHARES
        ]
        groups.append([made for pair in pairs if pair[0] and pair[1] for made in _digits(pair[0], pair[1], why)])
    return groups


def _digits(learned: Mapping[str, Any], memorised: Mapping[str, Any], why: str) -> list[dict[str, Any]]:
    """The round of two perceptrons on the digits, if there is one."""
    return _round(
        "Two perceptrons on 400 images of digits. One has the true labels; of the other's, "
        f"{_SHARES[memorised['level']]} were redrawn at random.",
        [learned.get(name) for name in PANEL],
        [memorised.get(name) for name in PANEL],
        f"It is wrong on {memorised['test_error']:.0%} of new images, the other on {learned['test_error']:.0%}. {why}",
    )


def _round(
    setting: str, learned: Sequence[float | None], memorised: Sequence[float | None], why: str
) -> list[dict[str, Any]]:
    """A round, or none where too few measures have a value for both networks."""
    known = [a is not None and b is not None for a, b in zip(learned, memorised, strict=True)]
    if sum(known) < _FEWEST:
        return []
    pairs = [[a, b] if both else None for a, b, both in zip(learned, memorised, known, strict=True)]
    return [{"setting": setting, "values": pairs, "why": why}]
