"""Gradients of the cross entropy of confident networks, whose softmax rounds to 1, against 60-digit arithmetic."""

import math

import mpmath
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from gengap.errors import InputError
from gengap.network.gradients import (
    GradientReader,
    gradient_gram,
    gradient_norm_report,
    gradient_norms,
    per_example_gradients,
    saturated,
    scaled_gradients,
)
from gengap.network.gradients.scaled import NO_GRADIENT, cross_entropy_scaled

MARGINS = [20.0, 44.0, 120.0, 332.0, 800.0]
X = torch.tensor([[1.0, 2.0], [-0.5, 1.0], [3.0, 0.25]])
Y = torch.tensor([0, 0, 0])


def linear(margin: float, dtype: torch.dtype = torch.float32) -> tuple[nn.Module, torch.Tensor]:
    """Three classes with scores (margin, 0, -1) for every example, by the bias alone."""
    model = nn.Linear(2, 3).to(dtype)
    with torch.no_grad():
        model.weight.zero_()
        model.bias.copy_(torch.tensor([margin, 0.0, -1.0]))
    return model, X.to(dtype)


def log_norms_exact(margin: float, x: torch.Tensor) -> list[float]:
    """ln of |p - onehot| sqrt(|x|^2 + 1)."""
    with mpmath.workdps(500):
        e = [mpmath.exp(s) for s in (margin, 0, -1)]
        p = [value / sum(e) for value in e]
        length = mpmath.sqrt((p[0] - 1) ** 2 + p[1] ** 2 + p[2] ** 2)
        return [float(mpmath.log(length * mpmath.sqrt(float(row @ row) + 1))) for row in x.double()]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("margin", MARGINS)
def test_norms_and_their_logarithms(margin: float, dtype: torch.dtype) -> None:
    model, x = linear(margin, dtype)
    exact = log_norms_exact(margin, x)
    report = gradient_norm_report(model, x, Y)
    assert report.log_norms.tolist() == pytest.approx(exact, abs=1e-6)
    if margin > 745:
        assert "below the least number" in report.reason
        with pytest.raises(InputError, match="log_norms"):
            gradient_norms(model, x, Y)
    else:
        assert report.reason is None
        assert gradient_norms(model, x, Y).tolist() == pytest.approx([math.exp(v) for v in exact], rel=1e-6)


@pytest.mark.parametrize("margin", [20.0, 44.0, 120.0, 332.0])
def test_inner_products(margin: float) -> None:
    model, x = linear(margin)
    size = math.exp(log_norms_exact(margin, torch.zeros(1, 2))[0])
    exact = (x.double() @ x.double().T + 1) * size * size
    torch.testing.assert_close(gradient_gram(model, x, Y), exact, rtol=1e-6, atol=0)


def test_inner_products_that_float64_cannot_hold_are_refused() -> None:
    model, x = linear(800.0)
    with pytest.raises(InputError, match="squared norms"):
        gradient_gram(model, x, Y)


@pytest.mark.parametrize("margin", MARGINS)
def test_formed_gradients_are_right_or_refused(margin: float) -> None:
    model, x = linear(margin)
    scaled, log_scales = scaled_gradients(model, x, Y)
    norms = sum(g.double().flatten(1).square().sum(1) for g in scaled.values()).sqrt()
    assert (log_scales + norms.log()).tolist() == pytest.approx(log_norms_exact(margin, x), abs=1e-6)
    if margin > 87:
        with pytest.raises(InputError, match="too small for float32"):
            per_example_gradients(model, x, Y)
        return
    found = per_example_gradients(model, x, Y)
    exact = per_example_gradients(linear(margin, torch.float64)[0], x.double(), Y)
    for name, g in found.items():
        assert g.dtype == torch.float32
        torch.testing.assert_close(g.double(), exact[name], rtol=1e-6, atol=0)


