"""A claim against rows: what is decided, what cannot be, and what the parts say together."""

import math
from typing import Any

import pytest

from gengap.verdicts import (
    ClaimPart,
    MissingRows,
    claim_part,
    clearly_less,
    largest_rise,
    learned,
    means,
    present,
    span,
    whole_claim,
)

ROWS = [{"error": 0.1, "status": "done"}, {"error": 0.3, "status": "done"}]


def decide(rows):
    worst = max(row["error"] for row in rows)
    return worst < 0.2, f"at most {worst:g}"


def test_a_part_holds_or_not_with_its_figures() -> None:
    assert claim_part("it is small", ROWS, ["error"], decide) == ClaimPart(
        "it is small", "does not hold", "at most 0.3"
    )
    assert claim_part("it is small", ROWS[:1], ["error"], decide).finding == "holds"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"error": None, "reason": "it was never measured"}, "it was never measured"),
        ({"error": None, "reason": None, "error_reason": "singular"}, "singular"),
        ({}, "a row holds no error"),
    ],
)
def test_nothing_is_decided_where_a_row_lacks_its_value(row: dict, reason: str) -> None:
    part = claim_part("it is small", [*ROWS, row], ["error"], decide)
    assert (part.finding, part.figures) == ("cannot be judged", f"1 of 3 rows lack a value: {reason}")


def test_nothing_is_decided_without_rows() -> None:
    assert claim_part("it is small", [], ["error"], decide).finding == "cannot be judged"


def test_nothing_is_decided_where_rows_to_compare_with_are_missing() -> None:
    def compare(rows):
        return bool(present((row for row in rows if row["error"] > 1), "large errors")), ""

    part = claim_part("it is small", ROWS, ["error"], compare)
    assert (part.finding, part.figures) == ("cannot be judged", "there is no row of large errors")
    assert present(iter([1, 2]), "numbers") == [1, 2]


@pytest.mark.parametrize(
    ("findings", "whole"),
    [
        (["holds", "holds"], "holds"),
        (["holds", "cannot be judged"], "cannot be judged"),
        (["cannot be judged", "does not hold"], "does not hold"),
        ([], "cannot be judged"),
    ],
)
def test_a_claim_is_as_good_as_its_worst_part(findings: list, whole: str) -> None:
    parts = [ClaimPart("part", finding, "") for finding in findings]
    assert whole_claim(parts) == whole
    ours = ClaimPart("ours", "does not hold", "", of_paper=False)
    assert whole_claim([*parts, ours]) == whole  # what the paper does not claim does not count


def test_a_span_is_one_number_where_all_are_equal() -> None:
    assert span([0.5, 0.25, 0.3]) == "0.25 to 0.5"
    assert span([2, 2], ".1f") == "2.0"


def seeds(*errors: float) -> list[dict[str, Any]]:
    return [{"seed": seed, "error": error} for seed, error in enumerate(errors)]


def test_seeds_that_contradict_each_other_do_not_cancel() -> None:
    part = claim_part("it is small", seeds(0.0, 0.3), ["error"], decide)
    assert (part.finding, "in 1 of 2 seeds; with seed 1" in part.figures) == ("does not hold", True)
    assert claim_part("it is small", seeds(0.0, 0.1), ["error"], decide).finding == "holds"
    together = claim_part(
        "it is small", seeds(0.0, 0.3), ["error"], lambda rows: (len(rows) == 2, ""), seeds_together=True
    )
    assert together.finding == "holds"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"error": math.nan}, "its error is NaN"),
        ({"error": None}, "a row holds no error"),
        ({"status": "diverged", "reason": "the loss is inf"}, "the loss is inf"),
        ({"status": "failed"}, "failed"),
    ],
)
def test_a_row_that_is_no_result_decides_nothing(change: dict[str, Any], reason: str) -> None:
    part = claim_part("it is small", [*seeds(0.0), seeds(0.0, 0.0)[1] | change], ["error"], decide)
    assert (part.finding, part.figures) == ("cannot be judged", f"1 of 2 rows lack a value: {reason}")


def test_one_value_is_nothing_to_compare_with() -> None:
    rows = [{"width": 8, "error": 0.5}]
    with pytest.raises(MissingRows, match="nothing to compare"):
        means(rows, "width", "error", least=2)
    with pytest.raises(MissingRows, match="no row with width = 16"):
        means(rows, "width", "error")[16]


def test_a_difference_of_a_billionth_is_none_and_a_guess_is_not_learned() -> None:
    assert not clearly_less(0.5, 0.5 + 1e-9)
    assert not clearly_less(math.nan, 1.0)
    assert clearly_less(-1.0, 1.0)
    learned(0.2)
    for accuracy in (0.19, math.nan):
        with pytest.raises(MissingRows, match="learned nothing"):
            learned(accuracy)


@pytest.mark.parametrize("errors", [{}, {8: 0.1}, {8: 0.1, 16: math.nan}, {8: 0.1, 16: 1.2}])
def test_a_rise_needs_error_rates_of_two_widths(errors: dict[int, float]) -> None:
    with pytest.raises(ValueError, match="at least two widths"):
        largest_rise(errors, 1000)
