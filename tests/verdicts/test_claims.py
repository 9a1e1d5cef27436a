"""A claim against rows: what is decided, what cannot be, and what the parts say together."""

import pytest

from gengap.verdicts import ClaimPart, claim_part, present, span, whole_claim

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
