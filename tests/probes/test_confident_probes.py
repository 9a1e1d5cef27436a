"""Probes of confident networks: coherence keeps its value, curvature and sensitivity say what is lost."""

import math

import mpmath
import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.probes import (
    coherence,
    curvature,
    gradient_noise_scale,
    input_gradient_log_norms,
    input_gradient_norms,
    loss_sensitivity,
)
from gengap.probes.label_errors import snapshot_scores


def linear(scale: float = 1.0) -> nn.Module:
    """Scores (scale x_1 + x_2, 0)."""
    model = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[scale, 1.0], [0.0, 0.0]]))
    return model


def exact(x: torch.Tensor, scale: float = 1.0) -> tuple[float, float, list[float]]:
    """Alpha, its unbiased version and cosines for label 0, of gradients ``-(1 - p) (x, -x)``, to 800 digits."""
    with mpmath.workdps(800):
        rows = []
        for a, b in x.double().tolist():
            size = 1 / (1 + mpmath.exp(scale * a + b))
            rows.append([size * a, size * b])
        total = [sum(row[i] for row in rows) for i in range(2)]
        squares = [row[0] ** 2 + row[1] ** 2 for row in rows]
        A, Q, N = total[0] ** 2 + total[1] ** 2, sum(squares), len(rows)
        cosines = [
            (row[0] * total[0] + row[1] * total[1]) / mpmath.sqrt(A * q) for row, q in zip(rows, squares, strict=True)
        ]
        return float(A / (N * Q)), float((A - Q) / ((N - 1) * Q)), [float(c) for c in cosines]


@pytest.mark.parametrize("margin", [20.0, 44.0, 120.0, 332.0, 800.0])
def test_coherence_at_every_margin(margin: float) -> None:
    # Scores that float32 holds exactly: their rounding is that of the network
    x = torch.tensor([[margin, 0.5], [margin, 0.375], [margin, 0.625], [margin, 0.4375]])
    found = coherence(linear(), (x, torch.zeros(4).long()))
    alpha, unbiased, cosines = exact(x)
    assert found.alpha == pytest.approx(alpha, rel=1e-6)
    assert found.whole.unbiased == pytest.approx(unbiased, rel=1e-6)
    np.testing.assert_allclose(found.alignments, cosines, rtol=1e-6)
    assert gradient_noise_scale(found).value == pytest.approx((1 - unbiased) / unbiased, abs=1e-6)  # of 1 - alpha
    assert (found.reason is None) == (margin < 350)


@pytest.mark.parametrize("gap", [10.0, 50.0, 100.0, 700.0])
def test_coherence_of_examples_whose_gradients_differ_by_any_factor(gap: float) -> None:
    x = torch.tensor([[2.0, 1.0], [gap, -1.0], [2.0, -1.0], [gap, 3.0]])
    found = coherence(linear(), (x, torch.zeros(4).long()))
    alpha, unbiased, cosines = exact(x)
    assert (found.alpha, found.whole.unbiased) == pytest.approx((alpha, unbiased), rel=1e-6)
    np.testing.assert_allclose(found.alignments, cosines, rtol=1e-5)
    apart = coherence(linear(), [(x[n : n + 1], torch.zeros(1).long()) for n in (1, 0, 3, 2)])  # other batches
    assert apart.alpha == pytest.approx(alpha, rel=1e-6)


def test_gradients_of_0_by_the_loss_of_the_user_are_refused_with_what_may_help() -> None:
    x = torch.tensor([[200.0, 0.0], [200.0, 1.0]])
    with pytest.raises(InputError, match="float64"):
        coherence(linear(), (x, torch.zeros(2).long()), lambda s, y: nn.functional.cross_entropy(s, y))


