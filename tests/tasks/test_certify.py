"""`gengap.certify` from counts, labels, losses and groups."""

import json

import numpy as np
import pytest

import gengap
from gengap import bounds
from gengap.bounds import brier_losses, predicted_labels
from gengap.errors import InputError
from gengap.seeds import generator
from gengap.tasks.certify.words import percent, three_digits

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 10, 500)
PREDICTED = np.where(RNG.random(500) < 0.08, (LABELS + 1) % 10, LABELS)
ERRORS = int(np.sum(LABELS != PREDICTED))


def test_counts_give_the_json_that_is_promised() -> None:
    certificate = gengap.certify(errors=30, n=10_000, tried=300, delta=0.1)
    document = json.loads(json.dumps(certificate.to_json(), allow_nan=False))
    assert {k: document[k] for k in ("n", "errors", "tried", "delta", "empirical_risk", "headline")} == {
        "n": 10_000, "errors": 30, "tried": 300, "delta": 0.1, "empirical_risk": 0.003, "headline": "clopper_pearson",
    }  # fmt: skip
    assert document["upper"] == document["bounds"]["clopper_pearson"]["upper"]
    assert list(document["bounds"])[:4] == ["kawaguchi2017_prop5", "hoeffding", "chernoff_kl", "clopper_pearson"]
    for name in ("hoeffding", "chernoff_kl", "clopper_pearson", "empirical_bernstein"):
        assert document["bounds"][name] == {"upper": float(getattr(bounds, name)(30, 10_000, 300, 0.1))}
    proposition = document["bounds"]["kawaguchi2017_prop5"]
    assert proposition["upper"] - proposition["gap"] == pytest.approx(0.003)
    for name in ("betting", "betting_sequence"):
        assert document["bounds"][name]["upper"] is None
        assert "order" in document["bounds"][name]["reason"]
    assert "losses" not in document
    assert "Ladder" in " ".join(document["assumptions"])
    assert "drawn independently" in document["scope"]


def _in_betting_order(losses: np.ndarray) -> np.ndarray:
    return losses[generator(0, "certify", "order").permutation(len(losses))]


@pytest.mark.parametrize("low", [0.0, 0.01])
def test_a_sorted_file_has_no_smaller_promise_than_a_mixed_one(low: float) -> None:
    losses = np.repeat([low, 0.5], 1000)
    mixed = gengap.certify(losses=np.random.default_rng(0).permutation(losses))
    for given in (losses, losses[::-1]):
        found = gengap.certify(losses=given, groups=np.arange(2000))
        assert found.upper == pytest.approx(mixed.upper, rel=0.02)
        assert found.upper > found.empirical_risk
    assert gengap.certify(losses=losses).bounds["betting_sequence"]["upper"] is None
    assert "order" in gengap.certify(losses=losses).bounds["betting_sequence"]["reason"]
    assert mixed.bounds["betting_sequence"]["upper"] > mixed.empirical_risk


def test_numbers_may_come_in_any_form_of_one_number() -> None:
    plain = gengap.certify(errors=3, n=100, tried=5)
    for form in (np.float32, np.int64, np.array, str):
        made = gengap.certify(errors=form(3), n=form(100), tried=form(5))
        assert json.dumps(made.to_json()) == json.dumps(plain.to_json())
        assert made.sentence == plain.sentence
    made = gengap.certify(losses=[0.5, 1.0], loss_bound=np.float64(2))
    assert made.sentence == gengap.certify(losses=[0.5, 1.0], loss_bound=2).sentence
    for wrong in ({"tried": np.array([1, 2])}, {"errors": "three"}, {"n": None, "y_true": [1]}, {"loss_bound": 5}):
        with pytest.raises(InputError):
            gengap.certify(**({"errors": 3, "n": 100} | wrong))


def test_labels_agree_with_their_counts_and_add_betting() -> None:
    of_labels = gengap.certify(y_true=LABELS, y_pred=PREDICTED, tried=5)
    of_counts = gengap.certify(errors=ERRORS, n=500, tried=5)
    assert of_labels.upper == of_counts.upper
    for name in ("kawaguchi2017_prop5", "hoeffding", "chernoff_kl", "clopper_pearson"):
        assert of_labels.bounds[name] == of_counts.bounds[name]
    bernstein = [made.bounds["empirical_bernstein"]["upper"] for made in (of_labels, of_counts)]
    assert bernstein[0] == pytest.approx(bernstein[1], rel=1e-12)
    betting = bounds.betting(_in_betting_order((LABELS != PREDICTED).astype(float)), 5)
    assert of_labels.bounds["betting"]["upper"] == float(betting)


def test_other_losses_are_certified_by_betting_in_their_own_units() -> None:
    losses = np.random.default_rng(1).random(300)
    unit, tenfold = gengap.certify(losses=losses), gengap.certify(losses=10 * losses, loss_bound=10.0)
    assert unit.headline == tenfold.headline == "betting"
    assert unit.errors is None
    assert unit.bounds["clopper_pearson"]["upper"] is None
    assert unit.upper == float(bounds.betting(_in_betting_order(losses)))
    assert tenfold.upper == pytest.approx(10 * unit.upper, rel=1e-9)
    assert tenfold.empirical_risk == pytest.approx(losses.mean() * 10)
    assert tenfold.bounds["kawaguchi2017_prop5"]["gap"] == pytest.approx(10 * unit.bounds["kawaguchi2017_prop5"]["gap"])


