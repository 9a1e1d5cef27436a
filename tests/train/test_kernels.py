"""PyTorch's own kernels give what the formulas give, and are left alone where tensors are stored in another order."""

import pytest
import torch
from torch import Tensor

from gengap.train import kernels
from gengap.train.optimizers import SGD, Adam, Optimizer, RMSprop

RULES = [SGD(0.9, nesterov=True), Adam(), Adam(decoupled=True), RMSprop(), RMSprop(momentum=0.5)]
RATES = [[0.1, 0.1], [0.1, 0.02]]


def after_three_steps(
    rule: Optimizer, rates: list[float], decays: list[float] | None, gradients: list[Tensor]
) -> Tensor:
    weight = torch.arange(24, dtype=torch.float64).reshape(2, 3, 4) / 10
    state = {slot: torch.zeros_like(weight) for slot in rule.slots}
    rate = torch.tensor(rates, dtype=torch.float64).view(2, 1, 1)
    decay = None if decays is None else torch.tensor(decays, dtype=torch.float64).view(2, 1, 1)
    for step, gradient in enumerate(gradients):
        rule.update(weight, gradient, state, rate, decay, step)
    return weight


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("decays", [None, [0.3, 0.3], [0.0, 0.3]])
def test_they_equal_the_formulas(
    rule: Optimizer, rates: list[float], decays: list[float] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(0)
    gradients = [torch.randn(2, 3, 4, dtype=torch.float64, generator=generator) for _ in range(3)]
    fast = after_three_steps(rule, rates, decays, gradients)
    another_order = [gradient.mT.contiguous().mT for gradient in gradients]
    torch.testing.assert_close(after_three_steps(rule, rates, decays, another_order), fast, rtol=1e-12, atol=1e-14)
    monkeypatch.setattr("gengap.train.optimizers.fits_kernels", lambda *tensors: False)
    monkeypatch.setattr("gengap.train.optimizers.common", lambda numbers: None)
    torch.testing.assert_close(after_three_steps(rule, rates, decays, gradients), fast, rtol=1e-12, atol=1e-14)


def test_only_tensors_stored_in_one_order_fit() -> None:
    weight = torch.zeros(1, 3, 4)
    assert kernels.fits_kernels(weight, torch.zeros(3, 4)[None], weight.clone())
    assert not kernels.fits_kernels(weight, torch.zeros(1, 4, 3).mT)
    assert not kernels.fits_kernels(weight, torch.zeros(()).expand(1, 3, 4))
    assert not kernels.fits_kernels(weight.to("meta"), weight.to("meta"))
