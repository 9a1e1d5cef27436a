"""Networks that sort, mask or route their examples: no gradient may be taken for that of another example."""

import pytest
import torch
from gradient_zoo import loop
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from gengap.network.gradients import GradientReader, gradient_gram, gradient_norm_report, reader
from gengap.probes import coherence
from gengap.train import WinsorizedSGD

CLOSE = {"rtol": 1e-9, "atol": 1e-12}  # both sides in float64, of some hundred products each
CLASSES = 3


class SortedByLength(nn.Module):
    """Sequences in order of their length before a recurrent layer, and their scores back in place."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.project = nn.Embedding(9, 4, padding_idx=0), nn.Linear(4, 4)
        self.recurrent, self.out = nn.GRU(4, 5, batch_first=True), nn.Linear(5, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        lengths, order = (x != 0).sum(1).sort(descending=True, stable=True)
        packed = pack_padded_sequence(self.project(self.words(x[order])), lengths, batch_first=True)
        return self.out(self.recurrent(packed)[1][-1])[order.argsort()]


class OrderedInPython(nn.Module):
    """The same as a list of numbers, which no operation on the batch shows."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(9, 4), nn.Linear(4, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        order = (x == 0).sum(1).tolist()
        order = sorted(range(len(x)), key=order.__getitem__)
        scores = self.out(torch.tanh(self.words(torch.stack([x[n] for n in order]))).mean(1))
        return torch.stack([scores[order.index(n)] for n in range(len(x))])


class Packed(nn.Module):
    """A linear map of the places of a packed sequence, longest examples first."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(9, 4, padding_idx=0), nn.Linear(4, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(self.words(x), (x != 0).sum(1), batch_first=True, enforce_sorted=False)
        scores = PackedSequence(self.out(packed.data), *packed[1:])
        return pad_packed_sequence(scores, batch_first=True, total_length=x.shape[1])[0].sum(1)


class Unpadded(nn.Module):
    """A linear map of the places that are no padding, from all examples."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.lin, self.out = nn.Embedding(9, 4, padding_idx=0), nn.Linear(4, 4), nn.Linear(4, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h, there = self.words(x), x != 0
        mapped = torch.zeros_like(h)
        mapped[there] = torch.relu(self.lin(h[there]))
        return self.out(mapped.sum(1))


class Experts(nn.Module):
    """Two layers, of which each example takes one."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.experts = nn.Linear(3, 2), nn.ModuleList([nn.Linear(3, CLASSES) for _ in range(2)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        chosen = self.gate(x.mean(1)).argmax(1)
        out = x.new_zeros(len(x), x.shape[1], CLASSES)
        for j, expert in enumerate(self.experts):
            out[chosen == j] = expert(x[chosen == j])
        return out.mean(1)


class LastPlace(nn.Module):
    """The state at each example's last word, picked by an index that leaves the examples in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.lin, self.out = nn.Embedding(9, 4), nn.Linear(4, 4), nn.Linear(4, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last = (x != 0).sum(1) - 1
        return self.out(torch.tanh(self.lin(self.words(x)))[torch.arange(len(x)), last])


