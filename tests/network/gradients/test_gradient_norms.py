"""Norms and inner products of gradients against explicit loops in float64, for every kind of layer."""

import pytest
import torch
from gradient_zoo import FORMED, RULED, loop, made
from torch import Tensor, nn
from torch.nn import functional

from gengap.errors import InputError
from gengap.network.gradients import (
    GradientReader,
    gradient_gram,
    gradient_norm_report,
    gradient_norms,
    per_example_gradients,
    terms,
)

CLOSE = {"rtol": 1e-9, "atol": 1e-12}  # both sides in float64, of some hundred products each


def agree(model, x, y):
    looped = loop(model, x, y)
    whole = torch.cat(list(looped.values()), 1)
    report = gradient_norm_report(model, x, y)
    torch.testing.assert_close(report.norms, whole.norm(dim=1), **CLOSE)
    torch.testing.assert_close(gradient_gram(model, x, y), whole @ whole.T, **CLOSE)
    for name, norms in report.by_parameter.items():
        torch.testing.assert_close(norms, looped[name].norm(dim=1), **CLOSE)
    assert set(report.by_parameter) | set(report.unreached) == set(looped)
    return report


@pytest.mark.parametrize("name", RULED)
def test_a_rule_gives_what_a_loop_gives(name: str) -> None:
    report = agree(*made(*RULED[name]))
    assert report.fallback == {}


@pytest.mark.parametrize("name", FORMED)
def test_a_parameter_without_a_rule_is_named_and_its_gradients_formed(name: str) -> None:
    factory, inputs, without = FORMED[name]
    report = agree(*made(factory, inputs))
    assert set(report.fallback) == set(without)
    assert all(report.fallback.values())


@pytest.mark.parametrize("name", ["conv 2-d grouped", "transformer", "tied", "linear at places", "transposed 1-d"])
@pytest.mark.parametrize("chunk", [1, 200])
def test_small_chunks_change_nothing(name: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "CHUNK", chunk)
    agree(*made(*RULED[name]))


@pytest.mark.parametrize("name", [*RULED, *FORMED])
def test_formed_gradients_are_those_of_a_loop(name: str) -> None:
    model, x, y = made(*(RULED | FORMED)[name][:2])
    looped = loop(model, x, y)
    found = per_example_gradients(model, x, y, chunk=2)
    assert {name: g.shape[1:] for name, g in found.items()} == {n: p.shape for n, p in model.named_parameters()}
    for parameter, g in found.items():
        torch.testing.assert_close(g.flatten(1), looped[parameter], **CLOSE)


def test_blocks_of_examples_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    from gengap.network.gradients import norms

    monkeypatch.setattr(norms, "BATCH", 2)
    agree(*made(*RULED["conv 1-d"]))


@pytest.mark.parametrize("name", RULED)
def test_products_with_a_direction(name: str) -> None:
    model, x, y = made(*RULED[name])
    looped = loop(model, x, y)
    direction = {parameter: torch.randn_like(p) for parameter, p in model.named_parameters()}
    found = GradientReader(model, x, y).read(x, y).products(direction)
    for parameter, values in found.items():
        expected = looped[parameter] @ direction[parameter].detach().flatten()
        torch.testing.assert_close(values, expected, **CLOSE)


def test_permuting_a_batch_permutes_the_norms() -> None:
    model, x, y = made(*RULED["attention"])
    order = torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(gradient_norms(model, x[order], y[order]), gradient_norms(model, x, y)[order], **CLOSE)


def test_any_loss_of_a_batch_of_one() -> None:
    model, x, _ = made(*RULED["linear"])
    target = torch.randn(len(x), 3, dtype=torch.float64)
    by_hand = []
    for n in range(len(x)):
        model.zero_grad()
        nn.SmoothL1Loss()(model(x[n : n + 1]), target[n : n + 1]).backward()
        by_hand.append(torch.cat([p.grad.flatten() for p in model.parameters()]).norm())
    torch.testing.assert_close(gradient_norms(model, x, target, nn.SmoothL1Loss()), torch.stack(by_hand), **CLOSE)


def test_the_network_stays_as_it_is() -> None:
    model, x, y = made(*RULED["batch norm, running"])
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradient_norms(model, x, y, evaluation=True)
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_evaluation_takes_the_running_statistics() -> None:
    model, x, y = made(*RULED["batch norm, running"])
    expected = gradient_norms(model, x, y)
    with pytest.raises(InputError, match=r"depend on the rest of the batch: layers\.1"):
        gradient_norms(model.train(), x, y)
    torch.testing.assert_close(gradient_norms(model, x, y, evaluation=True), expected, rtol=0, atol=0)


def test_batch_norm_without_statistics_is_refused_in_evaluation_too() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, track_running_stats=False)).double()
    with pytest.raises(InputError, match="rest of the batch: 1"):
        gradient_norms(model, torch.randn(4, 4, dtype=torch.float64), torch.arange(4) % 3, evaluation=True)


def test_a_layer_of_ones_own_that_mixes_the_batch_is_refused() -> None:
    class Centred(nn.Module):
        def forward(self, x):
            return x - x.mean(0)

    model = nn.Sequential(nn.Linear(4, 3), Centred()).double()
    with pytest.raises(InputError, match="depend on the rest of the batch"):
        gradient_norms(model, torch.randn(4, 4, dtype=torch.float64), torch.arange(4) % 3)