@pytest.mark.parametrize("margin", [20.0, 44.0, 120.0, 332.0])
def test_gradients_by_the_input(margin: float) -> None:
    x = torch.tensor([[margin, 0.0]])
    found = input_gradient_norms(linear(), x, torch.tensor([0]))
    assert found.tolist() == pytest.approx([2 * math.exp(-margin)], rel=1e-6)  # |(1, 1)|_1 / (1 + e^m)
    logs = input_gradient_log_norms(linear(), torch.tensor([[margin, 0.0], [800.0, 0.0]]), torch.tensor([0, 0]))
    assert logs.tolist() == pytest.approx([math.log(2) - margin, math.log(2) - 800], abs=1e-5)
    with pytest.raises(InputError, match="input_gradient_log_norms"):
        input_gradient_norms(linear(), torch.tensor([[800.0, 0.0]]), torch.tensor([0]))


def test_sensitivity_names_saturated_examples() -> None:
    x, y = torch.tensor([[1.0, 0.0], [30.0, 1.0], [40.0, 0.0], [0.5, 1.0]]), torch.zeros(4).long()
    found = loss_sensitivity(linear(), x, y, lr=0.01, steps=(2,), batch_size=2)
    assert found.saturated == (0.5,)
    assert "50.0%" in str(found.reason)
    double = loss_sensitivity(linear().double(), x.double(), y, lr=0.01, steps=(2,), batch_size=2)
    assert double.saturated == (0.25,)  # exp(-40) is below the precision of float64 too
    assert loss_sensitivity(linear(), x[[0, 3]], y[:2], lr=0.01, steps=(1,), batch_size=1).reason is None


def test_curvature_names_saturated_examples_and_refuses_where_all_are() -> None:
    pytest.importorskip("curvlinops", reason="the extra 'curvature' is not installed")
    x, y = torch.tensor([[1.0, 0.0], [30.0, 1.0], [0.5, 1.0], [1.0, 1.0]]), torch.zeros(4).long()
    found = curvature(linear(), (x, y), layers=False)
    assert found.saturated == 0.25
    assert "25.0%" in str(found.reason)
    with pytest.raises(InputError, match="every example"):
        curvature(linear(), (x + 30, y), layers=False)
    assert curvature(linear().double(), (x[[0, 2]].double(), y[:2]), layers=False).reason is None


def test_cheap_scores_order_confident_examples() -> None:
    margins = np.array([[[float(m), 0.0]] for m in (150, 44, 300, 120, 20)], dtype=np.float32)
    y = np.zeros(5, dtype=np.int64)
    problem = Problem("confident", Split(margins[:, 0], y), Split(margins[:, 0], y), ("a", "b"))
    scores = snapshot_scores(nn.Sequential(linear()), problem)
    for name in ("loss", "margin", "gradient_norm", "self_influence"):
        assert np.argsort(-scores[name]).tolist() == [4, 1, 3, 0, 2], name
    assert scores["loss"].tolist() == pytest.approx(
        [math.log1p(math.exp(-m)) or math.exp(-m) for m in margins[:, 0, 0]]
    )


def test_self_influence_of_confident_examples_against_formed_gradients_in_float64() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    with torch.no_grad():
        model[2].weight.mul_(40)
    x = torch.randn(50, 4)
    with torch.no_grad():
        features, scores = torch.tanh(model[0](x)).double().numpy(), model(x).double().numpy()
    y = scores.argmax(1)
    y[:5] = (y[:5] + 1) % 3
    problem = Problem("confident", *[Split(x.numpy(), y)] * 2, ("a", "b", "c"))
    residuals = softmax(scores, axis=1)
    rows = np.arange(50)
    residuals[rows, y] = 0
    residuals[rows, y] = -residuals.sum(1)  # p - 1 without its cancellation
    assert 1e-30 < -residuals[rows, y].max() < 1e-8
    g = np.concatenate([(residuals[:, :, None] * features[:, None]).reshape(50, -1), residuals], 1)
    fisher = (g**2).mean(0)
    expected = (g**2 / (fisher + 0.1 * fisher.mean())).sum(1)
    found = snapshot_scores(model, problem)["self_influence"]
    np.testing.assert_allclose(found, expected, rtol=1e-4)  # scores of float32 up to 100
