"""The cross entropy and its gradient against autograd in float64, and against 60 digits where that saturates."""

import math

import mpmath
import pytest
import torch
from torch import Tensor, nn

from gengap.network.cross_entropy import log_losses, log_probabilities, losses, score_gradients, summed_gradients

ROWS = [
    ([3.0, 1.0, -2.0], 0),
    ([3.0, 1.0, -2.0], 2),
    ([44.0, 0.0, 1.0], 0),
    ([0.0, 332.0, -5.0], 1),
    ([0.0, 332.0, -5.0], 0),
    ([1000.0, 0.0, 0.0], 0),
    ([2.0, 2.0, 2.0], 1),
]
SCORES = torch.tensor([row for row, _ in ROWS])
LABELS = torch.tensor([label for _, label in ROWS])


def _digits(row: list[float], label: int) -> tuple[mpmath.mpf, list[mpmath.mpf]]:
    """The loss and its gradient by their definitions."""
    exps = [mpmath.exp(mpmath.mpf(score)) for score in row]
    p = [e / mpmath.fsum(exps) for e in exps]
    return -mpmath.log(p[label]), [q - (j == label) for j, q in enumerate(p)]


@pytest.fixture(autouse=True)
def _precision() -> object:
    with mpmath.workdps(600):
        yield


def test_losses_and_gradients_have_all_digits() -> None:
    gradients = score_gradients(SCORES, LABELS)
    for index, (row, label) in enumerate(ROWS):
        loss, gradient = _digits(row, label)
        assert float(losses(SCORES, LABELS)[index]) == pytest.approx(float(loss), rel=1e-14)
        assert float(log_losses(SCORES, LABELS)[index]) == pytest.approx(float(mpmath.log(loss)), rel=1e-14, abs=1e-15)
        for j, expected in enumerate(gradient):
            value = mpmath.mpf(float(gradients.directions[index, j])) * mpmath.exp(float(gradients.log_sizes[index]))
            assert float(value / expected - 1) == pytest.approx(0, abs=1e-12), (row, label, j)  # exp(1000 +- eps)


def test_log_probabilities_have_all_digits() -> None:
    for row, result in zip(SCORES, log_probabilities(SCORES), strict=True):
        exps = [mpmath.exp(mpmath.mpf(score)) for score in row.tolist()]
        expected = [float(mpmath.log(e / mpmath.fsum(exps))) for e in exps]
        assert result.tolist() == pytest.approx(expected, rel=1e-14)


def _loop(model: nn.Linear, x: Tensor, y: Tensor) -> Tensor:
    """Outer products of ``p - e_y`` and x, of a linear map, in 60 digits."""
    total = mpmath.zeros(*model.weight.shape)
    for row, label in zip(x.double(), y.tolist(), strict=True):
        scores = (model.weight.double() @ row).tolist()
        total += mpmath.matrix(_digits(scores, label)[1]) * mpmath.matrix(row.tolist()).T
    return total


@pytest.mark.parametrize("scale", [1.0, 30.0, 400.0])
def test_summed_gradients_are_those_of_a_loop_however_small(scale: float) -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 3, bias=False)
    x = torch.eye(4)[[0, 1, 2, 3, 0]]  # a weight gets its gradient from a few examples, of any size
    with torch.no_grad():
        model.weight.copy_(scale * torch.tensor([[1.0, 0.2, -0.1, 0.6], [0.0, 0.5, 0.3, 0.1], [0.1, 0.0, 0.0, -0.2]]))
    y = torch.tensor([0, 1, 1, 0, 0])
    expected = _loop(model, x, y)
    parts = list(summed_gradients(model(x), y, [model.weight]))
    assert (len(parts) > 1) == (scale > 100)
    for i in range(3):
        for j in range(4):
            total = mpmath.fsum(mpmath.mpf(float(g[0][i, j])) * mpmath.exp(s) for s, g in parts)
            # scores of 400 are known to 1.5e-5 in float32, and the gradient is their exponential
            assert float(total / expected[i, j] - 1) == pytest.approx(0, abs=1e-6 + 1e-7 * scale), (i, j)


def test_one_class_and_scores_that_are_no_numbers_have_no_gradient() -> None:
    model = nn.Linear(2, 1)
    y = torch.zeros(3, dtype=torch.long)
    assert losses(model(torch.ones(3, 2)), y).tolist() == [0, 0, 0]
    for scale in (1.0, math.nan):
        ((size, gradient),) = summed_gradients(model(torch.ones(3, 2)) * scale, y, [model.weight])
        assert (size, gradient[0].tolist()) == (0.0, [[0.0, 0.0]])