def test_dropout_is_refused_in_training_and_nothing_in_evaluation() -> None:
    model, x, y = made(lambda: nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5)), RULED["linear"][1])
    with pytest.raises(InputError, match="Dropout draws at random in training mode: 1"):
        gradient_norms(model, x, y)
    assert (gradient_norms(model, x, y, evaluation=True) > 0).all()


def test_frozen_and_unreached_parameters_are_named_and_do_not_count() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c, self.unused = (nn.Linear(4, 4) for _ in range(4))

        def forward(self, x):
            with torch.no_grad():
                x = self.b(x)
            return self.c(torch.tanh(self.a(x)))

    model, x, y = made(Half, RULED["linear"][1])
    model.a.weight.requires_grad_(False)
    report = gradient_norm_report(model, x, y)
    assert report.frozen == ("a.weight",)
    assert report.unreached == ("b.weight", "b.bias", "unused.weight", "unused.bias")
    assert set(report.by_parameter) == {"a.bias", "c.weight", "c.bias"}
    looped = loop(model, x, y)
    kept = torch.cat([looped[name] for name in report.by_parameter], 1)
    torch.testing.assert_close(report.norms, kept.norm(dim=1), **CLOSE)


def test_the_context_of_the_caller_does_not_matter() -> None:
    model, x, y = made(*RULED["linear"])
    with torch.no_grad():
        inside = gradient_norms(model, x, y)
    assert torch.equal(inside, gradient_norms(model, x, y))


@pytest.mark.parametrize("name", RULED)
def test_gradients_are_formed_in_inference_mode_too(name: str) -> None:
    model, x, y = made(*RULED[name])
    expected = per_example_gradients(model, x, y)
    with torch.inference_mode():
        gradients = per_example_gradients(model, x, y)
        of_copies = per_example_gradients(model, x.clone(), y.clone())  # these are inference tensors
    for name, value in expected.items():
        assert value.any()
        assert torch.equal(gradients[name], value)
        assert torch.equal(of_copies[name], value)


def test_what_cannot_be_used_is_refused() -> None:
    model, x, y = made(*RULED["linear"])
    with pytest.raises(InputError, match="batch is empty"):
        gradient_norms(model, x[:0], y[:0])
    with pytest.raises(InputError, match="as many inputs as labels"):
        gradient_norms(model, x, y[:2])
    with pytest.raises(InputError, match="The network is a function"):
        gradient_norms(functional.relu, x, y)
    with pytest.raises(InputError, match="cannot take a batch"):
        gradient_norms(model, x[:, :2], y)
    with pytest.raises(InputError, match="NaN"):
        gradient_norms(model, x * torch.nan, y)
    with pytest.raises(InputError, match=r"gradients of 0.weight, 0.bias, 2.weight are NaN"):
        per_example_gradients(model, x * torch.nan, y)
    with pytest.raises(InputError, match="asks for a gradient"):
        gradient_norms(model.requires_grad_(False), x, y)


def test_gradients_that_do_not_fit_are_refused_with_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    from gengap.network.gradients import explicit

    model, x, y = made(*RULED["linear"])
    needed = 5 * 8 * sum(p.numel() for p in model.parameters())
    monkeypatch.setattr(explicit, "available_bytes", lambda _: needed)
    with pytest.raises(InputError, match=f"take {needed:,} bytes") as error:
        per_example_gradients(model, x, y)
    assert "gradient_norms" in error.value.next_step


def test_one_example_and_single_precision() -> None:
    model, x, y = made(*RULED["transformer"])
    one = gradient_norms(model, x[:1], y[:1])
    torch.testing.assert_close(one, gradient_norms(model, x, y)[:1], **CLOSE)
    single = gradient_norms(model.float(), x.float(), y)
    assert single.dtype == torch.float64
    torch.testing.assert_close(single[:1], one, rtol=1e-4, atol=0)  # float32 has seven digits


def test_batch_after_batch_with_the_sum_of_gradients() -> None:
    model, x, y = made(*RULED["conv 2-d grouped"])
    reader = GradientReader(model, x[:2], y[:2])
    batch = reader.read(x, y, total=True)
    looped = loop(model, x, y)
    for name, total in batch.total.items():
        torch.testing.assert_close(total.flatten(), looped[name].sum(0), **CLOSE)
    other = reader.read(x[:2], y[:2])
    parts = batch.gram(other)
    for name, values in parts.items():
        torch.testing.assert_close(values, looped[name] @ looped[name][:2].T, **CLOSE)


def test_another_order_of_operations_is_refused() -> None:
    class Fork(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(4, 3)

        def forward(self, x):
            return self.a(x) if float(x.sum()) > 0 else self.b(x)

    model = Fork().double()
    x, y = torch.ones(4, 4, dtype=torch.float64), torch.arange(4) % 3
    reader = GradientReader(model, x, y)
    with pytest.raises(InputError, match="another order"):
        reader.read(-x, y)


def test_a_network_that_changes_its_inputs_in_place_leaves_the_callers_and_sees_each_once() -> None:
    class Shifted(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            x -= 0.5
            return super().forward(x)

    torch.manual_seed(0)
    model, x, y = Shifted(8, 3), torch.randn(4, 8), torch.arange(4) % 3
    plain = nn.Linear(8, 3)
    plain.load_state_dict(model.state_dict())
    wanted = per_example_gradients(plain, x - 0.5, y)
    before = x.clone()
    found = per_example_gradients(model, x, y)
    assert torch.equal(x, before)
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value)
