"""Section 2.2 of Zhang et al. 2017: classical capacity does not distinguish true labels from random ones.

Claim: networks fit random labels, so that their Rademacher complexity is about 1 and their VC dimension far beyond the
number of examples; uniform stability does not look at labels either; so these promise nothing about the test error.

Reported: the Rademacher complexity, "approximately 1" in the paper's words, for each network. Tolerance: 0.05.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from gengap.studies.study import Reported, Row, Scale, Study, study
from gengap.studies.zhang2017 import claims, trainings
from gengap.studies.zhang2017.trainings import ALEXNET, INCEPTION, MLP_1, MLP_3, NAMES, NO_BN, Config

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Table
    from gengap.sweep import Options
    from gengap.verdicts import ClaimPart

TOLERANCE = 0.05
MODELS: dict[Scale, tuple[str, ...]] = {
    "smoke": (MLP_1,),
    "desk": (MLP_1, MLP_3, ALEXNET),
    "paper": (INCEPTION, NO_BN, ALEXNET, MLP_3, MLP_1),
}
# Examples that the trainings on random signs and the twins see, by scale; None: all but one for each twin.
EXAMPLES: dict[Scale, int | None] = {"smoke": 100, "desk": 1000, "paper": None}
DRAWS = TWINS = 2

REPORTED = tuple(
    Reported(
        what=f"empirical Rademacher complexity, {NAMES[model]}, {labels} labels",
        place="Section 2.2",
        value=1.0,
        unit="",
        tolerance=TOLERANCE,
        source="printed",
        quantity="rademacher",
        where={"model": model, "level": level},
    )
    for model in MODELS["paper"]
    for labels, level in (("true", 0.0), ("random", 1.0))
)


def sweep(scale: Scale) -> list[Config]:
    """Each network on true and on random labels."""
    return [
        Config(scale, model, level=level, seed=seed)
        for model in MODELS[scale]
        for level in (0.0, 1.0)
        for seed in trainings.seeds(scale)
    ]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a configuration: that of its cell, with the columns of ``gengap.cells.capacity_rows``."""
    from gengap.cells import Trial, capacity_rows
    from gengap.store import Store

    trial = Trial(EXAMPLES[configs[0].scale], DRAWS, TWINS)
    cells = trainings.cells(configs)
    with Store() as store:
        rows = capacity_rows(cells, store, trial, options)
    named = [
        row | {"rademacher_reason": row["trial_reason"], "seen_as": cell.problem.seen_as}
        for row, cell in zip(rows, cells, strict=True)
    ]
    return [row | asdict(config) for row, config in zip(named, configs, strict=True)]


def promised(rows: "pd.DataFrame") -> "Table":
    """What each measure promises for each network, and the error on the test set."""
    import pandas as pd

    from gengap.verdicts import promise_lines

    complete: list[Row] = rows.astype(object).where(rows.notna(), None).to_dict("records")  # type: ignore[assignment]
    return promise_table(pd.DataFrame(promise_lines(complete)))


def promise_table(promises: "pd.DataFrame") -> "Table":
    """The promises, a line for each network and measure.

    Args:
        promises: Lines of ``gengap.verdicts.promise_lines``.
    """
    from gengap.report import PERCENT, Table

    headings = {
        "network": "network",
        "labels": "labels",
        "measure": "measure",
        "kind": "kind",
        "value": "value",
        "n": "examples",
        "train_error": "error on training set",
        "promises": "what it promises",
        "test_error": "error on test set",
        "note": "note",
    }
    caption = "What each measure of capacity promises for each network, and the error it has on the test set"
    formats = dict.fromkeys(("error on training set", "error on test set"), PERCENT)
    return Table(promises[list(headings)].rename(columns=headings), caption, formats)


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part, means, present

    def promises_nothing(done: list[Row]) -> tuple[bool, str]:
        import pandas as pd

        from gengap.verdicts import capacity_counts, promise_lines

        counts = capacity_counts(pd.DataFrame(promise_lines(done)))
        present(range(counts.classical), "a promise")
        return counts.useful == 0, f"{counts.useful} of {counts.classical} promises are below 100 %"

    def cannot_tell(done: list[Row]) -> tuple[bool, str]:
        differ = []
        for model in {row["model"] for row in done}:
            own = means((row for row in done if row["model"] == model), "level", "vc_dimension", least=2)
            differ.append(max(own.values()) - min(own.values()))
        figures = f"the VC dimensions for true and for random labels differ by {max(differ):g} at most"
        return max(differ) == 0, figures

    random = [row for row in rows if row["level"] == 1]
    return [
        claims.fits(random, "random labels"),
        claim_part("classical capacity promises nothing", rows, ["train_accuracy"], promises_nothing),
        claim_part(
            "the VC dimension does not depend on the labels", rows, ["vc_dimension", "train_accuracy"], cannot_tell
        ),
    ]


@study
def zhang2017_capacity() -> Study:
    """Section 2.2."""
    return Study(
        name="zhang2017/capacity",
        artifact="Section 2.2",
        claim=(
            "VC dimension, Rademacher complexity and uniform stability promise nothing for networks that fit random "
            "labels, and do not distinguish those that learned from those that memorised."
        ),
        paper=trainings.PAPER,
        differences=(
            *trainings.DIFFERENCES,
            "The paper expects a Rademacher complexity of about 1 because random labels are fitted; here it is "
            "measured: networks are trained to err where a random sign is +1 and to be right where it is -1.",
            "The VC dimension is an upper bound by a later theorem (Bartlett et al. 2019) than the paper knew.",
            f"Each trial has {DRAWS} sign vectors and {TWINS} twins; it is a lower estimate.",
        ),
        scaled={
            "smoke": f"{trainings.SCALED['smoke']} Trials see {EXAMPLES['smoke']} examples.",
            "desk": f"{trainings.SCALED['desk']} Trials see the first {EXAMPLES['desk']:,} examples.",
        },
        cost={
            "smoke": "seconds",
            "desk": f"{trainings.COST['desk']}, and about a quarter of an hour for the trials",
            "paper": f"{trainings.COST['paper']}, times about seven for the trials",
        },
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=(promised,),
        check=check,
    )