def test_the_headline_does_not_look_at_the_values() -> None:
    assert gengap.certify(losses=np.zeros(20)).headline == "betting"


def test_groups_are_the_units() -> None:
    losses = np.array([0.0, 1.0, 0.5, 0.5, 1.0])
    certificate = gengap.certify(losses=losses, groups=["b", "b", "a", "b", "a"])
    assert certificate.n == 2
    assert certificate.unit == "group"
    assert certificate.losses is not None
    assert sorted(certificate.losses.tolist()) == [0.5, 0.75]
    assert certificate.empirical_risk == 0.625
    assert "each group weighing the same" in certificate.scope
    assert gengap.certify(y_true=[1, 0], y_pred=[1, 1], groups=[3, 4]).headline == "betting"


def test_copies_of_an_example_in_a_group_do_not_tighten_the_promise() -> None:
    groups = np.arange(100)
    losses = np.random.default_rng(2).random(100)
    once = gengap.certify(losses=losses, groups=groups)
    ten_times = gengap.certify(losses=np.repeat(losses, 10), groups=np.repeat(groups, 10))
    assert ten_times.upper == pytest.approx(once.upper, abs=1e-12)


def test_the_sentence_rounds_to_the_safe_side() -> None:
    certificate = gengap.certify(errors=30, n=10_000, tried=300)
    assert certificate.sentence.startswith(
        "With 95 % confidence the true error rate is at most 0.55 % (seen: 30 errors"
    )
    assert three_digits(0.12301, up=True) == "0.124"
    assert three_digits(0.12399, up=False) == "0.123"
    assert three_digits(-0.12301, up=False) == "-0.124"
    assert percent(0.0, up=True) == "0 %"


def test_brier_is_half_the_squared_distance() -> None:
    probabilities = [[1.0, 0.0], [0.25, 0.75], [1.0, 0.0]]
    assert brier_losses(["a", "b", "b"], probabilities, ["a", "b"]).tolist() == [0.0, 0.0625, 1.0]
    assert predicted_labels(probabilities, ["a", "b"]).tolist() == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one kind of input"),
        ({"errors": 3}, "one kind of input"),
        ({"errors": 3, "n": 10, "losses": [0.1]}, "one kind of input"),
        ({"errors": 3, "n": 10, "groups": [1]}, "one kind of input"),
        ({"errors": 11, "n": 10}, "more than n"),
        ({"errors": 1.5, "n": 10}, "whole"),
        ({"errors": 0, "n": 0}, "n = 0"),
        ({"errors": 0, "n": 5, "tried": 0}, "tried = 0"),
        ({"errors": 0, "n": 5, "delta": 1}, "delta = 1"),
        ({"y_true": [1, 0, 1], "y_pred": [1, 0]}, "y_true has 3 values, y_pred 2"),
        ({"y_true": [1.0, float("nan")], "y_pred": [1, 0]}, "y_true is missing"),
        ({"y_true": ["a", "b"], "y_pred": ["a", None]}, "y_pred is missing"),
        ({"y_true": ["a", "b"], "y_pred": ["a", float("nan")]}, "y_pred is missing"),
        ({"y_true": ["0", "1"], "y_pred": [0, 1]}, r"y_true holds text \('0'\), y_pred numbers \(0\)"),
        ({"y_true": [1, 0], "y_pred": ["1", "0"]}, "text"),
        ({"y_true": [1, 0], "y_pred": [0.9, 0.2]}, "fractions"),
        ({"y_true": [], "y_pred": []}, "at least one"),
        ({"losses": [0.1, 1.5]}, "more than loss_bound"),
        ({"losses": [0.1, -0.5]}, "-0.5"),
        ({"losses": [0.1, float("nan")]}, "NaN"),
        ({"losses": [[0.1]]}, "one loss for each"),
        ({"losses": [0.1], "loss_bound": 0.0}, "loss_bound"),
        ({"losses": [0.1, 0.2], "groups": [1]}, "losses has 2 values, groups 1"),
    ],
)
def test_refuses(arguments, message: str) -> None:
    with pytest.raises(InputError, match=message):
        gengap.certify(**arguments)


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        ([[0.5, 0.4]], "sum to 0.9"),
        ([[1.2, -0.2]], "outside"),
        ([[float("nan"), 1.0]], "NaN"),
        ([[0.2, 0.3, 0.5]], "2 classes"),
    ],
)
def test_refuses_what_are_no_probabilities(probabilities, message: str) -> None:
    with pytest.raises(InputError, match=message):
        predicted_labels(probabilities, ["a", "b"])


def test_class_probabilities_stand_for_their_largest() -> None:
    probabilities = [[0.2, 0.8, 0.0], [0.6, 0.1, 0.3], [0.0, 0.1, 0.9]]
    assert gengap.certify(y_true=[1, 2, 2], y_pred=probabilities) == gengap.certify(y_true=[1, 2, 2], y_pred=[1, 0, 2])


def test_refuses_a_label_without_a_column() -> None:
    with pytest.raises(InputError, match="label 'c' has no probability column"):
        brier_losses(["c"], [[0.5, 0.5]], ["a", "b"])
