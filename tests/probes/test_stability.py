"""Twin runs: a twin without a difference changes nothing, a real one does, and nothing is left to chance."""

import numpy as np
import pytest

from gengap import load, probes
from gengap.data import Split
from gengap.errors import InputError
from gengap.train import Execution, preset

RECIPE = preset("digits").model_copy(update={"epochs": 5})


def twins_of(problem, **options):
    return probes.twin_stability(problem, RECIPE, execution=Execution(), **options)


def test_largest_change_against_a_loop() -> None:
    random = np.random.default_rng(0)
    own, twins = random.random(20), random.random((3, 20))
    assert probes.largest_change(own, twins) == max(abs(own[z] - twin[z]) for twin in twins for z in range(20))
    with pytest.raises(InputError, match="losses"):
        probes.largest_change([0.5], [[1.5]])


def test_a_twin_that_differs_in_nothing_is_the_same_network() -> None:
    digits = load("digits").take(65, 50)
    copies = digits.derive({"step": "copies"}, train=Split(np.repeat(digits.train.x[:1], 65, 0), np.zeros(65, int)))
    found = twins_of(copies, twins=1)
    assert (found.zero_one, found.probability, found.changed, found.distance) == (0.0, 0.0, 0.0, 0.0)
    assert found.n == 64


def test_a_twin_that_differs_in_one_example_differs_and_says_by_how_much() -> None:
    digits = load("digits").take(66, 50)
    found = twins_of(digits, twins=2, seed=1)
    assert 0 < found.probability <= 1
    assert found.zero_one in (0.0, 1.0)
    assert 0 < found.distance < 1
    assert (found.twins, found.n) == (2, 64)
    assert found == twins_of(digits, twins=2, seed=1)


def test_the_errors_are_those_of_the_first_network() -> None:
    from gengap.train import train

    digits = load("digits").take(130, 100)
    found = twins_of(digits, twins=2, seed=3)
    last = train(digits.take(128), RECIPE, 3, execution=Execution()).history[-1]
    assert found.train_error == pytest.approx(1 - last["train_accuracy"])
    assert found.test_error == pytest.approx(1 - last["test_accuracy"])


@pytest.mark.parametrize("twins", [0, 10])
def test_refuses_no_twins_and_no_examples(twins: int) -> None:
    with pytest.raises(InputError, match="twins"):
        twins_of(load("digits").take(10, 10), twins=twins)