class Vector(nn.Module):
    """A linear map by a vector, to one number an example."""

    def __init__(self) -> None:
        super().__init__()
        self.lin, self.v = nn.Linear(3, 4), nn.Parameter(torch.randn(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        margin = functional.linear(torch.relu(self.lin(x.mean(1))), self.v)
        return torch.stack([margin, -margin, 0 * margin], 1)


def sentences(n: int = 14) -> torch.Tensor:
    """Words in 1..8, from the fourth sentence on of different lengths, then padding of 0."""
    words = torch.randint(1, 9, (n, 6), generator=torch.Generator().manual_seed(1))
    for i in range(3, n):
        words[i, 6 - i % 5 :] = 0
    return words


def routed(n: int = 8) -> torch.Tensor:
    """Examples of which the first half takes the first expert, the others the second."""
    x = torch.randn(400, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    first = made(Experts).gate(x.mean(1)).argmax(1) == 0
    return torch.cat([x[first][: n // 2], x[~first][: n - n // 2]])


def made(factory) -> nn.Module:
    torch.manual_seed(0)
    return factory().double()


def labels(x: torch.Tensor) -> torch.Tensor:
    return torch.arange(len(x)) % CLASSES


CASES = [(SortedByLength, sentences), (OrderedInPython, sentences), (Packed, sentences), (Unpadded, sentences)]
CASES += [(Experts, routed), (Experts, lambda: routed(9)), (Vector, routed)]


@pytest.mark.parametrize(("factory", "inputs"), CASES)
def test_gradients_are_those_of_their_own_examples(factory, inputs) -> None:
    model, x = made(factory), inputs()
    y = labels(x)
    looped = loop(model, x, y)
    whole = torch.cat(list(looped.values()), 1)
    report = gradient_norm_report(model, x, y)
    torch.testing.assert_close(report.norms, whole.norm(dim=1), **CLOSE)
    torch.testing.assert_close(gradient_gram(model, x, y), whole @ whole.T, **CLOSE)
    torch.testing.assert_close(torch.as_tensor(coherence(model, (x, y)).norms), whole.norm(dim=1), **CLOSE)
    assert report.fallback


def test_a_later_batch_that_moves_rows_has_its_gradients_formed() -> None:
    model, x = made(SortedByLength), sentences()
    gradients = GradientReader(model, x[:3], labels(x)[:3])
    gradients.read(x[:3], labels(x)[:3])
    assert "out.weight" not in gradients.fallback
    found = gradients.read(x[3:6], labels(x)[3:6]).squared_norms()
    assert "another order" in gradients.fallback["out.weight"]
    looped = loop(model, x[3:6], labels(x)[3:6])
    for name, values in looped.items():
        torch.testing.assert_close(found[name], values.square().sum(1), **CLOSE)


def test_products_between_batches_of_which_one_moves_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gengap.network.gradients.norms.BATCH", 3)
    model, x = made(SortedByLength), sentences()
    whole = torch.cat(list(loop(model, x, labels(x)).values()), 1)
    torch.testing.assert_close(gradient_gram(model, x, labels(x)), whole @ whole.T, **CLOSE)


def test_batches_shrink_where_more_gradients_have_to_be_formed_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = made(Unpadded), sentences()
    one = sum(p.numel() for p in model.lin.parameters()) * 8
    monkeypatch.setattr(reader, "CHUNK_BYTES", 2 * one)
    whole = torch.cat(list(loop(model, x, labels(x)).values()), 1)
    torch.testing.assert_close(gradient_norm_report(model, x, labels(x)).norms, whole.norm(dim=1), **CLOSE)
    torch.testing.assert_close(torch.as_tensor(coherence(model, (x, labels(x))).norms), whole.norm(dim=1), **CLOSE)


def test_an_index_that_keeps_the_order_leaves_the_rules() -> None:
    model, x = made(LastPlace), sentences()
    report = gradient_norm_report(model, x, labels(x))
    assert report.fallback == {}
    whole = torch.cat(list(loop(model, x, labels(x)).values()), 1)
    torch.testing.assert_close(report.norms, whole.norm(dim=1), **CLOSE)


@pytest.mark.parametrize("total", [False, True])
def test_confident_examples_are_told_apart_too(total: bool) -> None:
    model, x = made(SortedByLength), sentences()
    with torch.no_grad():
        model.out.weight.mul_(40)
    y = labels(x)
    batch = GradientReader(model, x, y).read(x, y, total=total, scaled=True)
    looped = torch.cat(list(loop(model, x, y).values()), 1).norm(dim=1)
    found = torch.stack(list(batch.squared_norms().values())).sum(0).sqrt() * batch.log_scales.exp()
    torch.testing.assert_close(found, looped, rtol=1e-6, atol=0)  # the loop's gradients cancel to about 1e-10


def test_a_winsorised_step_takes_the_gradients_of_the_examples() -> None:
    model, x = made(Vector), routed()
    gradients = torch.stack(list(loop(model, x, labels(x))["v"])).sort(0).values
    _, found = WinsorizedSGD(model, lr=0.1, c=50).gradients(x, labels(x))
    torch.testing.assert_close(found["v"], gradients[3:5].mean(0), **CLOSE)
