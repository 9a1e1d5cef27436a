"""`gengap.certify` from counts, labels, losses and groups."""

import hashlib
import json

import numpy as np
import pytest
from scipy.stats import binom

import gengap
from gengap import bounds
from gengap.bounds import brier_losses, predicted_labels
from gengap.errors import InputError
from gengap.seeds import generator
from gengap.tasks.certify.order import in_random_order
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


def _in_betting_order(losses: np.ndarray, seed: int = 0) -> np.ndarray:
    """A twin of the order: sorted, then permuted by a seed that their hash is a part of."""
    ordered = np.sort(losses)
    digest = int.from_bytes(hashlib.blake2b(np.round(ordered, 9).tobytes(), digest_size=8).digest(), "little")
    return ordered[generator(seed, "certify", "order", digest).permutation(len(losses))]


@pytest.mark.parametrize("n", [20, 52, 97, 200, 300])
def test_sorted_files_are_covered_at_many_sizes(n: int) -> None:
    """The promise fails for at most delta of all data sets, whatever the order of the file; 0-1 losses in groups."""
    delta, rng = 0.1, np.random.default_rng(n)
    for risk in (0.1, 0.5):
        failures = 0
        for _ in range(60):
            losses = np.sort((rng.random(n) < risk).astype(float))[:: rng.choice([-1, 1])]
            certificate = gengap.certify(losses=losses, delta=delta)
            assert certificate.upper >= certificate.empirical_risk
            failures += certificate.upper < risk
        assert binom.sf(failures - 1, 60, delta) > 1e-4  # 20 such tests fail by chance once in 500 times at most


def test_each_answer_has_a_fresh_order_and_records_it() -> None:
    losses = np.random.default_rng(3).random(80)
    one, *others = (gengap.certify(losses=losses) for _ in range(12))
    assert one.order_seed not in {other.order_seed for other in others}
    assert {one.upper} != {other.upper for other in others}  # two orders give one bound in a case of twenty
    again = gengap.certify(losses=losses, order_seed=one.order_seed)
    assert again == one
    assert str(one.order_seed) in " ".join(one.assumptions)
    assert json.loads(json.dumps(one.to_json()))["order_seed"] == one.order_seed
    assert gengap.certify(errors=3, n=10).order_seed is None


def test_with_a_seed_the_order_of_the_rows_does_not_matter() -> None:
    losses = np.random.default_rng(3).random(80)
    groups = np.arange(80) // 4
    rows = np.random.default_rng(4).permutation(80)
    for given in ({}, {"groups": groups}):
        turned = {name: values[rows] for name, values in given.items()}
        upper = gengap.certify(losses=losses, order_seed=5, **given).upper
        assert gengap.certify(losses=losses[rows], order_seed=5, **turned).upper == pytest.approx(upper, abs=1e-12)


def test_orders_of_different_losses_are_independent_under_one_seed() -> None:
    first = [int(np.flatnonzero(in_random_order(np.repeat([0.0, 1.0], [19 - k, k + 1]), 7))[0]) for k in range(10)]
    assert len(set(first)) > 3


def test_the_anytime_bound_needs_to_know_that_the_rows_are_in_their_order() -> None:
    losses = np.random.default_rng(0).permutation(np.repeat([0.0, 0.5], 500))
    assert "in_order" in gengap.certify(losses=losses).bounds["betting_sequence"]["reason"]
    ordered = gengap.certify(losses=losses, in_order=True).bounds["betting_sequence"]
    assert ordered["upper"] == bounds.betting_sequence(losses, sizes=[1000]).upper[0]
    of_sorted = gengap.certify(losses=np.sort(losses), in_order=True).bounds["betting_sequence"]
    assert of_sorted["upper"] is None
    assert "depends on their losses" in of_sorted["reason"]


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "1"])
def test_refuses_what_is_no_seed(seed) -> None:
    with pytest.raises(InputError, match="order_seed"):
        gengap.certify(losses=[0.1, 0.2], order_seed=seed)


