"""Loss sensitivity against training unrolled by autograd in float64, input gradients, and the Gini coefficient."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from gengap import probes
from gengap.errors import InputError
from gengap.probes.sensitivity import _orders


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()


def data(n: int = 9):
    torch.manual_seed(1)
    return torch.randn(n, 4, dtype=torch.float64), torch.randint(3, (n,))


def unrolled(x: torch.Tensor, y: torch.Tensor, steps: int, lr: float, size: int) -> np.ndarray:
    """||dL/dx||_1 by one graph over all steps; the loss at the end is of copies of the inputs."""
    model, live = network(), x.clone().requires_grad_()
    weights = {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}
    for index in _orders(len(y), size, 0, steps):
        loss = cross_entropy(functional_call(model, weights, (live[index],)), y[index])
        gradients = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
        weights = {name: p - lr * g for (name, p), g in zip(weights.items(), gradients, strict=True)}
    (gradient,) = torch.autograd.grad(cross_entropy(functional_call(model, weights, (x,)), y), [live])
    return gradient.abs().sum(1).numpy()


@pytest.mark.parametrize("size", [1, 3, 9])
def test_through_training_equals_the_unrolled_graph(size: int) -> None:
    x, y = data()
    found = probes.loss_sensitivity(network(), x, y, lr=0.3, steps=(1, 4, 7), batch_size=size)
    for t, row in zip(found.steps, found.values, strict=True):
        np.testing.assert_allclose(row, unrolled(x, y, t, 0.3, size), rtol=1e-9, atol=1e-14)
    assert found.mean == pytest.approx(found.values.mean(0))


def test_an_example_that_was_not_used_has_no_influence() -> None:
    x, y = data()
    row = probes.loss_sensitivity(network(), x, y, lr=0.3, steps=(2,), batch_size=1).values[0]
    used = {int(index) for index in _orders(9, 1, 0, 2)}
    assert {n for n in range(9) if row[n] > 0} == used


def test_it_is_what_a_small_change_of_an_input_does() -> None:
    x, y = data()
    found = probes.loss_sensitivity(network(), x, y, lr=0.3, steps=(5,), batch_size=3)

    def loss_after(inputs: torch.Tensor) -> float:
        trained = probes.loss_sensitivity(network(), inputs, y, lr=0.3, steps=(5,), batch_size=3).weights
        return float(cross_entropy(functional_call(network(), trained, (x,)), y))

    total, h = 0.0, 1e-5
    for d in range(4):
        up, down = x.clone(), x.clone()
        up[2, d] += h
        down[2, d] -= h
        total += abs(loss_after(up) - loss_after(down)) / (2 * h)
    assert found.values[0, 2] == pytest.approx(total, rel=1e-6)


def test_a_window_differentiates_the_last_steps_only() -> None:
    x, y = data()
    whole = probes.loss_sensitivity(network(), x, y, lr=0.3, steps=(5,), batch_size=3)
    same = probes.loss_sensitivity(network(), x, y, lr=0.3, steps=(5,), batch_size=3, window=5)
    last = probes.loss_sensitivity(network(), x, y, lr=0.3, steps=(5,), batch_size=3, window=1)
    assert np.array_equal(whole.values, same.values)
    assert (last.values > 0).sum() == 3
    assert whole.losses == last.losses


def test_the_network_stays_and_memory_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    from gengap.probes import sensitivity

    x, y = data()
    model = network()
    before = [p.clone() for p in model.parameters()]
    probes.loss_sensitivity(model, x, y, lr=0.3, steps=(3,), batch_size=3)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    monkeypatch.setattr(sensitivity, "available_bytes", lambda _: 1000)
    with pytest.raises(InputError, match="The weights of 3 steps take 1,032 bytes"):
        probes.loss_sensitivity(model, x, y, lr=0.3, steps=(3,), batch_size=3)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"steps": ()}, "steps"),
        ({"steps": (3, 2)}, "ascending"),
        ({"batch_size": 10}, "minibatch of 10 of 9"),
        ({"lr": 0.0}, "learning rate"),
        ({"lr": 1e308, "steps": (8,)}, "diverged"),
    ],
)
def test_what_cannot_be_measured_is_refused(changes: dict, word: str) -> None:
    with pytest.raises(InputError, match=word):
        probes.loss_sensitivity(network(), *data(), **{"lr": 0.1, "steps": (2,), "batch_size": 3, **changes})


def test_input_gradients_against_a_loop() -> None:
    model, (x, y) = network(), data()
    for order in (1, 2, float("inf")):
        expected = []
        for n in range(9):
            a = x[n : n + 1].clone().requires_grad_()
            cross_entropy(model(a), y[n : n + 1]).backward()
            expected.append(float(torch.linalg.vector_norm(a.grad.flatten(), ord=order)))
        assert probes.input_gradient_norms(model, x, y, order=order).tolist() == pytest.approx(expected, rel=1e-10)
    with pytest.raises(InputError, match="have no gradient"):
        probes.input_gradient_norms(nn.Embedding(3, 3), torch.zeros(2).long(), torch.zeros(2).long())


def test_by_class_it_is_that_of_each_classs_part_of_the_loss() -> None:
    model, (x, y) = network(), data()
    y = torch.arange(len(y)) % 3
    found = probes.loss_sensitivity(model, x, y, lr=0.3, steps=(2, 4), batch_size=3, by_class=True)
    for c in range(3):
        own = y == c
        for t, step in enumerate((2, 4)):
            parameters = {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}
            inputs = x.clone().requires_grad_()
            for index in _orders(len(y), 3, 0, step):
                value = cross_entropy(functional_call(model, parameters, (inputs[index],)), y[index])
                gradients = torch.autograd.grad(value, list(parameters.values()), create_graph=True)
                parameters = {n: p - 0.3 * g for (n, p), g in zip(parameters.items(), gradients, strict=True)}
            # by the inputs of training alone: those of the loss are another copy
            scores = functional_call(model, parameters, (x[own],))
            last = cross_entropy(scores, y[own], reduction="sum") / len(y)
            (slope,) = torch.autograd.grad(last, [inputs])
            norms = slope.flatten(1).abs().sum(1)
            expected = [float(norms[y == j].mean()) for j in range(3)]
            assert found.by_class[t, c].tolist() == pytest.approx(expected, rel=1e-9)
    assert probes.loss_sensitivity(model, x, y, lr=0.3, steps=(2,), batch_size=3).by_class is None
    with pytest.raises(InputError, match="no classes"):
        probes.loss_sensitivity(model, x, torch.ones_like(y), lr=0.3, steps=(2,), batch_size=3, by_class=True)


def test_scores_that_are_not_finite_are_refused() -> None:
    broken, (x, y) = network(), data()
    with torch.no_grad():
        next(iter(broken.parameters()))[0] = torch.nan
    with pytest.raises(InputError, match="scores are NaN"):
        probes.loss_sensitivity(broken, x, y, lr=0.1, steps=(1,), batch_size=3)
    with pytest.raises(InputError, match="scores are NaN"):
        probes.input_gradient_norms(broken, x, y)
    with pytest.raises(InputError, match="scores are NaN"):
        probes.critical_samples(broken, x, 0.1)


def test_gini_against_the_double_sum_and_its_limits() -> None:
    v = np.random.default_rng(0).exponential(size=50)
    naive = np.abs(v[:, None] - v).sum() / (2 * 50**2 * v.mean())
    assert probes.gini(v) == pytest.approx(naive, rel=1e-12)
    assert probes.gini(7 * v) == pytest.approx(naive, rel=1e-12)
    assert probes.gini([5.0] * 8) == pytest.approx(0)
    assert probes.gini([0.0] * 99 + [1.0]) == pytest.approx(0.99)
    for wrong in ([0.0, 0.0], [], [-1.0, 2.0], [np.nan]):
        with pytest.raises(InputError, match="Gini"):
            probes.gini(wrong)


def test_learning_events_against_a_loop() -> None:
    table = np.random.default_rng(0).random((12, 30)) < np.linspace(0, 1, 30)
    events = probes.learning_events(table)
    for n, column in enumerate(table.T):
        right = [e + 1 for e, value in enumerate(column) if value]
        wrong = [e + 1 for e, value in enumerate(column) if not value]
        assert events.first[n] == (right[0] if right else 0)
        assert events.lasting[n] == (0 if wrong and wrong[-1] == 12 else (wrong[-1] if wrong else 0) + 1)
        assert events.share[n] == pytest.approx(len(right) / 12)
        assert events.forgotten[n] == sum(column[e] and not column[e + 1] for e in range(11))
    with pytest.raises(InputError, match="truth values"):
        probes.learning_events([[0.5]])


class Cut(nn.Module):
    """Weights under no_grad beside a layer that is trained, or before it, and an unused layer."""

    def __init__(self, *, before: bool) -> None:
        super().__init__()
        self.before, self.cut, self.out, self.unused = before, nn.Linear(4, 4), nn.Linear(4, 3), nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            cut = self.cut(x)
        return self.out(cut) if self.before else self.out(x) + cut[:, :3]


def test_weights_without_a_gradient_are_named() -> None:
    x, y = data()
    model = Cut(before=False).double()
    model.out.bias.requires_grad_(False)
    found = probes.loss_sensitivity(model, x, y, lr=0.3, steps=(3,), batch_size=3)
    assert found.not_covered == ("out.bias", "cut.weight", "cut.bias", "unused.weight", "unused.bias")
    assert (found.values > 0).all()


def test_inputs_without_a_gradient_have_no_sensitivity() -> None:
    x, y = data()
    model = Cut(before=True).double()
    with pytest.raises(InputError, match=r"no gradient by its inputs, nor by cut\.weight, cut\.bias"):
        probes.loss_sensitivity(model, x, y, lr=0.3, steps=(3,), batch_size=3)
    with pytest.raises(InputError, match="no gradient by its inputs"):
        probes.input_gradient_norms(model, x, y)


def test_a_mean_over_the_batch_has_no_sensitivity() -> None:
    class Centred(nn.Module):
        def forward(self, x):
            return x - x.mean(0)

    x, y = data()
    model = nn.Sequential(Centred(), nn.Linear(4, 3)).double()
    with pytest.raises(InputError, match="rest of the batch"):
        probes.loss_sensitivity(model, x, y, lr=0.3, steps=(3,), batch_size=3)
    with pytest.raises(InputError, match="rest of the batch"):
        probes.input_gradient_norms(model, x, y)
