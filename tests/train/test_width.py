"""One hidden layer: the truncated loss, the schedule, and training against torch by hand."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from gengap.errors import InputError
from gengap.seeds import stream
from gengap.train.width import (
    Step,
    hidden_layer,
    neyshabur2015_step,
    train_hidden_layer,
    train_hidden_layers,
    truncated_cross_entropy,
)


def f(x: float) -> float:
    return math.exp(x) if x >= -11 else math.exp(-11) * max(x + 13, 0) ** 2 / 4


@pytest.mark.parametrize("scale", [0.1, 3.0, 12.0, 30.0, 300.0])
def test_the_truncated_loss_is_its_formula(scale: float) -> None:
    scores = scale * torch.randn(40, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = torch.arange(40) % 5
    expected = []
    for row, label in zip(scores.tolist(), y.tolist(), strict=True):
        top = max(s - row[label] for s in row)
        expected.append(math.log(sum(f(s - row[label]) for s in row)) if top < 700 else top)
    assert float(truncated_cross_entropy(scores, y)) == pytest.approx(sum(expected) / 40, rel=1e-12)


def test_the_truncated_loss_is_smooth_near_the_cross_entropy_and_zero_for_large_margins() -> None:
    scores = torch.randn(100, 10, dtype=torch.float64)
    y = torch.arange(100) % 10
    assert float(truncated_cross_entropy(scores, y)) == pytest.approx(float(cross_entropy(scores, y)), abs=3e-5)
    ends = torch.tensor([[0.0, -11.0 + 1e-9], [0.0, -11.0 - 1e-9]], dtype=torch.float64)
    values = [float(truncated_cross_entropy(row[None], torch.tensor([0]))) for row in ends]
    assert values[0] == pytest.approx(values[1], rel=1e-8)
    x = torch.tensor([[14.0, 0.0]], dtype=torch.float64, requires_grad=True)
    loss = truncated_cross_entropy(x, torch.tensor([0]))
    loss.backward()
    assert loss.item() == 0
    assert x.grad.abs().max() == 0


def test_the_schedule() -> None:
    assert neyshabur2015_step(0) == (0.1, 0.5)
    assert neyshabur2015_step(10) == (pytest.approx(0.1 * 0.99**10), pytest.approx(0.7))
    assert neyshabur2015_step(500).momentum == 0.9


def test_training_stops_at_its_target_and_leaves_the_initial_network() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(64, 6, generator=generator), torch.arange(64) % 3
    model = hidden_layer(6, 40, 3, 0)
    before = [p.clone() for p in model.parameters()]
    run = train_hidden_layer(
        model,
        x,
        y,
        loss=cross_entropy,
        step=lambda epoch: Step(0.1, 0.9),
        epochs=500,
        target=0.05,
        seed=0,
        batch_size=16,
    )
    assert run.converged
    assert run.history[-1]["loss"] <= 0.05 < run.history[-2]["loss"]
    assert len(run.history) == run.epochs
    assert all(torch.equal(a, b) for a, b in zip(before, run.initial.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert float(cross_entropy(run.model(x), y).detach()) < 0.1


@pytest.mark.parametrize("bias", [True, False])
def test_training_is_sgd_with_momentum_and_weight_decay(bias: bool) -> None:
    generator = torch.Generator().manual_seed(2)
    x, y = torch.randn(30, 6, generator=generator, dtype=torch.float64), torch.arange(30) % 3
    model = hidden_layer(6, 5, 3, 0, bias=bias).double()
    run = train_hidden_layer(
        *(model, x, y),
        loss=truncated_cross_entropy,
        step=neyshabur2015_step,
        epochs=4,
        target=0.0,
        seed=7,
        batch_size=8,
        weight_decay=0.02,
    )
    optimiser = torch.optim.SGD(model.parameters(), lr=1.0, weight_decay=0.02)
    for epoch in range(4):
        for group in optimiser.param_groups:
            group["lr"], group["momentum"] = neyshabur2015_step(epoch)
        order = torch.randperm(30, generator=torch.Generator().manual_seed(stream(7, "order", epoch)))
        for rows in order.split(8):
            optimiser.zero_grad()
            truncated_cross_entropy(model(x[rows]), y[rows]).backward()
            optimiser.step()
    for ours, theirs in zip(run.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_networks_trained_at_once_are_each_as_trained_alone() -> None:
    generator = torch.Generator().manual_seed(3)
    x, y = torch.randn(3, 40, 6, generator=generator, dtype=torch.float64), torch.arange(120).view(3, 40) % 3
    y[1] = (x[1, :, 0] > 0).long()  # learned first
    models = [hidden_layer(6, 30, 3, seed).double() for seed in range(3)]
    decays = [0.0, 0.0, 0.05]
    how = {
        "loss": cross_entropy,
        "step": lambda epoch: Step(0.3, 0.9),
        "epochs": 60,
        "target": 0.1,
        "seed": 4,
        "batch_size": 16,
    }
    seen: list[int] = []

    def number(index: int, model: nn.Module) -> dict[str, float]:
        seen.append(index)
        return {"norm": float(model[0].weight.detach().norm())}

    together = train_hidden_layers(models, x, y, weight_decays=decays, measure=number, **how)
    alone = [train_hidden_layer(models[i], x[i], y[i], weight_decay=decays[i], **how) for i in range(3)]
    assert len({run.epochs for run in alone}) > 1  # they end at different times
    for i, (ours, theirs) in enumerate(zip(together, alone, strict=True)):
        assert (ours.epochs, ours.converged) == (theirs.epochs, theirs.converged)
        assert seen.count(i) == ours.epochs
        assert ours.history[-1]["norm"] == pytest.approx(float(theirs.model[0].weight.detach().norm()), rel=1e-9)
        for a, b in zip(ours.model.parameters(), theirs.model.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_gaussian_weights_without_biases() -> None:
    model = hidden_layer(100, 2000, 10, 1, bias=False, std=1.0)
    assert [p.shape for p in model.parameters()] == [(2000, 100), (10, 2000)]
    assert float(model[0].weight.detach().std()) == pytest.approx(0.1, rel=0.02)
    assert isinstance(model[1], nn.ReLU)


def test_refuses_what_is_out_of_range() -> None:
    model = hidden_layer(2, 2, 2, 0)
    x, y = torch.ones(2, 2), torch.tensor([0, 1])
    with pytest.raises(InputError, match="epochs = 0"):
        train_hidden_layer(model, x, y, loss=cross_entropy, step=neyshabur2015_step, epochs=0, target=0.0, seed=0)
    with pytest.raises(InputError, match="not finite"):
        train_hidden_layer(
            model, x, y, loss=cross_entropy, step=lambda epoch: Step(math.inf, 0.9), epochs=3, target=0.0, seed=0
        )