def test_numbers_may_come_in_any_form_of_one_number() -> None:
    plain = gengap.certify(errors=3, n=100, tried=5)
    for form in (np.float32, np.int64, np.array, str):
        made = gengap.certify(errors=form(3), n=form(100), tried=form(5))
        assert json.dumps(made.to_json()) == json.dumps(plain.to_json())
        assert made.sentence == plain.sentence
    made = gengap.certify(losses=[0.5, 1.0], loss_bound=np.float64(2), order_seed=1)
    assert made.sentence == gengap.certify(losses=[0.5, 1.0], loss_bound=2, order_seed=1).sentence
    for wrong in ({"tried": np.array([1, 2])}, {"errors": "three"}, {"n": None, "y_true": [1]}, {"loss_bound": 5}):
        with pytest.raises(InputError):
            gengap.certify(**({"errors": 3, "n": 100} | wrong))


def test_labels_agree_with_their_counts_and_add_betting() -> None:
    of_labels = gengap.certify(y_true=LABELS, y_pred=PREDICTED, tried=5, order_seed=0)
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
    unit = gengap.certify(losses=losses, order_seed=0)
    tenfold = gengap.certify(losses=10 * losses, loss_bound=10.0, order_seed=0)
    assert unit.headline == tenfold.headline == "betting"
    assert unit.errors is None
    assert unit.bounds["clopper_pearson"]["upper"] is None
    assert unit.upper == float(bounds.betting(_in_betting_order(losses)))
    assert tenfold.upper == pytest.approx(10 * unit.upper, rel=1e-9)
    assert tenfold.empirical_risk == pytest.approx(losses.mean() * 10)
    assert tenfold.bounds["kawaguchi2017_prop5"]["gap"] == pytest.approx(10 * unit.bounds["kawaguchi2017_prop5"]["gap"])


def test_the_headline_does_not_look_at_the_values() -> None:
    assert gengap.certify(losses=np.zeros(20)).headline == "betting"


def test_clusters_are_the_units() -> None:
    losses = np.array([0.0, 1.0, 0.5, 0.5, 1.0])
    certificate = gengap.certify(losses=losses, clusters=["b", "b", "a", "b", "a"])
    assert certificate.n == 2
    assert certificate.unit == "group"
    assert certificate.losses is not None
    assert sorted(certificate.losses.tolist()) == [0.5, 0.75]
    assert certificate.empirical_risk == 0.625
    assert "each cluster weighing the same" in certificate.scope
    assert gengap.certify(y_true=[1, 0], y_pred=[1, 1], clusters=[3, 4]).headline == "betting"


def test_groups_is_an_alias_of_clusters() -> None:
    losses, names = [0.0, 1.0, 0.5], ["a", "b", "a"]
    by_clusters = gengap.certify(losses=losses, clusters=names, order_seed=3)
    assert by_clusters == gengap.certify(losses=losses, groups=names, order_seed=3)
    assert by_clusters.n == 2
    with pytest.raises(InputError, match="clusters and groups are both given"):
        gengap.certify(losses=losses, clusters=names, groups=names)
    with pytest.raises(InputError, match="clusters"):
        gengap.certify(losses=losses, clusters=names[:2])
    with pytest.raises(InputError, match="whole"):
        gengap.certify(errors=1, n=3, clusters=names)


def test_copies_of_an_example_in_a_group_do_not_tighten_the_promise() -> None:
    groups = np.arange(100)
    losses = np.random.default_rng(2).random(100)
    once = gengap.certify(losses=losses, clusters=groups, order_seed=0)
    ten_times = gengap.certify(losses=np.repeat(losses, 10), clusters=np.repeat(groups, 10), order_seed=0)
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
        ({"losses": [0.1, 0.2], "groups": [1]}, "losses has 2 values, clusters 1"),
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
    with_labels = gengap.certify(y_true=[1, 2, 2], y_pred=[1, 0, 2], order_seed=0)
    assert gengap.certify(y_true=[1, 2, 2], y_pred=probabilities, order_seed=0).bounds == with_labels.bounds


def test_refuses_a_label_without_a_column() -> None:
    with pytest.raises(InputError, match="label 'c' has no probability column"):
        brier_losses(["c"], [[0.5, 0.5]], ["a", "b"])


@pytest.mark.parametrize("delta", [0.05, 0.5, 0.7, 0.99])
@pytest.mark.parametrize(("errors", "n"), [(5, 100), (1, 3), (99, 100)])
def test_no_promise_is_below_the_risk_seen(errors: int, n: int, delta: float) -> None:
    """With delta above 1/2 the quantile itself is below the median, and so below the risk seen."""
    made = gengap.certify(errors=errors, n=n, delta=delta)
    assert made.upper >= errors / n
    assert made.upper == max(made.bounds["clopper_pearson"]["upper"], errors / n)
