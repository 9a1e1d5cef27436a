"""What the default call leaves out and how many examples its searches use, by the time that a pass takes."""

import math

import pandas as pd
import pytest
import torch
from measured_networks import fitted, mlp, problem

from gengap.measures import all_measures, measure, plan
from gengap.measures.plan import Costs, Plan, Work

FLATNESS = [one.name for one in all_measures() if one.family == "flatness"]
SHARPNESS = {name for name in FLATNESS if name.startswith("sharpness")}


def _plan(example: float, names: list[str] | None = None, *, limited: bool = True, n: int = 2000) -> Plan:
    """The plan for a network of which a forward pass of an example takes so many seconds."""

    class Network:
        subset, with_gradients = 1000, True

    Network.n = n  # type: ignore[attr-defined]
    chosen = [one for one in all_measures() if names is None or one.name in names]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "measured_costs", lambda _: Costs(example, 0.1 * example))
        return plan.plan(Network(), chosen, limited=limited, named=names is not None)  # type: ignore[arg-type]


def test_a_fast_network_has_every_measure_on_a_thousand_examples() -> None:
    found = _plan(1e-5)
    assert (found.subset, found.left_out) == (1000, frozenset())
    assert set(found.seconds) == {one.name for one in all_measures()}


def test_a_slow_network_has_noise_on_few_examples_and_no_sharpness() -> None:
    found = _plan(0.01)
    assert (found.subset, found.left_out) == (64, SHARPNESS)
    assert "full=True" in found.reason
    assert not SHARPNESS & set(found.seconds)


def test_sharpness_that_is_asked_for_has_more_examples() -> None:
    assert _plan(0.01, FLATNESS).subset == 256
    assert _plan(0.01, FLATNESS).left_out == frozenset()
    assert _plan(0.01, ["pacbayes_init"]).subset == 64


def test_without_limits_nothing_is_left_out() -> None:
    found = _plan(0.01, limited=False)
    assert (found.subset, found.left_out) == (1000, frozenset())


def test_never_more_examples_than_there_are() -> None:
    assert _plan(1e-5, n=100).subset == 100
    assert _plan(1.0, n=30).subset == 30


def test_pairs_of_mixed_examples_take_levels_in_turn_where_all_would_take_long() -> None:
    assert [_plan(example).level_step for example in (1e-3, 2e-3, 5e-3, 1e-2, 1.0)] == [1, 2, 5, 10, 10]
    assert _plan(5e-3, n=50).level_step == 1
    assert _plan(5e-3).seconds["mixup_response"] == pytest.approx(500 * 10 / 5 * 5e-3 + plan.SMALL)


def test_curves_that_are_asked_for_and_calls_without_limits_mix_all_pairs_at_all_levels() -> None:
    assert _plan(1.0, limited=False).level_step == 1
    named = _plan(5e-3, ["cross_entropy", "mixup_response"])
    assert named.level_step == 1
    assert named.seconds["mixup_response"] == pytest.approx(500 * 10 * 5e-3 + plan.SMALL)


@pytest.mark.parametrize("example", [1e-5, 1e-4, 1e-3, 1e-2, 1.0])
def test_the_searches_of_the_default_call_fit_where_they_are_not_the_least(example: float) -> None:
    found = _plan(example)
    chosen = [one for one in all_measures() if one.name not in found.left_out]
    seconds = plan._search_seconds(Costs(example, 0.1 * example), chosen, found.subset)
    assert seconds <= plan.SECONDS or found.subset == plan.LEAST


def test_a_small_network_is_measured_as_with_a_thousand_examples() -> None:
    torch.manual_seed(0)
    model = fitted(mlp())
    names = ["pacbayes_flatness", "sharpness_flatness", "fisher_rao"]
    chosen, full, given = (
        measure(model, problem(), measures=names, **more) for more in ({}, {"full": True}, {"subset": 1000})
    )
    for rows in (full, given):
        pd.testing.assert_frame_equal(chosen.drop(columns="seconds"), rows.drop(columns="seconds"))
        assert rows.attrs["subset"] == 48


def test_what_is_left_out_is_a_row_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "measured_costs", lambda _: Costs(1.0, 0.0))
    rows = measure(mlp(), problem(), history=[]).set_index("name")
    assert set(rows.index) == {one.name for one in all_measures()}
    skipped = rows[rows.reason.str.contains("default call")]
    assert set(skipped.index) == SHARPNESS
    assert set(skipped.status) == {"skipped"}
    assert rows.details["pacbayes_flatness"]["examples"] == 48


def test_progress_rises_to_the_end_and_knows_the_passes_of_searches() -> None:
    steps: list[tuple[int, int, str]] = []
    measure(fitted(mlp()), problem(), progress=lambda *step: steps.append(step), subset=40)
    done = [step[0] for step in steps]
    assert done == sorted(done)
    assert done[0] == 0
    assert 90 <= done[-1] <= 100
    assert {step[1] for step in steps} == {100}
    assert any("search for magnitude_sigma, pass" in step[2] for step in steps)


def test_a_search_that_takes_longer_than_expected_does_not_pass_its_share() -> None:
    chosen = [one for one in all_measures() if one.name in ("pacbayes_flatness", "params", "l2")]
    told: list[int] = []
    work = Work(
        Plan(64, seconds={"pacbayes_flatness": 8.0, "params": 1.0, "l2": 1.0}), chosen, lambda d, _, __: told.append(d)
    )
    order = [one.name for one in chosen]
    work.start(order.index("pacbayes_flatness"))
    for passes in (10.0, 1000.0, math.inf):
        work.advance("sigma", passes)
    first = told[0]
    assert told == [first, first + 16, first + 76, first + 76]
