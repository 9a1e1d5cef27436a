"""Every study's check on rows that are damaged: nothing is raised, and nothing holds because of what is not there."""

from typing import Any

import pytest
from lost_rows import damaged, with_other_rows

from gengap.studies import Outcome, Study, all_studies
from gengap.studies.evidence import recorded_results
from gengap.verdicts import ClaimPart, whole_claim

STUDIES = all_studies()
RECORDED = recorded_results()
each_study = pytest.mark.parametrize("one", STUDIES, ids=lambda s: s.name)
each_recorded = pytest.mark.parametrize("name", sorted(RECORDED))


def findings(parts: list[ClaimPart]) -> dict[str, str]:
    return {part.part: part.finding for part in parts}


@each_study
def test_without_rows_nothing_holds(one: Study) -> None:
    parts = one.check([])
    assert parts
    assert {part.finding for part in parts} == {"cannot be judged"}


@each_study
@pytest.mark.parametrize("status", ["missing", "failed", "diverged"])
def test_of_configurations_that_all_failed_nothing_holds(one: Study, status: str) -> None:
    reason = "made up to have ended so"
    rows: list[dict[str, Any]] = [vars(config) | {"status": status, "reason": reason} for config in one.sweep("desk")]
    for each in (rows, [row | {"history": []} for row in rows]):
        parts = Outcome(one, "desk", each).claim_parts()
        assert {part.finding for part in parts} == {"cannot be judged"}


@each_recorded
def test_a_damaged_cell_leaves_parts_open_and_decides_nothing(name: str) -> None:
    outcome = RECORDED[name].outcome
    parts = outcome.claim_parts()
    whole, holds = findings(parts), whole_claim(parts) == "holds"
    for words, rows in damaged(outcome.rows):
        found = findings(Outcome(outcome.study, outcome.scale, rows).claim_parts())
        changed = {part: (whole.get(part), finding) for part, finding in found.items() if whole.get(part) != finding}
        assert all(after == "cannot be judged" for _, after in changed.values()), (words, changed)
        assert not holds or found.keys() >= whole.keys() or changed, words


@each_recorded
def test_the_order_of_rows_and_rows_twice_change_no_finding(name: str) -> None:
    outcome = RECORDED[name].outcome
    whole = findings(outcome.claim_parts())
    for words, rows in with_other_rows(outcome.rows):
        assert findings(Outcome(outcome.study, outcome.scale, rows).claim_parts()) == whole, words
