"""Label noise: the learners against direct fits, and each part of the claim refuted by rows made for it."""

from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from gengap.data import error_on_noisy_labels, two_gaussians
from gengap.studies import find_studies
from gengap.studies.belkin2018 import learners
from gengap.studies.belkin2018.grid import FITS, sweep

RNG = np.random.default_rng(0)
DATA = two_gaussians(60, 40, distance=3.0, n_features=4)
NOISY = np.where(RNG.random(60) < 0.3, 1 - DATA.train.y, DATA.train.y)
TASK = learners.Task(DATA.train.x, DATA.test.x, [DATA.train.y, NOISY], 2, 0, 7)


@pytest.mark.parametrize("kernel", ["gaussian", "laplacian"])
def test_kernel_machines_fit_every_label(kernel):
    fits = learners.kernel_machine(TASK, kernel)
    assert set(fits) == set(FITS["Gaussian kernel"])
    for labels, exact in zip(TASK.labels, fits["interpolating"], strict=True):
        assert (exact.train == labels).all()
        assert exact.residual < 1e-6
    assert all(fit.strength in learners.RIDGES for fit in fits["ridge"])
    assert all(fit.strength in learners.STEPS for fit in fits["early stopping"])
    assert all(fit.held_out_error is None for fit in fits["interpolating"])


def test_held_out_errors_are_those_of_the_chosen_strength_fitted_to_the_other_examples():
    (_, chosen) = learners.nearest_neighbours(TASK)["more neighbours"]
    said = KNeighborsClassifier(int(chosen.strength)).fit(TASK.x[:48], NOISY[:48]).predict(TASK.x[48:])
    assert chosen.held_out_error == np.mean(said != NOISY[48:])


def test_votes_are_scikit_learns():
    counts = [9, 3, 1]
    said = learners._votes(TASK, TASK.x_test, counts)
    for k, of_count in zip(counts, said, strict=True):
        for labels, classes in zip(TASK.labels, of_count, strict=True):
            expected = KNeighborsClassifier(k).fit(TASK.x, labels).predict(TASK.x_test)
            np.testing.assert_array_equal(classes, expected)


def test_of_equally_good_strengths_the_strongest_is_taken():
    held_out = NOISY[48:]
    better = [DATA.train.y[48:], held_out]
    assert TASK.strongest_of_best([better, better]) == [(0, 0.0), (0, 0.0)]
    assert TASK.strongest_of_best([[1 - labels for labels in better], better]) == [(1, 0.0), (1, 0.0)]


def test_the_held_out_part_is_the_last_fifth_and_no_test_point():
    part = TASK.without_held_out()
    np.testing.assert_array_equal(part.x_test, DATA.train.x[48:])
    assert len(part.x) == len(part.labels[0]) == 48


def test_an_interpolating_forest_fits_every_label():
    fits = learners.forest(TASK)
    assert (fits["interpolating"][1].train == NOISY).all()
    assert all(fit.strength in learners.LEAVES for fit in fits["larger leaves"])


LEVELS, WRONG = (0.0, 0.1, 0.4), {0.0: 0.0, 0.1: 0.09, 0.4: 0.36}
BAYES, CLEAN, CLASSES = 0.05, {"kernel": 0.1, "neighbour": 0.15}, 10
NOISY_BAYES = {level: error_on_noisy_labels(BAYES, level, CLASSES) for level in LEVELS}


def repeating(clean: float, level: float) -> float:
    """The error of a rule that repeats training labels, by counting: the stored label is wrong, or the point is."""
    right, other = 1 - clean, clean
    return right * WRONG[level] + other * (1 - WRONG[level] / (CLASSES - 1))


def error(method: str, fit: str, level: float) -> float:
    """One neighbour repeats labels; the kernel machines and the forest add little."""
    if fit != "interpolating":
        return 0.09
    if method == "nearest neighbours":
        return repeating(CLEAN["neighbour"], level)
    return 0.1 + 0.01 * (level > 0)


def row(method: str, fit: str, level: float, test_error: float, **values: Any) -> dict[str, Any]:
    interpolating = fit == "interpolating"
    return {
        **{"data": "mnist", "method": method, "fit": fit, "level": level, "seed": 0, "examples": 100},
        **{"test_error": test_error, "noisy_error": error_on_noisy_labels(test_error, level, CLASSES)},
        **{"noisy_bayes_error": NOISY_BAYES[level], "wrong": WRONG[level], "n_classes": CLASSES},
        **{"test_examples": 10_000, "train_error": 0.0 if interpolating else 0.3},
        "held_out_error": None if interpolating else 0.2,
    } | values


def rows(change: dict[tuple[str, str, float], float] | None = None) -> list[dict[str, Any]]:
    """Rows of one data set: errors as they should be, but for those that are changed."""
    return [
        row(method, fit, level, (change or {}).get((method, fit, level), error(method, fit, level)))
        for method, fits in FITS.items()
        for fit in fits
        for level in LEVELS
    ]


def findings(made: list[dict[str, Any]]) -> dict[str, str]:
    return {part.part: part.finding for part in find_studies("belkin2018/label_noise")[0].check(made)}


