"""Logistic regression on separable data: directions and rates."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from gengap.interpolate.implicit_bias import (
    hard_margin,
    logistic_direction,
)


def separable():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((10, 20))
    return x, np.sign(rng.standard_normal(10))


def test_gradient_descent_tends_to_the_hard_margin_at_rate_one_over_log_t():
    points = logistic_direction(*separable(), [300, 1000, 3000, 10_000])
    slow = np.log(np.log([point.step for point in points]))
    for off in ("distance", "margin_gap"):
        slope = np.polyfit(slow, np.log([getattr(point, off) for point in points]), 1)[0]
        assert slope == pytest.approx(-1, abs=0.15)  # ~ 1 / log t
    assert np.all(np.diff([point.distance for point in points]) < 0)
    growth = np.diff([point.norm for point in points]) / np.diff(np.log([point.step for point in points]))
    np.testing.assert_allclose(growth, 1 / hard_margin(*separable()).margin, rtol=0.05)  # w(t) = v log t + bounded
    losses = np.array([point.loss * point.step for point in points])
    assert losses.max() / losses.min() < 1.05  # loss ~ 1 / t


def test_adam_tends_to_another_direction():
    x, y = separable()
    adam = logistic_direction(x, y, [3000, 15_000], optimiser="adam")
    descent = logistic_direction(x, y, [3000])
    assert adam[1].loss < descent[0].loss / 10  # it fits the data better,
    assert adam[1].distance > 3 * descent[0].distance  # from another direction,
    assert adam[1].distance > 0.9 * adam[0].distance  # where it stays
    signed = x * y[:, None]
    largest = linprog(
        np.r_[np.zeros(20), -1], np.c_[-signed, np.ones(10)], np.zeros(10), bounds=[(-1, 1)] * 20 + [(None, None)]
    ).x[:20]
    hard = hard_margin(x, y)
    away = np.linalg.norm(largest / np.linalg.norm(largest) - hard.weights * hard.margin)
    assert away > 0.3  # the largest margin in the maximum norm, to which Adam is nearer, is another one


@pytest.mark.parametrize("optimiser", ["gd", "adam"])
def test_steps_are_torchs(optimiser):
    x, y = separable()
    weights = torch.nn.Parameter(torch.tensor(np.full(20, 0.1)))
    make = {"gd": torch.optim.SGD, "adam": torch.optim.Adam}[optimiser]
    steps, signed = make([weights], lr=0.05), torch.tensor(x * y[:, None])
    for _ in range(25):
        steps.zero_grad()
        loss = torch.nn.functional.softplus(-(signed @ weights)).mean()
        loss.backward()
        steps.step()
    (found,) = logistic_direction(x, y, [25], optimiser=optimiser, rate=0.05, start=np.full(20, 0.1))
    assert found.norm == pytest.approx(weights.norm().item(), rel=1e-9)
    unit, hard = (weights / weights.norm()).detach().numpy(), hard_margin(x, y)
    assert found.distance == pytest.approx(np.linalg.norm(unit - hard.weights * hard.margin), rel=1e-9)
    assert found.angle_loss == pytest.approx(1 - unit @ hard.weights * hard.margin, rel=1e-9)
    assert found.loss == pytest.approx(np.log1p(np.exp(-(signed.numpy() @ weights.detach().numpy()))).mean(), rel=1e-9)
