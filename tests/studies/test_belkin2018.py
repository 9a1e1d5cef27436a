"""Label noise: the learners against direct fits, and each part of the claim refuted by rows made for it."""

from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from gengap.data import two_gaussians
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
    assert TASK.strongest_of_best([better, better]) == [0, 0]
    assert TASK.strongest_of_best([[1 - labels for labels in better], better]) == [1, 1]


def test_the_held_out_part_is_the_last_fifth_and_no_test_point():
    part = TASK.without_held_out()
    np.testing.assert_array_equal(part.x_test, DATA.train.x[48:])
    assert len(part.x) == len(part.labels[0]) == 48


def test_an_interpolating_forest_fits_every_label():
    fits = learners.forest(TASK)
    assert (fits["interpolating"][1].train == NOISY).all()
    assert all(fit.strength in learners.LEAVES for fit in fits["larger leaves"])


def rows(change: dict[tuple[str, str, float], float]) -> list[dict[str, Any]]:
    """Rows of one data set: errors as they should be, but for those that are changed."""
    base = {("interpolating", 0.0): 0.1, ("interpolating", 0.4): 0.2}
    made = []
    for method, fits in FITS.items():
        for fit in fits:
            for level in (0.0, 0.4):
                error = base.get((fit, level), 0.1) + 0.2 * (method == "nearest neighbours") * (level > 0)
                made.append(
                    {"data": "mnist", "method": method, "fit": fit, "level": level, "seed": 0, "examples": 100}
                    | {"test_error": change.get((method, fit, level), error)}
                    | {"wrong": 0.9 * level, "train_error": 0.0 if fit == "interpolating" else 0.3}
                )
    return made


def refuted(made: list[dict[str, Any]]) -> list[str]:
    parts = find_studies("belkin2018/label_noise")[0].check(made)
    return [part.part for part in parts if part.finding == "does not hold"]


def test_every_part_can_be_refuted():
    assert refuted(rows({})) == []
    assert "Laplacian kernel: fitting noise" in refuted(rows({("Laplacian kernel", "interpolating", 0.4): 0.5}))[0]
    assert refuted(rows({("Gaussian kernel", "interpolating", 0.4): 0.41})) == [
        "with noise both kernel machines err less than the nearest neighbour"
    ]
    better = {("Gaussian kernel", fit, 0.4): 0.3 for fit in ("ridge", "early stopping")}
    (part,) = refuted(rows(better))
    assert "the better of ridge and early stopping" in part
    made = rows({})
    made[0]["train_error"] = 0.01
    assert refuted(made) == ["every interpolating rule fits every training label"]


def test_the_papers_own_machines_are_fitted_to_all_of_mnist():
    whole = [config for config in sweep("paper") if config.examples == 60_000]
    assert {(config.method, config.level) for config in whole} == {("Gaussian kernel", 0.0), ("Laplacian kernel", 0.0)}
