"""Networks of growing width against PyTorch's own gradients and optimiser, and against least squares."""

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from gengap.errors import InputError
from gengap.interpolate.double_descent import Training, width_path
from gengap.interpolate.double_descent.widths import Network, _initial, n_parameters

RNG = np.random.default_rng(0)
X, X_TEST = RNG.standard_normal((30, 5)), RNG.standard_normal((20, 5))
CLASSES, CLASSES_TEST = RNG.integers(0, 3, 30), RNG.integers(0, 3, 20)
Y, Y_TEST = np.eye(3)[CLASSES], np.eye(3)[CLASSES_TEST]
DATA = (X, Y, X_TEST, Y_TEST)


def _twin(network: Network) -> torch.nn.Sequential:
    W, b, V, c = network.weights
    module = torch.nn.Sequential(torch.nn.Linear(*W.shape), torch.nn.ReLU(), torch.nn.Linear(*V.shape)).double()
    with torch.no_grad():
        for own, given in zip(module.parameters(), (W.T, b, V.T, c), strict=True):
            own.copy_(given)
    return module


def _network(width: int) -> Network:
    return Network([torch.from_numpy(RNG.standard_normal(s)) for s in [(5, width), (width,), (width, 3), (3,)]])


def test_steps_are_those_of_pytorchs_sgd():
    network = _network(4)
    module = _twin(network)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    for start in range(0, 30, 10):
        batch = slice(start, start + 10)
        optimiser.zero_grad()
        (module(x[batch]) - y[batch]).square().sum(1).mean().backward()
        optimiser.step()
        network.step(x[batch], y[batch], 0.01, 0.9)
    W, b, V, c = network.weights
    for own, given in zip(module.parameters(), (W.T, b, V.T, c), strict=True):
        torch.testing.assert_close(own.detach(), given, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(module(x).detach(), network(x))


def test_a_wide_network_interpolates_and_a_narrow_one_does_not():
    narrow, wide = width_path(*DATA, [1, 200], Training(epochs=600, learning_rate=0.005, batch_size=10))
    assert wide.train_error == 0
    assert wide.train_loss < 1e-3 < narrow.train_loss
    assert (narrow.n_parameters, wide.n_parameters) == (5 + 1 + 2 * 3, 6 * 200 + 201 * 3)
    assert wide.epochs == 600


def test_weights_are_used_again_below_the_threshold_only():
    """With a step of nearly zero a network stays where it began."""
    still = Training(epochs=1, learning_rate=1e-12)
    below = width_path(*DATA, [2, 3], still)  # 21 and 30 of 90 parameters
    further = below[1].norm ** 2 - below[0].norm ** 2  # 9 weights of variance 0.01: a chi-squared of mean 0.09
    assert 0.01 * chi2.ppf(1e-4, 9) < further < 0.01 * chi2.ppf(1 - 1e-4, 9)
    threshold = 90
    widths = [9, 10]  # 84 and 93 parameters
    assert n_parameters(5, 9, 3) < threshold < n_parameters(5, 10, 3)
    apart = width_path(*DATA, widths, still, seed=1)
    alone = width_path(*DATA, widths[1:], still, seed=2)
    glorot = (6 / 15 * 50 / 3 + 6 / 13 * 30 / 3) ** 0.5  # expected squares: reach^2 / 3 for each weight
    for point in (apart[1], alone[0]):
        assert point.norm == pytest.approx(glorot, rel=0.2)


def test_a_wider_network_holds_the_smaller_one():
    smaller = _network(4)
    made = _initial(5, 300, 3, smaller, torch.Generator().manual_seed(0))
    fresh = []
    for weights, given in zip(made, smaller.weights, strict=True):
        inside = tuple(slice(0, side) for side in given.shape)
        torch.testing.assert_close(weights[inside], given.float())
        new = torch.ones_like(weights, dtype=torch.bool)
        new[inside] = False
        fresh.append(weights[new])
    drawn = torch.cat(fresh)
    assert len(drawn) == 296 * (5 + 1 + 3)
    assert drawn.std().item() == pytest.approx(0.1, rel=4 / (2 * len(drawn)) ** 0.5)


def test_training_ends_early_below_the_threshold_only():
    easy = np.eye(3)[(X[:, 0] > 0).astype(int)]
    easy_test = np.eye(3)[(X_TEST[:, 0] > 0).astype(int)]
    path = width_path(X, easy, X_TEST, easy_test, [8, 40], Training(epochs=300, learning_rate=0.005))
    assert path[0].train_error == 0
    assert path[0].epochs < 300
    assert path[1].epochs == 300


def test_a_seed_decides():
    training = Training(epochs=3)
    one, again, other = (width_path(*DATA, [3, 5], training, seed=seed) for seed in (0, 0, 1))
    assert one == again
    assert one != other


def test_training_that_diverges_has_no_numbers():
    path = width_path(*DATA, [3, 5, 40], Training(epochs=200, learning_rate=5.0))
    assert all(point.diverged for point in path)
    assert all(point.epochs < 200 for point in path)
    for name in ("train_loss", "test_loss", "train_error", "test_error", "norm"):
        assert [getattr(point, name) for point in path] == [None] * 3, name


def test_a_network_after_one_that_diverged_begins_as_the_first(monkeypatch):
    """Here the first diverges because its step is made so; the second is then trained as if it came alone."""
    step = Network.step
    monkeypatch.setattr(
        Network, "step", lambda self, x, y, rate, m: step(self, x, y, 1e9 if len(self.weights[1]) == 2 else rate, m)
    )
    first, second = width_path(*DATA, [2, 3], Training(epochs=3))
    assert (first.diverged, second.diverged) == (True, False)
    assert np.isfinite([second.train_loss, second.test_loss, second.norm]).all()


def test_points_are_reported_in_order():
    seen = []
    path = width_path(*DATA, [4, 2, 4], Training(epochs=1), report=seen.append)
    assert seen == path
    assert [point.width for point in path] == [2, 4]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"widths": []}, "widths"),
        ({"widths": [0]}, "widths"),
        ({"y": Y[:-1]}, "Shapes"),
        ({"y": CLASSES}, "y has shape"),
        ({"X_test": X_TEST[:, :4]}, "Shapes"),
        ({"y_test": Y_TEST[:, :2]}, "Shapes"),
        ({"X": X * np.nan}, "X holds NaN"),
        ({"y_test": Y_TEST * 1e39}, "largest number of y_test"),
        ({"y": Y * 1e-200}, "largest number of y is 1e-200"),
        ({"widths": [2.5]}, "widths holds 2.5"),
        ({"device": "gpu9"}, "device = 'gpu9'"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_bad_input_is_told(change, told):
    arguments = {"X": X, "y": Y, "X_test": X_TEST, "y_test": Y_TEST, "widths": [1], **change}
    with pytest.raises(InputError, match=told):
        width_path(**arguments)


@pytest.mark.parametrize(
    "change", [{"epochs": 0}, {"learning_rate": 0.0}, {"momentum": 1.0}, {"batch_size": 0}, {"epochs": "4"}]
)
def test_bad_training_is_told(change):
    with pytest.raises(InputError, match=next(iter(change))):
        Training(**change)
