"""Memorisation scores against loops over the trainings, their errors, and what single wrong labels do."""

import numpy as np
import pytest

from gengap import load, probes
from gengap.data import Split
from gengap.errors import InputError
from gengap.network.inputs import class_scores
from gengap.train import Execution, Recipe, train

RECIPE = Recipe(model="mlp-1x512", learning_rate=0.1, batch_size=16, epochs=8, precision="float32")
ON_CPU = Execution()


@pytest.fixture(scope="module")
def noisy():
    """60 digits, of which the first four have wrong labels."""
    digits = load("digits").take(60, 40)
    y = digits.train.y.copy()
    y[:4] = (y[:4] + 5) % 10
    return digits.derive({"step": "wrong"}, train=Split(digits.train.x, y))


@pytest.fixture(scope="module")
def found(noisy):
    return probes.memorisation(noisy, RECIPE, trainings=12, execution=ON_CPU)


def test_scores_errors_and_influence_against_loops(found) -> None:
    for n in range(60):
        used = [c for c, i in zip(found.correct[:, n], found.included[:, n], strict=True) if i]
        unused = [c for c, i in zip(found.correct[:, n], found.included[:, n], strict=True) if not i]
        if min(len(used), len(unused)) > 1:
            assert found.scores[n] == pytest.approx(np.mean(used) - np.mean(unused))
            added = [np.append(tosses, [0, 1]) for tosses in (used, unused)]
            assert found.errors[n] == pytest.approx(np.sqrt(sum(np.var(a) / len(a) for a in added)))
    values, errors = found.influence(3)
    used = found.included[:, 7]
    assert values[7] == pytest.approx(found.test_correct[used, 3].mean() - found.test_correct[~used, 3].mean())
    assert np.isfinite(errors).sum() > 50
    with pytest.raises(InputError, match="Test example 40"):
        found.influence(40)


# Two errors cover least where tosses of even chances are few; Wald's error covers 9 to 93 % of these.
@pytest.mark.parametrize(("trainings", "covered"), [(4, 0.7), (12, 0.83), (40, 0.9)])
@pytest.mark.parametrize(("used", "unused"), [(1.0, 0.0), (1.0, 0.05), (0.95, 0.9), (0.9, 0.1), (0.7, 0.4)])
def test_the_errors_are_those_of_drawing_the_trainings_again(
    trainings: int, covered: float, used: float, unused: float
) -> None:
    random = np.random.default_rng(0)
    included = random.permuted(np.tile(np.arange(20_000) % 10 < 7, (trainings, 1)), axis=1)
    correct = random.random(included.shape) < np.where(included, used, unused)
    drawn = probes.Memorisation(included, correct, correct[:, :1])
    known = np.isfinite(drawn.errors)
    off = drawn.scores[known] - (used - unused)
    errors = drawn.errors[known]
    assert errors.min() > 0
    assert (np.abs(off) <= 2 * errors).mean() > covered
    assert drawn.rms_error > (covered - 0.05) * off.std()


def test_two_tosses_that_agree_leave_an_error() -> None:
    included = np.array([[False], [False], [True], [True]])
    found = probes.Memorisation(included, included, included)
    assert found.scores == [1.0]
    assert found.errors == pytest.approx([np.sqrt(2 * (3 / 4) * (1 / 4) / 4)])


def test_each_training_uses_its_subset_and_a_wrong_label_is_memorised(noisy, found) -> None:
    assert (found.included.sum(1) == 42).all()
    assert len({row.tobytes() for row in found.included}) == 12
    assert np.nanmean(found.scores[:4]) > np.nanmean(found.scores[4:]) + 0.2


def test_replicas_equal_trainings_in_turn(noisy) -> None:
    exact = Execution(precision="float64")
    few = RECIPE.model_copy(update={"epochs": 2})
    together, apart = (
        probes.memorisation(noisy, few, trainings=4, together=way, execution=exact) for way in (True, False)
    )
    assert (together.correct == apart.correct).all()
    assert (together.test_correct == apart.test_correct).all()


def test_leave_one_out_leaves_out_one(noisy) -> None:
    small = noisy.take(20, 10)
    found = probes.leave_one_out(small, RECIPE, indices=np.array([1, 5]), repeats=2, execution=ON_CPU)
    assert (found.included.sum(1) == 19).all()
    assert np.isfinite(found.scores[[1, 5]]).all()
    assert (found.errors[[1, 5]] > 0.2).all()  # two trainings without the example may agree by chance
    assert np.isnan(found.scores[[0, 2]]).all()
    with pytest.raises(InputError, match="repeats"):
        probes.leave_one_out(small, RECIPE, repeats=1)


def test_cheap_scores_find_wrong_labels_and_are_what_they_say(noisy) -> None:
    scores = probes.cheap_scores(noisy, RECIPE, execution=ON_CPU)
    wrong = np.arange(60) < 4
    assert probes.detection(scores["mean_loss"], wrong).auroc > 0.8
    assert set(scores) == {
        *("mean_loss", "mean_margin", "times_wrong", "forgetting", "gradient_norm", "self_influence"),
    }
    assert all(values.shape == (60,) and np.isfinite(values).all() for values in scores.values())
    run = train(noisy, RECIPE.model_copy(update={"snapshots": tuple(range(9))}), 0, execution=ON_CPU)
    losses = []
    for epoch in range(1, 9):
        logits = class_scores(run.model(epoch), noisy, noisy.train.x)
        losses.append(np.log(np.exp(logits).sum(1)) - logits[np.arange(60), noisy.train.y])
    assert scores["mean_loss"] == pytest.approx(np.mean(losses, axis=0), rel=1e-6)


