"""A rule that is proven where gradients are 0, or on the first examples only, has to hold later too."""

import pytest
import torch
from gradient_zoo import Squeezed, floats, loop, made
from torch import nn
from torch.nn import functional

from gengap.errors import InputError
from gengap.network.gradients import (
    GradientReader,
    gradient_gram,
    gradient_norm_report,
    gradient_norms,
    norms,
    per_example_gradients,
    remembered,
)

CLOSE = {"rtol": 1e-9, "atol": 1e-12}  # both sides in float64, of some hundred products each


class Autoencoder(nn.Module):
    """A weight with two uses, of which no operation with a rule makes the second, below a head of zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.code, self.head = nn.Linear(6, 6), nn.Linear(6, 3)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(torch.tanh(self.code(x)) @ self.code.weight))


class PlacesFirst(nn.Module):
    """Rows that are examples at the first place, then at the second, below a head of zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.rows, self.head = nn.Linear(6, 5), nn.Linear(5, 3)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = torch.tanh(self.rows(x.transpose(0, 1).reshape(-1, 6)))
        return self.head(rows.reshape(x.shape[1], -1, 5).mean(0))


class DeadAtFirst(nn.Module):
    """A second use that only examples with a positive first input show."""

    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lin(x) + torch.relu(x[:, :1]) * (x @ self.lin.weight.T)


class ReachedLater(nn.Module):
    """A weight that is used only in batches with a positive input."""

    def __init__(self) -> None:
        super().__init__()
        self.lin, self.other = nn.Linear(6, 3), nn.Parameter(torch.randn(6, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.lin(x)
        return out + (x @ self.other) * (x[:, :1] > 0) if bool((x[:, 0] > 0).any()) else out


class CentredBelowZeros(nn.Module):
    """A mean over the batch that scores show only once the head is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 3)
        nn.init.zeros_(self.head.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x - x.mean(0))


def examples(*shape: int, n: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(5)
    return torch.randn(n, *shape, dtype=torch.float64), torch.arange(n) % 3


@pytest.mark.parametrize(
    ("factory", "shape", "formed"), [(Autoencoder, (6,), {"code.weight"}), (PlacesFirst, (4, 6), set())]
)
def test_zeros_at_the_start_prove_nothing(factory, shape, formed) -> None:
    torch.manual_seed(0)
    model = factory().double()
    x, y = examples(*shape)
    reader = GradientReader(model, x, y)
    assert set(reader.fallback) == formed
    nn.init.normal_(model.head.weight)
    looped = loop(model, x, y)
    for name, values in reader.read(x, y).squared_norms().items():
        torch.testing.assert_close(values, looped[name].square().sum(1), **CLOSE)


def test_a_use_that_the_first_examples_do_not_show_counts() -> None:
    torch.manual_seed(0)
    model = DeadAtFirst().double()
    x, y = examples(6)
    x[:, 0] = torch.tensor([-1.0] * 3 + [1.0] * 4)
    report = gradient_norm_report(model, x, y)
    assert report.fallback == {"lin.weight": "it is used in another way too"}
    torch.testing.assert_close(report.by_parameter["lin.weight"], loop(model, x, y)["lin.weight"].norm(dim=1), **CLOSE)


def test_blank_first_examples_do_not_decide_where_examples_are() -> None:
    torch.manual_seed(0)
    model = PlacesFirst().double()
    nn.init.normal_(model.head.weight)
    x, y = examples(4, 6)
    x[:3] = 0
    g = torch.cat(list(loop(model, x, y).values()), 1)
    torch.testing.assert_close(gradient_gram(model, x, y), g @ g.T, **CLOSE)


def test_a_weight_that_later_batches_use_is_named() -> None:
    model = ReachedLater().double()
    x, y = examples(6)
    x[:, 0] = torch.tensor([-1.0] * 3 + [1.0] * 4)
    with pytest.raises(InputError, match=r"in another way: other\."):
        gradient_norms(model, x, y)


@pytest.mark.parametrize("read", [gradient_norms, gradient_gram, per_example_gradients])
def test_a_mean_over_the_batch_does_not_hide_behind_zeros(read) -> None:
    model = CentredBelowZeros().double()
    x, y = examples(6)
    with pytest.raises(InputError, match="depend on the rest of the batch"):
        read(model, x, y)
    with pytest.raises(InputError, match="depend on the rest of the batch"):
        read(model, x[:1].expand(7, -1), y)


def test_functions_that_mix_the_batch_are_refused_where_gradients_are_formed() -> None:
    class Normed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lin = nn.Linear(6, 3)

        def forward(self, x):
            return functional.batch_norm(self.lin(x), None, None, training=True)

    x, y = examples(6)
    with pytest.raises(InputError, match="depend on the rest of the batch"):
        per_example_gradients(Normed().double(), x, y)


def test_formed_gradients_may_be_those_of_random_masks() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lin = nn.Linear(6, 3)

        def forward(self, x):
            return self.lin(functional.dropout(x, 0.5))

    x, y = examples(6)
    found = per_example_gradients(Masked().double(), x, y)
    dropped = found["lin.weight"].abs().sum(1) == 0
    assert 0 < dropped.sum() < dropped.numel()


@pytest.mark.parametrize("total", [False, True])
def test_a_last_batch_of_one_of_a_network_that_drops_its_row(total: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, y = made(Squeezed, floats(2, 3, 3))
    looped = loop(model, x, y)
    found = GradientReader(model, x, y).read(x[4:], y[4:], total=total)
    for name, values in found.squared_norms().items():
        torch.testing.assert_close(values, looped[name][4:].square().sum(1), **CLOSE)
    for name, g in found.total.items():
        torch.testing.assert_close(g.flatten(), looped[name][4], **CLOSE)
    monkeypatch.setattr(norms, "BATCH", 2)
    torch.testing.assert_close(gradient_norms(model, x, y), torch.cat(list(looped.values()), 1).norm(dim=1), **CLOSE)


def test_a_network_is_proven_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made_anew = []

    class Counted(GradientReader):
        def __init__(self, *args, proof=None):
            made_anew.append(proof is None)
            super().__init__(*args, proof=proof)

    monkeypatch.setattr(remembered, "GradientReader", Counted)
    model = PlacesFirst().double()
    x, y = examples(4, 6)
    gradient_norms(model, x, y)
    nn.init.normal_(model.head.weight)
    looped = torch.cat(list(loop(model, x, y).values()), 1)
    torch.testing.assert_close(gradient_norms(model, x, y), looped.norm(dim=1), **CLOSE)
    assert made_anew == [True, False]
    model.rows.weight.requires_grad_(False)
    assert gradient_norm_report(model, x, y).frozen == ("rows.weight",)
    gradient_norms(model, x[:, :2], y)
    assert made_anew == [True, False, True, True]


def test_a_batch_that_contradicts_what_was_proven_is_proven_anew() -> None:
    model = ReachedLater().double()
    x, y = examples(6)
    x[:, 0] = -1
    assert gradient_norm_report(model, x, y).unreached == ("other",)
    x[:, 0] = 1
    report = gradient_norm_report(model, x, y)
    assert report.unreached == ()
    torch.testing.assert_close(report.norms, torch.cat(list(loop(model, x, y).values()), 1).norm(dim=1), **CLOSE)
