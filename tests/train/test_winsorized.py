"""Winsorised descent: SciPy's winsorised mean of gradients formed one by one, its limits, and the medians of three."""

import numpy as np
import pytest
import torch
from scipy.stats.mstats import winsorize
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from gengap import load, probes
from gengap.errors import InputError
from gengap.train import M3, RM3, Execution, Recipe, WinsorizedSGD, train, winsorized, winsorized_mean


class Words(nn.Module):
    """An embedding tied to the output, used at several places."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.mix = nn.Embedding(5, 4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(self.mix(self.words(x)).tanh(), self.words.weight).mean(1)


def made(kind: str, B: int = 20):
    torch.manual_seed(0)
    if kind == "words":
        return Words().double(), torch.randint(5, (B, 3)), torch.randint(5, (B,))
    if kind == "images":
        model = nn.Sequential(
            nn.Conv2d(2, 4, 3, groups=2),
            nn.Tanh(),
            nn.Conv2d(4, 3, 2),
            nn.GroupNorm(1, 3),
            nn.Flatten(),
            nn.Linear(12, 3),
        )
        return model.double(), torch.randn(B, 2, 5, 5, dtype=torch.float64), torch.randint(3, (B,))
    if kind == "loose":
        model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 6)), nn.ReLU(), nn.Linear(6, 3))
    else:
        model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    return model.double(), torch.randn(B, 4, dtype=torch.float64), torch.randint(3, (B,))


@pytest.mark.parametrize("kind", ["vectors", "images", "words", "loose"])
@pytest.mark.parametrize("c", [5, 10, 24, 45])
@pytest.mark.parametrize("numbers", [1, 1 << 22])
def test_a_step_is_that_of_scipys_winsorised_mean(kind: str, c: int, numbers: int, monkeypatch) -> None:
    monkeypatch.setattr(winsorized, "NUMBERS", numbers)
    model, x, y = made(kind)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    formed = probes.per_example_gradients(model, x, y)
    loss = WinsorizedSGD(model, cross_entropy, lr=0.3, c=c).step(x, y)
    k = c * 20 // 100
    for name, p in model.named_parameters():
        clipped = winsorize(formed[name].numpy(), limits=(k / 20, k / 20), axis=0)
        np.testing.assert_allclose((before[name] - p.detach()).numpy() / 0.3, np.asarray(clipped).mean(0), atol=1e-12)
    assert loss > 0


class Autoencoder(nn.Module):
    """A weight with two uses below a head of zeros, at which the first step's gradients of it are 0."""

    def __init__(self) -> None:
        super().__init__()
        self.code, self.head = nn.Linear(4, 4), nn.Linear(4, 3)
        nn.init.zeros_(self.head.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(torch.tanh(self.code(x)) @ self.code.weight))


def test_steps_from_a_head_of_zeros_stay_those_of_the_winsorised_mean() -> None:
    _, x, y = made("vectors")
    model = Autoencoder().double()
    sgd = WinsorizedSGD(model, cross_entropy, lr=0.5, c=10)
    for _ in range(3):
        expected = {name: winsorized_mean(g, 10) for name, g in probes.per_example_gradients(model, x, y).items()}
        for name, g in sgd.gradients(x, y)[1].items():
            torch.testing.assert_close(g, expected[name], rtol=1e-9, atol=1e-12)
        sgd.step(x, y)
    assert expected["code.weight"].abs().max() > 1e-3


@pytest.mark.parametrize("B", [20, 21])
def test_50_is_the_median_by_coordinate(B: int) -> None:
    model, x, y = made("images", B)
    formed = probes.per_example_gradients(model, x, y)
    _, found = WinsorizedSGD(model, cross_entropy, lr=1.0, c=50).gradients(x, y)
    for name, gradient in found.items():
        np.testing.assert_allclose(gradient.numpy(), np.median(formed[name].numpy(), 0), atol=1e-12)


def test_0_is_plain_sgd() -> None:
    ours, x, y = made("vectors")
    theirs, _, _ = made("vectors")
    optimiser = torch.optim.SGD(theirs.parameters(), lr=0.2)
    sgd = WinsorizedSGD(ours, cross_entropy, lr=0.2, c=0)
    for _ in range(5):
        optimiser.zero_grad()
        loss = cross_entropy(theirs(x), y)
        loss.backward()
        optimiser.step()
        assert float(sgd.step(x, y)) == pytest.approx(loss.item(), rel=1e-12)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)
    assert sgd.steps == 5


def test_permuting_a_batch_changes_nothing() -> None:
    model, x, y = made("words")
    order = torch.randperm(20)
    sgd = WinsorizedSGD(model, cross_entropy, lr=1.0, c=10)
    for a, b in zip(sgd.gradients(x, y)[1].values(), sgd.gradients(x[order], y[order])[1].values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-15)


def test_an_outlier_has_no_more_weight_than_its_neighbour() -> None:
    values = torch.tensor([[1.0], [2.0], [3.0], [1e9]])
    assert winsorized_mean(values, 25).item() == (2 + 2 + 3 + 3) / 4
    assert winsorized_mean(values, 0).item() == pytest.approx(2.5e8)


