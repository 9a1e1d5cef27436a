"""What each measure promises, from made-up rows: by the bounds' own formulas, and in words that never promise more."""

import math

import pytest

from gengap import bounds, verdicts
from gengap.verdicts.promises import LOWER, UPPER

ROW = {
    "model": "mlp",
    "level": 1.0,
    "recipe": '{"momentum": 0.9}',
    "reason": "",
    "n_train": 50_000,
    "n_test": 10_000,
    "train_accuracy": 1.0,
    "test_accuracy": 0.1,
    "vc_dimension": 3.9e7,
    "vc_dimension_reason": None,
    "trial_n": 1000,
    "trial_reason": None,
    "trial_train_error": 0.0,
    "trial_test_error": 0.9,
    "rademacher": 1.0,
    "rademacher_lower": 0.95,
    "rademacher_draws": 2,
    "twins": 2,
    "twin_zero_one": 1.0,
    "twin_probability": 0.99,
    "twin_changed": 0.2,
    "twin_distance": 0.1,
}
NOTHING_TRIED = {"rademacher": None, "twin_zero_one": None, "trial_reason": "failed: killed"}


def by_name(**changes) -> dict[str, verdicts.Promise]:
    names = ("vc", "rademacher", "twins", "hardt", "held out")
    return dict(zip(names, verdicts.promises(ROW | changes), strict=True))


def percent(text: str) -> float:
    """The fraction that a promise ends with."""
    return float(text.split()[-1].rstrip("%").replace(",", "")) / 100


def test_a_memorising_network_is_promised_nothing_but_by_held_out_examples() -> None:
    found = by_name()
    assert all(found[name].bound >= 1 for name in ("vc", "rademacher", "twins"))
    assert all(found[name].promises.startswith("nothing") for name in ("vc", "rademacher", "twins", "hardt"))
    assert found["held out"].bound == pytest.approx(float(bounds.clopper_pearson(9000, 10_000)))
    said = found["held out"].promises
    assert said.startswith("true error at most ")
    assert 0 <= percent(said) - found["held out"].bound < 1e-4  # rounded up


def test_bounds_are_those_of_the_formulas() -> None:
    found = by_name()
    tail = math.sqrt(math.log(20) / 2000)
    assert found["vc"].bound == pytest.approx(1 + math.sqrt(math.log(20) / 100_000))
    assert found["rademacher"].bound == pytest.approx(0.95 + 3 * math.sqrt(math.log(40) / 2000))
    assert found["twins"].bound == pytest.approx(2 * 0.5 + (4 * 1000 * 0.5 + 1) * tail)


def test_what_was_found_by_training_never_promises() -> None:
    found = by_name(rademacher_lower=0.01, twin_zero_one=0.0)
    for name in ("rademacher", "twins"):
        assert found[name].kind == LOWER
        assert found[name].bound < 1
        assert found[name].promises.startswith("nothing by itself: no bound below ")
        assert 0 <= found[name].bound - percent(found[name].promises) < 1e-4  # rounded down
    assert {found[name].kind for name in ("vc", "hardt", "held out")} == {UPPER}


def test_a_small_vc_dimension_promises() -> None:
    found = by_name(vc_dimension=50.0)["vc"]
    assert found.bound == bounds.vc_bound(0.0, 50_000, 50.0) < 1
    assert found.promises.startswith("true error at most")


def test_what_does_not_apply_says_why() -> None:
    found = by_name(vc_dimension=None, vc_dimension_reason="Layer '3' (LocalResponseNorm) computes 'pow'.")
    assert (found["vc"].value, found["vc"].bound) == (None, None)
    assert "LocalResponseNorm" in found["vc"].note
    assert "momentum 0.9" in found["hardt"].note
    assert "smoothness" in found["hardt"].note
    assert found["vc"].promises == found["hardt"].promises == "nothing: it does not apply"
    assert "momentum" not in by_name(recipe='{"momentum": 0.0}')["hardt"].note
    twins = by_name(**NOTHING_TRIED)["twins"]
    assert (twins.promises, twins.note) == ("no result", "failed: killed")


def test_a_network_without_a_result_has_lines_without_numbers() -> None:
    absent = dict.fromkeys(("train_accuracy", "test_accuracy"))
    lines = verdicts.promise_lines([ROW | NOTHING_TRIED | absent | {"reason": "it was never trained"}])
    assert [line["bound"] for line in lines] == [None] * 5
    assert {line["labels"] for line in lines} == {"random"}
    assert lines[-1]["note"] == "it was never trained"
