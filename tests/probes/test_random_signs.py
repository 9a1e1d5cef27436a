"""Rademacher complexity by training: learners whose answer is known, and networks on the embedded digits."""

import itertools
import math

import numpy as np
import pytest

from gengap import bounds, load, probes
from gengap.errors import InputError
from gengap.probes import random_signs
from gengap.train import Execution, preset


def test_a_learner_that_fits_everything_reaches_one_and_one_that_knows_nothing_about_zero() -> None:
    perfect = probes.rademacher_by_training(lambda signs, draw: signs, 50, draws=4)
    assert perfect.value == 1.0
    assert perfect.lower == pytest.approx(1 - math.sqrt(2 * math.log(20) / 200))
    constant = probes.rademacher_by_training(lambda signs, draw: np.ones(50), 50, draws=400)
    assert abs(constant.value) < 4 / math.sqrt(50 * 400)


def test_no_more_than_the_complexity_by_all_signs() -> None:
    """A class of three functions: the best of them for each draw against the mean over all signs."""
    functions = np.sign(np.random.default_rng(0).normal(size=(3, 10)))
    exact = np.mean([(functions @ np.array(s)).max() / 10 for s in itertools.product((-1, 1), repeat=10)])
    found = probes.rademacher_by_training(lambda s, draw: functions[(functions @ s).argmax()], 10, draws=2000)
    assert found.lower <= exact
    assert found.value == pytest.approx(exact, abs=0.03)
    worse = probes.rademacher_by_training(lambda s, draw: functions[0], 10, draws=2000)
    assert worse.value < found.value


def test_the_promise_by_hand() -> None:
    assert bounds.rademacher_bound(0.1, 0.2, 500, 0.1) == pytest.approx(0.3 + 3 * math.sqrt(math.log(20) / 1000))


def test_refuses_other_than_n_values_in_the_unit_interval() -> None:
    for answer in (np.ones(3), np.full(5, 2.0)):
        with pytest.raises(InputError, match="fit gave"):
            probes.rademacher_by_training(lambda signs, draw, answer=answer: answer, 5)
    with pytest.raises(InputError, match="draws = 0"):
        probes.rademacher_by_training(lambda signs, draw: signs, 5, draws=0)


RECIPE = preset("digits").model_copy(update={"epochs": 60})


def test_a_wide_network_fits_signs_on_digits() -> None:
    digits = load("digits").take(64, 10)
    found = probes.network_rademacher(digits, RECIPE, draws=2, execution=Execution())
    assert found.n == 64
    assert found.value > 0.9
    assert found == probes.network_rademacher(digits, RECIPE, draws=2, execution=Execution())
    short = RECIPE.model_copy(update={"epochs": 1, "learning_rate": 1e-6})
    assert abs(probes.network_rademacher(digits, short, draws=2, execution=Execution()).value) < 0.5


def test_signs_decide_which_labels_stay(monkeypatch) -> None:
    """Where the sign is -1 the label stays; where it is +1 it is another class."""
    seen = []

    def spy(problem, recipe, seed, **options):
        seen.append(problem.train.y)
        return real(problem, recipe, seed, **options)

    real = random_signs.train
    monkeypatch.setattr(random_signs, "train", spy)
    digits = load("digits").take(200, 10)
    short = RECIPE.model_copy(update={"epochs": 1})
    probes.network_rademacher(digits, short, draws=1, execution=Execution())
    changed = np.mean(seen[0] != digits.train.y)
    assert abs(changed - 0.5) < 4 * 0.5 / math.sqrt(200)
