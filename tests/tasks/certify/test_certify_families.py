"""All models together, two models against each other, and plans."""

import json

import numpy as np
import pytest

from gengap import bounds
from gengap.errors import InputError
from gengap.tasks.certify import certify
from gengap.tasks.certify.compare import compare
from gengap.tasks.certify.family import certify_family
from gengap.tasks.certify.plan import plan

N = 400
LABELS = np.zeros(N, dtype=int)


def wrong_at(*ranges: range) -> np.ndarray:
    predicted = LABELS.copy()
    for errors in ranges:
        predicted[list(errors)] = 1
    return predicted


def test_the_best_of_a_family_is_certified_for_all_of_them() -> None:
    losses = np.stack([wrong_at(range(30)), wrong_at(range(12)), wrong_at(range(30))]).astype(float)
    family = certify_family(["a", "b", "c"], losses)
    assert family.best == "b"
    assert family.certificate.upper == certify(y_true=LABELS, y_pred=wrong_at(range(12)), tried=3).upper
    assert family.distinct_error_vectors == 2
    assert family.certificate.tried == 3  # not 2
    rademacher = bounds.finite_class_rademacher(losses)
    assert family.rademacher["upper"] == rademacher.upper[1]
    assert family.union["hoeffding"] == family.certificate.bounds["hoeffding"]["upper"]
    assert "loses" in family.verdict
    document = json.loads(json.dumps(family.to_json(), allow_nan=False))
    assert document["family"]["models"] == 3
    assert document["family"]["names"] == ["a", "b", "c"]
    assert family.notes[0] == "Models: a, b, c."
    assert document["upper"] == family.certificate.upper


def test_models_whose_predictions_are_missing_count_but_leave_the_class_unknown() -> None:
    family = certify_family(["a"], np.zeros((1, 50)), tried=10)
    assert family.certificate.tried == 10
    assert family.rademacher["upper"] is None
    assert "9 of the 10" in family.rademacher["reason"]
    with pytest.raises(InputError, match="predictions of 2"):
        certify_family(["a", "b"], np.zeros((2, 50)), tried=1)


def test_compare_ships_the_better_one() -> None:
    a, b = wrong_at(range(30)), wrong_at(range(2), range(100, 104))
    found = compare(LABELS, a, b)
    assert (found.errors_a, found.errors_b, found.a_only, found.b_only) == (30, 6, 28, 4)
    assert found.verdict == "ship B"
    assert found.difference == pytest.approx(24 / 400)
    assert found.interval[0] > 0
    assert found.more_examples is None
    turned = compare(LABELS, b, a)
    assert turned.verdict == "ship A"
    assert turned.interval == pytest.approx((-found.interval[1], -found.interval[0]))
    json.dumps(found.to_json(), allow_nan=False)


def test_compare_is_corrected_for_all_pairs() -> None:
    a, b = wrong_at(range(14)), wrong_at(range(100, 103))
    alone, of_many = compare(LABELS, a, b), compare(LABELS, a, b, tried=20)
    assert alone.verdict == "ship B"
    assert of_many.verdict == "cannot tell"
    assert of_many.pairs == 190
    assert of_many.p_value == alone.p_value
    assert of_many.p_value_corrected == min(1.0, 190 * alone.p_value)
    assert of_many.interval == pytest.approx(
        tuple(float(end) for end in bounds.paired_difference(14, 3, N, 0.05 / 190)), abs=1e-15
    )


def test_as_many_more_examples_as_are_named_would_tell() -> None:
    a, b = wrong_at(range(8)), wrong_at(range(100, 103))
    found = compare(LABELS, a, b)
    assert found.verdict == "cannot tell"
    assert found.more_examples is not None
    in_all = N + found.more_examples
    assert bounds.paired_power(in_all, 8 / N, 3 / N) >= 0.8 > bounds.paired_power(in_all - 1, 8 / N, 3 / N)
    few = compare(np.zeros(50, int), np.repeat([1, 0], [5, 45]), np.zeros(50, int))
    assert few.more_examples == 28  # six discordant examples of 78 have a probability of 0.80, of 60 one of 0.56
    assert compare(LABELS, a, a).more_examples is None
    assert "no difference" in compare(LABELS, a, a).reason


def test_a_plan_is_kept_by_the_certificate_it_plans_for() -> None:
    planned = plan(gap=0.02, tried=300, expected_error=0.05)
    errors = int(0.05 * planned.n)
    kept = certify(errors=errors, n=planned.n, tried=300)
    assert kept.upper - kept.empirical_risk <= 0.02
    assert "at most 5 %" in planned.sentence
    worst = plan(gap=0.02, tried=300)
    assert worst.n > planned.n
    assert worst.to_json()["expected_error"] is None
