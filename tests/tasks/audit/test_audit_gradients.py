"""On how many examples an audit differentiates."""

import pytest

from gengap.tasks.audit.gradients import coherence_examples
from gengap.tasks.audit.part import Budget


@pytest.mark.parametrize(("seconds", "count"), [(240, 1_000), (120, 1_000), (50, 250), (25, 250), (None, 2_000)])
def test_a_mode_has_a_fixed_number_of_examples_however_fast_the_machine(seconds: float | None, count: int) -> None:
    allowed = Budget(seconds).of("coherence") if seconds else 1.0
    for each in (1e-9, allowed / count, 1.9 * allowed / count):
        assert coherence_examples(Budget(seconds), each, 50_000) == count
    assert coherence_examples(Budget(seconds), 1e-9, 40) == 40


def test_a_network_that_is_too_slow_by_far_has_fewer_by_halves() -> None:
    allowed = Budget(240).of("coherence")
    assert coherence_examples(Budget(240), 3 * allowed / 1_000, 50_000) == 500
    assert coherence_examples(Budget(240), 1e9, 50_000) == 30
    assert coherence_examples(Budget(240), 1e9, 20) == 20