def test_what_cannot_be_clipped_is_refused() -> None:
    model, x, y = made("vectors")
    with pytest.raises(InputError, match=r"c = 2.*\n.*at least 50 examples"):
        WinsorizedSGD(model, cross_entropy, lr=0.1, c=2).step(x, y)
    for wrong in (-1, 51):
        with pytest.raises(InputError, match="percentile"):
            WinsorizedSGD(model, cross_entropy, lr=0.1, c=wrong)
    with pytest.raises(InputError, match="c = '2'"):
        WinsorizedSGD(model, lr=0.1, c="2")
    with pytest.raises(InputError, match="lr = '1'"):
        WinsorizedSGD(model, lr="1", c=2)
    with pytest.raises(InputError, match="learning rate"):
        WinsorizedSGD(model, cross_entropy, lr=0, c=2)
    with pytest.raises(InputError, match="rest of the batch"):
        WinsorizedSGD(nn.Sequential(model, nn.BatchNorm1d(3)).double(), cross_entropy, lr=0.1, c=10).step(x, y)
    with pytest.raises(InputError, match="0 of them with a graph"):
        M3(torch.optim.SGD(model.parameters(), lr=1.0)).step([torch.tensor(1.0)] * 3)
    with pytest.raises(InputError, match="NaN"):
        WinsorizedSGD(model, cross_entropy, lr=0.1, c=10).step(x * torch.nan, y)


def test_a_frozen_layer_stays() -> None:
    model, x, y = made("vectors")
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    WinsorizedSGD(model, cross_entropy, lr=0.1, c=10).step(x, y)
    assert torch.equal(model[0].weight, before)


def test_m3_is_the_median_of_three_micro_batches() -> None:
    model, x, y = made("vectors", 21)
    parts = [
        torch.cat([g.flatten() for g in torch.autograd.grad(cross_entropy(model(a), b), list(model.parameters()))])
        for a, b in zip(x.split(7), y.split(7), strict=True)
    ]
    before = nn.utils.parameters_to_vector(model.parameters()).detach()
    m3 = M3(torch.optim.SGD(model.parameters(), lr=0.5))
    m3.step([cross_entropy(model(a), b) for a, b in zip(x.split(7), y.split(7), strict=True)])
    moved = before - nn.utils.parameters_to_vector(model.parameters()).detach()
    np.testing.assert_allclose(moved.numpy(), 0.5 * np.median(torch.stack(parts).numpy(), 0), atol=1e-14)
    with pytest.raises(InputError, match="2 losses"):
        m3.step([cross_entropy(model(x), y)] * 2)


def test_rm3_forgets_the_fourth_last() -> None:
    w = nn.Parameter(torch.zeros(2))
    rm3 = RM3(torch.optim.SGD([w], lr=1.0))
    slopes = torch.tensor([[5.0, 1.0], [1.0, 2.0], [2.0, 9.0], [3.0, 4.0], [9.0, 4.0]])
    places = []
    for slope in slopes:
        (w * slope).sum().backward()
        rm3.step()
        places.append(w.detach().clone())
    moves = -torch.diff(torch.stack([torch.zeros(2), *places]), dim=0)
    expected = [[5, 1], [3, 1.5], [2, 2], [2, 4], [3, 4]]
    assert moves.tolist() == expected
    with pytest.raises(InputError, match="No parameter has a gradient"):
        rm3.step()


def test_a_recipe_trains_with_it_and_replicas_equal_single_runs() -> None:
    digits = load("digits").take(130, 50)
    recipe = Recipe(model="mlp-1x512", batch_size=50, winsorize=4, epochs=2, precision="float64")
    on_cpu = Execution(precision="float64")
    from gengap.train import train_replicas

    together = train_replicas([(digits, recipe, seed) for seed in (0, 1)], execution=on_cpu)
    alone = train(digits, recipe, 1, execution=on_cpu)
    for name, value in alone.weights.items():
        torch.testing.assert_close(together[1].weights[name], value, rtol=1e-10, atol=1e-12)
    plain = train(digits, recipe.model_copy(update={"winsorize": 0.0}), 1, execution=on_cpu)
    assert not torch.equal(plain.weights["1.weight"], alone.weights["1.weight"])
    assert alone.history[-1]["running_loss"] > 0


def test_a_recipe_that_cannot_be_winsorised_is_refused() -> None:
    for changes, word in (
        ({"precision": "bfloat16"}, "float32 or float64"),
        ({"dropout": 0.5, "precision": "float32"}, "dropout 0"),
        ({"batch_size": 20, "precision": "float32"}, "fewer than 50"),
    ):
        with pytest.raises(InputError, match=word):
            Recipe.parse({"winsorize": 2, **changes})
    few = Recipe(model="mlp-1x512", winsorize=2, batch_size=50, precision="float32")
    with pytest.raises(InputError, match=r"minibatch of 40 examples is too small"):  # no step would clip anything
        train(load("digits").take(40, 5), few)
    assert Recipe().hash == "40291bbdc081e002"


def test_half_a_mean_squared_error_by_hand() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    WinsorizedSGD(model, mse_loss, lr=0.5, c=34).step(torch.ones(3, 1), torch.tensor([[1.0], [2.0], [9.0]]))
    assert model.weight.item() == 2.0