def test_out_of_fold_probabilities_come_from_networks_that_have_not_seen_the_example(noisy) -> None:
    found = probes.out_of_fold_probabilities(noisy, RECIPE, folds=3, execution=ON_CPU)
    assert found.sum(1) == pytest.approx(np.ones(60))
    # Networks that have seen the wrong labels fit them; these have not.
    assert (found.argmax(1)[:4] == noisy.train.y[:4]).sum() <= 1
    with pytest.raises(InputError, match="folds"):
        probes.out_of_fold_probabilities(noisy, RECIPE, folds=1)


def test_detection_against_scikit_learn_and_its_limits() -> None:
    from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

    random = np.random.default_rng(0)
    wrong = random.random(300) < 0.2
    scores = np.round(random.normal(size=300) + wrong, 1)  # with ties
    flagged = scores > 0.8
    found = probes.detection(scores, wrong, flagged=flagged)
    assert found.auroc == pytest.approx(roc_auc_score(wrong, scores))
    assert found.precision == pytest.approx(precision_score(wrong, flagged))
    assert found.recall == pytest.approx(recall_score(wrong, flagged))
    assert found.f1 == pytest.approx(f1_score(wrong, flagged))
    assert probes.detection(wrong.astype(float), wrong)[:4] == (1, 1, 1, 1)
    for bad in (np.zeros(300, bool), np.ones(300, bool), wrong[:10]):
        with pytest.raises(InputError, match="wrong"):
            probes.detection(scores, bad)
    with pytest.raises(InputError, match="10 flags for 300 scores"):
        probes.detection(scores, wrong, flagged=flagged[:10])
    with pytest.raises(InputError, match="flagged holds numbers other than 0 and 1"):
        probes.detection(scores, wrong, flagged=scores)
    with pytest.raises(InputError, match="scores holds what is no number"):
        probes.detection(["a"] * 300, wrong)


def test_examples_with_the_same_score_count_in_expectation_over_their_order() -> None:
    constant = probes.detection(np.zeros(10), np.arange(10) < 3)
    assert constant[:4] == pytest.approx((0.5, 0.3, 0.3, 0.3))
    assert constant.found_in_a_tenth == pytest.approx(0.1)
    random = np.random.default_rng(1)
    scores, wrong = random.integers(0, 3, 40).astype(float), random.random(40) < 0.3
    found = probes.detection(scores, wrong)
    orders = [random.permutation(40) for _ in range(4_000)]
    assert all(probes.detection(scores[o], wrong[o]) == pytest.approx(found, abs=1e-12) for o in orders[:20])
    flags = int(wrong.sum())
    hits = [wrong[o][np.argsort(-scores[o], kind="stable")] for o in orders]
    # The error of a mean over 4,000 orders is below 0.002.
    assert found.precision == found.recall == pytest.approx(np.mean([h[:flags].mean() for h in hits]), abs=0.01)
    assert found.found_in_a_tenth == pytest.approx(np.mean([h[:4].sum() / flags for h in hits]), abs=0.01)


def test_agreement_is_spearmans() -> None:
    from scipy.stats import spearmanr

    random = np.random.default_rng(0)
    a, b = random.normal(size=50), random.normal(size=50)
    b[3] = np.nan
    there = np.isfinite(b)
    found = probes.agreement({"a": a, "constant": np.ones(50)}, b)
    assert found["a"] == pytest.approx(spearmanr(a[there], b[there]).statistic)
    assert np.isnan(found["constant"])

    with pytest.raises(InputError, match="b: 50 finite scores of 50, against 49"):
        probes.agreement({"b": a}, b[1:])
    with pytest.raises(InputError, match="b: 49 finite"):
        probes.agreement({"b": b}, a)


def test_trainings_that_diverged_have_no_scores(noisy) -> None:
    wild = RECIPE.model_copy(update={"learning_rate": 1e30, "epochs": 1})
    for measure in (
        lambda: probes.memorisation(noisy, wild, trainings=4, execution=ON_CPU),
        lambda: probes.cheap_scores(noisy, wild, execution=ON_CPU),
        lambda: probes.out_of_fold_probabilities(noisy, wild, folds=2, execution=ON_CPU),
    ):
        with pytest.raises(InputError, match="trainings diverged"):
            measure()


def test_too_few_trainings_are_refused(noisy) -> None:
    with pytest.raises(InputError, match="3 trainings"):
        probes.memorisation(noisy, RECIPE, trainings=3)
    for fraction in (1.0, np.nan, np.inf, -1.0):
        with pytest.raises(InputError, match="fraction between 0 and 1"):
            probes.memorisation(noisy, RECIPE, fraction=fraction)


@pytest.mark.parametrize("indices", [[0.5], [3, 3], [], [60], [-1], [[1, 2]]])
def test_examples_to_leave_out_are_whole_numbers_each_once(noisy, indices) -> None:
    with pytest.raises(InputError, match="each once"):
        probes.leave_one_out(noisy, RECIPE, indices=indices)
