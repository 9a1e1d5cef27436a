"""What trained rows have to show: labels that are fitted, times and errors by level of corruption."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING

from gengap.studies.study import Row

if TYPE_CHECKING:
    from gengap.verdicts import ClaimPart

FITTED = 0.99  # training accuracy from which labels are fitted: the paper's smallest is 0.9934
SMALL_FACTOR = 5.0  # of the time on true labels; the largest of the paper's figure is 3.6
STEADY = 0.03  # by which an error may fall from one level to the next and still rise steadily
AT_CHANCE = 0.05  # distance from the error of guessing
NEARLY = 0.1  # test accuracy that may be lost without regularisation: the paper's largest loss is 0.0515


def fits(rows: Sequence[Row], what: str) -> "ClaimPart":
    """Whether every row's training labels are fitted."""
    from gengap.verdicts import claim_part, span

    def decide(done: list[Row]) -> tuple[bool, str]:
        accuracies = [row["train_accuracy"] for row in done]
        return min(accuracies) >= FITTED, f"training accuracy {span(accuracies, '.2%')}"

    return claim_part(f"{what} are fitted", rows, ["train_accuracy"], decide)


def nearly_without_regularisation(rows: Sequence[Row]) -> "ClaimPart":
    """Whether each network loses little test accuracy without random crops and weight decay, on true labels."""
    from gengap.verdicts import MissingRows, claim_part, learned, span

    def decide(done: list[Row]) -> tuple[bool, str]:
        lost = []
        for model in {row["model"] for row in done}:
            own = [row for row in done if row["model"] == model]
            plain, others = _accuracies(own, regularised=False), _accuracies(own, regularised=True)
            if plain and others:
                learned(max(others.values()), own[0]["n_classes"])
                lost.append(max(others.values()) - plain[False, False])
        if not lost:
            raise MissingRows("no network was trained both with and without regularisation")
        return max(lost) <= NEARLY, f"test accuracy lost: {span(lost, '.2%')}"

    true = [row for row in rows if row["level"] == 0]
    part = "networks generalise nearly as well without regularisation"
    return claim_part(part, true, ["test_accuracy", "n_classes"], decide)


def _accuracies(rows: Sequence[Row], *, regularised: bool) -> dict[tuple[bool, bool], float]:
    """Test accuracy by (random crop, weight decay)."""
    keys = {(bool(row["random_crop"]), bool(row["weight_decay"])) for row in rows}
    return {
        key: fmean(row["test_accuracy"] for row in rows if (bool(row["random_crop"]), bool(row["weight_decay"])) == key)
        for key in keys
        if any(key) == regularised
    }


def only_longer(rows: Sequence[Row]) -> "ClaimPart":
    """Whether fitting corrupted labels takes only a small factor longer than fitting the true ones."""
    from gengap.verdicts import claim_part, present, span

    def decide(done: list[Row]) -> tuple[bool, str]:
        present((row for row in done if row.get("level", 1) > 0), "corrupted labels")
        times = [row["relative_time"] for row in done]
        return max(times) <= SMALL_FACTOR, f"{span(times)} times as long as on true labels"

    part = f"corrupted labels take at most {SMALL_FACTOR:g} times as long to fit"
    return claim_part(part, rows, ["relative_time"], decide)


def rises_steadily(rows: Sequence[Row]) -> "ClaimPart":
    """Whether each network's test error rises with the level of corruption, from the lowest to the highest as well."""
    from gengap.verdicts import claim_part, means

    def decide(done: list[Row]) -> tuple[bool, str]:
        falls, rises = [], []
        for model in {row["model"] for row in done}:
            own = (row for row in done if row["model"] == model)
            errors = list(means(own, "level", "test_error", least=2).values())
            falls += [before - after for before, after in pairwise(errors)]
            rises.append(errors[-1] - errors[0])
        figures = f"largest fall from one level to the next {max(0.0, *falls):.2%}, in all a rise of {min(rises):.2%}"
        return max(falls) <= STEADY < min(rises), figures

    return claim_part("test error rises steadily with the level", rows, ["test_error"], decide)


def ends_at_chance(rows: Sequence[Row]) -> "ClaimPart":
    """Whether the test error on random labels is that of guessing."""
    from gengap.verdicts import claim_part, span

    def decide(done: list[Row]) -> tuple[bool, str]:
        off = [row["test_error"] - (1 - 1 / row["n_classes"]) for row in done]
        errors = [row["test_error"] for row in done]
        return max(map(abs, off)) <= AT_CHANCE, f"test error {span(errors, '.2%')} on random labels"

    random = [row for row in rows if row["level"] == 1]
    return claim_part("on random labels test error is that of guessing", random, ["test_error", "n_classes"], decide)