def refuted(made: list[dict[str, Any]]) -> set[str]:
    return {part for part, finding in findings(made).items() if finding == "does not hold"}


LESS = "{}: noise adds less error than a rule that repeats the training labels would have"
FOLLOWS = "{}: on noisy test labels, noise takes the error no farther above the Bayes error"
NEARER = "with noise both kernel machines are nearer to the Bayes error than one nearest neighbour"
CHOSEN = "{}: with noise, the one of ridge and early stopping that held-out labels choose errs less"
GAUSSIAN, LAPLACIAN = "Gaussian kernel", "Laplacian kernel"


def interpolating(method: str, errors: dict[float, float]) -> dict[tuple[str, str, float], float]:
    return {(method, "interpolating", level): value for level, value in errors.items()}


def test_every_part_holds_where_it_is():
    assert set(findings(rows()).values()) == {"holds"}


@pytest.mark.parametrize("method", [GAUSSIAN, LAPLACIAN])
def test_a_machine_that_adds_nearly_all_wrong_labels_is_refuted(method):
    changed = rows(interpolating(method, {level: 0.1 + 0.99 * WRONG[level] for level in LEVELS}))
    assert refuted(changed) == {LESS.format(method), FOLLOWS.format(method), NEARER}


@pytest.mark.parametrize("method", [GAUSSIAN, LAPLACIAN])
def test_a_constant_error_far_from_the_bayes_error_is_refuted(method):
    assert NEARER in refuted(rows(interpolating(method, dict.fromkeys(LEVELS, 0.3))))


def test_machines_that_err_as_one_neighbour_does_are_refuted():
    as_neighbour = {level: repeating(CLEAN["neighbour"], level) for level in LEVELS}
    changed = rows(interpolating(GAUSSIAN, as_neighbour) | interpolating(LAPLACIAN, as_neighbour))
    expected = {part.format(method) for part in (LESS, FOLLOWS) for method in (GAUSSIAN, LAPLACIAN)}
    assert refuted(changed) == {*expected, NEARER}


def test_an_error_just_within_what_the_bayes_error_and_chance_allow_holds():
    # Above the Bayes error by 0.05 without noise, by 0.9 (0.11 - 0.05) = 0.054 with 10 % redrawn; one standard error is
    # about 0.004 at 10,000 test points.
    assert refuted(rows(interpolating(GAUSSIAN, {0.1: 0.11}))) == set()
    assert refuted(rows(interpolating(GAUSSIAN, {0.1: 0.12}))) == {FOLLOWS.format(GAUSSIAN)}


def test_a_forest_that_repeats_and_a_neighbour_that_does_not_are_seen():
    assert refuted(rows(interpolating("random forest", {0.4: repeating(0.1, 0.4)}))) == {LESS.format("random forest")}
    (part,) = refuted(rows(interpolating("nearest neighbours", {0.1: 0.2, 0.4: 0.3})))
    assert part.startswith("one nearest neighbour")


def test_the_regularised_fit_is_chosen_by_held_out_labels_and_not_by_test_labels():
    better = {(GAUSSIAN, "early stopping", level): 0.2 for level in LEVELS}
    assert refuted(rows(better)) == set()  # a ridge is taken where held-out errors are equal
    made = [
        one | {"held_out_error": 0.1} if one["fit"] == "early stopping" and one["method"] == GAUSSIAN else one
        for one in rows(better)
    ]
    assert refuted(made) == {CHOSEN.format(GAUSSIAN)}


def test_a_label_that_is_not_fitted_is_seen():
    made = rows()
    made[0]["train_error"] = 0.01
    assert refuted(made) == {"every interpolating rule fits every training label"}


@pytest.mark.parametrize(
    ("lost", "parts"),
    [
        (lambda one: one["level"] == 0, [LESS.format(GAUSSIAN), FOLLOWS.format(LAPLACIAN)]),
        (
            lambda one: one["level"] > 0,
            [LESS.format(GAUSSIAN), FOLLOWS.format(LAPLACIAN), NEARER, CHOSEN.format(GAUSSIAN)],
        ),
        (lambda one: one["method"] == "nearest neighbours", [NEARER]),
        (lambda one: one["method"] == GAUSSIAN, [LESS.format(GAUSSIAN), NEARER, CHOSEN.format(GAUSSIAN)]),
        (lambda one: one["fit"] == "ridge", [CHOSEN.format(GAUSSIAN), CHOSEN.format(LAPLACIAN)]),
    ],
)
def test_nothing_is_decided_where_rows_are_lost(lost, parts):
    found = findings([one for one in rows() if not lost(one)])
    assert {found[part] for part in parts} == {"cannot be judged"}
    assert "does not hold" not in found.values()


def test_the_papers_own_machines_are_fitted_to_all_of_mnist():
    whole = [config for config in sweep("paper") if config.examples == 60_000]
    assert {(config.method, config.level) for config in whole} == {("Gaussian kernel", 0.0), ("Laplacian kernel", 0.0)}