@pytest.mark.parametrize("margin", [0.0, 2.0, 8.0])
def test_what_is_not_saturated_is_what_autograd_gives(margin: float) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    with torch.no_grad():
        model[2].bias[0] += margin
    x, y = torch.randn(7, 2).double(), torch.arange(7) % 3
    rows = []
    for n in range(7):
        parts = torch.autograd.grad(cross_entropy(model(x[n : n + 1]), y[n : n + 1]), list(model.parameters()))
        rows.append(torch.cat([part.flatten() for part in parts]))
    plain = torch.stack(rows)
    torch.testing.assert_close(gradient_norms(model, x, y), plain.norm(dim=1), rtol=1e-9, atol=0)
    torch.testing.assert_close(gradient_gram(model, x, y), plain @ plain.T, rtol=1e-9, atol=1e-12)
    formed = torch.cat([g.flatten(1) for g in per_example_gradients(model, x, y).values()], 1)
    torch.testing.assert_close(formed, plain, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("gap", [1.0, 50.0, 150.0, 500.0])
def test_the_sum_of_gradients_of_very_different_sizes(gap: float) -> None:
    model = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    x, y = torch.tensor([[20.0, 0.0], [0.0, 20.0 + gap]]), torch.tensor([0, 0])  # each reaches one column alone
    batch = GradientReader(model, x, y).read(x, y, total=True, scaled=True)
    found = batch.total["weight"].double().abs().log() + batch.log_total
    sizes = [-20.0 + math.log(20.0), -20.0 - gap + math.log(20.0 + gap)]
    torch.testing.assert_close(found[0], torch.tensor(sizes).double(), rtol=0, atol=2e-5)
    norms = batch.squared_norms()["weight"].sqrt().log() + batch.log_scales
    torch.testing.assert_close(norms, torch.tensor(sizes).double() + math.log(2) / 2, rtol=0, atol=2e-5)


def test_the_module_of_the_loss_and_ignored_labels() -> None:
    model, x = linear(120.0)
    expected = gradient_norms(model, x, Y)
    assert torch.equal(gradient_norms(model, x, Y, nn.CrossEntropyLoss()), expected)
    some = gradient_norms(model, x, torch.tensor([0, -100, 0]))
    torch.testing.assert_close(some, expected * torch.tensor([1.0, 0.0, 1.0]), rtol=1e-12, atol=0)


def test_scores_at_several_places_are_the_mean_of_pytorch() -> None:
    torch.manual_seed(0)
    scores = torch.randn(4, 5, 3, dtype=torch.float64, requires_grad=True)
    y = torch.randint(5, (4, 3))
    y[1, 2] = -100
    found = cross_entropy_scaled(scores, y)
    (scaled,) = torch.autograd.grad(found.values.sum(), [scores])
    plain = torch.stack([cross_entropy(scores[n : n + 1], y[n : n + 1]) for n in range(4)])
    (expected,) = torch.autograd.grad(plain.sum(), [scores])
    torch.testing.assert_close(found.losses, plain.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(scaled * found.log_scales.exp()[:, None, None], expected, rtol=1e-10, atol=1e-15)


def test_a_loss_of_the_user_is_taken_as_it_is_and_gradients_of_0_are_named() -> None:
    def own(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return cross_entropy(scores, y)

    model, x = linear(120.0)
    report = gradient_norm_report(model, x, Y, own)
    assert report.norms.tolist() == [0.0, 0.0, 0.0]
    assert report.reason == NO_GRADIENT
    assert gradient_norm_report(linear(2.0)[0], x, Y, own).reason is None


def test_saturated_examples_are_counted_in_the_type_of_the_scores() -> None:
    scores = torch.tensor([[20.0, 0.0], [10.0, 0.0], [0.0, 30.0]])
    y = torch.tensor([0, 0, 0])
    assert saturated(cross_entropy, scores, y) == 1
    assert saturated(cross_entropy, scores.double(), y) == 0
    assert saturated(nn.MSELoss(), scores, y) == 0


class Shifted(nn.Module):
    """Scores of a product with a weight, and a number added to the first of them: neither has a rule."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[0.5, -0.25, 0.0], [0.25, 0.5, 0.0]]))
        self.shift = nn.Parameter(torch.tensor(120.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight + self.shift * torch.tensor([1.0, 0.0, 0.0], dtype=x.dtype)


def test_parameters_without_a_rule_and_single_numbers() -> None:
    y = torch.tensor([0, 0, 1])
    report = gradient_norm_report(Shifted(), X, y)
    assert set(report.fallback) == {"weight", "shift"}
    twin = Shifted().double()
    for n in range(3):
        parts = torch.autograd.grad(_by_logarithms(twin(X[n : n + 1].double()), int(y[n])), list(twin.parameters()))
        expected = float(torch.stack([part.square().sum() for part in parts]).sum().sqrt())
        assert report.norms[n].item() == pytest.approx(expected, rel=2e-5)  # scores near 120 in float32


def _by_logarithms(scores: torch.Tensor, label: int) -> torch.Tensor:
    """The cross entropy as ln(1 + e^rest), whose gradient in float64 is not 0 at a margin of 120."""
    others = [scores[0, j] - scores[0, label] for j in range(3) if j != label]
    return torch.stack([other.exp() for other in others]).sum().log1p()
