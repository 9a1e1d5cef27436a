"""Table 1 of Zhang et al. 2017: training and test accuracy on CIFAR-10, with and without explicit regularisation.

Claim: every network fits the true labels, with or without random crops and weight decay, generalises without them
nearly as well as with them, and fits random labels all the same.

Reported: all 19 rows as printed, training and test accuracy. Tolerance: 1 point of training accuracy, since the claim
is that the labels are fitted, and 3 points of test accuracy, by which the paper's own figures and table differ.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gengap.studies.study import Reported, Row, Scale, Study, study
from gengap.studies.zhang2017 import claims, trainings
from gengap.studies.zhang2017.trainings import ALEXNET, INCEPTION, MLP_1, MLP_3, NAMES, NO_BN, Config

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Table
    from gengap.verdicts import ClaimPart

TRAIN_TOLERANCE, TEST_TOLERANCE = 1.0, 3.0

# (model, level of label corruption, random crop, weight decay) -> training and test accuracy, %; in the paper's order.
PRINTED: dict[tuple[str, float, bool, bool], tuple[float, float]] = {
    (INCEPTION, 0.0, True, True): (100.0, 89.05),
    (INCEPTION, 0.0, True, False): (100.0, 89.31),
    (INCEPTION, 0.0, False, True): (100.0, 86.03),
    (INCEPTION, 0.0, False, False): (100.0, 85.75),
    (INCEPTION, 1.0, False, False): (100.0, 9.78),
    (NO_BN, 0.0, False, True): (100.0, 83.00),
    (NO_BN, 0.0, False, False): (100.0, 82.00),
    (NO_BN, 1.0, False, False): (100.0, 10.12),
    (ALEXNET, 0.0, True, True): (99.90, 81.22),
    (ALEXNET, 0.0, True, False): (99.82, 79.66),
    (ALEXNET, 0.0, False, True): (100.0, 77.36),
    (ALEXNET, 0.0, False, False): (100.0, 76.07),
    (ALEXNET, 1.0, False, False): (99.82, 9.86),
    (MLP_3, 0.0, False, True): (100.0, 53.35),
    (MLP_3, 0.0, False, False): (100.0, 52.39),
    (MLP_3, 1.0, False, False): (100.0, 10.48),
    (MLP_1, 0.0, False, True): (99.80, 50.39),
    (MLP_1, 0.0, False, False): (100.0, 50.51),
    (MLP_1, 1.0, False, False): (99.34, 10.61),
}
KEY = ("model", "level", "random_crop", "weight_decay")


def _reported() -> tuple[Reported, ...]:
    numbers = []
    for place, (key, accuracies) in enumerate(PRINTED.items(), start=1):
        for split, value, tolerance in zip(
            ("train", "test"), accuracies, (TRAIN_TOLERANCE, TEST_TOLERANCE), strict=True
        ):
            numbers.append(
                Reported(
                    what=f"{split} accuracy, {_words(*key)}",
                    place=f"Table 1, row {place}",
                    value=value,
                    unit="%",
                    tolerance=tolerance,
                    source="printed",
                    quantity=f"{split}_accuracy",
                    where=dict(zip(KEY, key, strict=True)),
                )
            )
    return tuple(numbers)


def _words(model: str, level: float, random_crop: bool, weight_decay: bool) -> str:
    extras = [name for name, on in (("random crop", random_crop), ("weight decay", weight_decay)) if on]
    return ", ".join([NAMES[model], "random labels" if level else "true labels", *extras])


REPORTED = _reported()


def sweep(scale: Scale) -> list[Config]:
    """Every row of the table; at smoke scale those of the smallest network."""
    keys = [key for key in PRINTED if scale != "smoke" or key[0] == MLP_1]
    return [
        Config(scale, model, level=level, random_crop=crop, weight_decay=decay, seed=seed)
        for model, level, crop, decay in keys
        for seed in trainings.seeds(scale)
    ]


def table_1(rows: "pd.DataFrame") -> "Table":
    """The table as printed, in so far as it was run, our mean accuracies (in percent) beside the paper's."""
    import pandas as pd

    from gengap.report import Table

    done = rows[rows["status"] == "done"]
    lines = []
    for key, (train, test) in PRINTED.items():
        model, level, crop, decay = key
        if not (rows[list(KEY)] == list(key)).all(axis=1).any():
            continue  # of another scale
        ours = done[(done[list(KEY)] == list(key)).all(axis=1)]
        accuracies = {split: 100 * ours[f"{split}_accuracy"].astype(float).mean() for split in ("train", "test")}
        lines.append(
            {
                "model": NAMES[model],
                "labels": "random" if level else "true",
                "crop": crop,
                "decay": decay,
                "train, paper": train,
                "train, ours": accuracies["train"],
                "test, paper": test,
                "test, ours": accuracies["test"],
            }
        )
    columns = [f"{split}, {whose}" for split in ("train", "test") for whose in ("paper", "ours")]
    return Table(
        pd.DataFrame(lines),
        "Table 1: accuracies in percent with or without random crops and weight decay, the paper's and our mean; "
        "a dash where a setting has no result",
        dict.fromkeys(columns, ".2f"),
    )


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    true, random = ([row for row in rows if row["level"] == level] for level in (0.0, 1.0))
    return [
        claims.fits(true, "true labels"),
        claims.nearly_without_regularisation(rows),
        claims.fits(random, "random labels"),
    ]


@study
def zhang2017_table1() -> Study:
    """Table 1."""
    return Study(
        name="zhang2017/table1",
        artifact="Table 1",
        claim=(
            "Every network fits CIFAR-10 with or without explicit regularisation, generalises without it nearly as "
            "well as with it, and fits random labels with the same hyperparameters."
        ),
        paper=trainings.PAPER,
        differences=trainings.DIFFERENCES,
        scaled=trainings.SCALED,
        cost=trainings.COST,
        reported=REPORTED,
        sweep=sweep,
        measure=trainings.measure,
        views=(table_1,),
        check=check,
    )
