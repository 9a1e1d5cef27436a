"""The shared pass, against loops over single examples in float64."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gengap.errors import InputError
from gengap.network.passes import Evaluation, evaluate, evaluate_with_gradients, low_margin, margins

Batches = list[tuple[Tensor, Tensor]]


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    layers = [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(27, 4)]
    net = nn.Sequential(*layers).double()
    net[1].running_mean.normal_()
    return net.eval()


def batches(sizes: tuple[int, ...] = (5, 5, 5, 2)) -> Batches:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(sum(sizes), 1, 5, 5, generator=generator, dtype=torch.float64) + 3
    y = torch.randint(4, (len(x),), generator=generator)
    return list(zip(x.split(sizes), y.split(sizes), strict=True))


def all_examples(of: Batches) -> tuple[Tensor, Tensor]:
    return torch.cat([x for x, _ in of]), torch.cat([y for _, y in of])


def with_gradients(net: nn.Sequential, of: Batches, *names: str) -> Evaluation:
    return evaluate_with_gradients(net, of, {name: net.get_submodule(name) for name in names})


def test_margins_are_those_of_a_loop_and_keep_their_sign() -> None:
    logits = torch.randn(50, 6, dtype=torch.float64)
    labels = torch.randint(6, (50,))
    rows = zip(logits.tolist(), labels.tolist(), strict=True)
    expected = [row[y] - max(value for j, value in enumerate(row) if j != y) for row, y in rows]
    assert margins(logits, labels).tolist() == expected
    assert min(expected) < 0
    wrong = expected.index(min(expected))
    assert logits[wrong].argmax() != labels[wrong]


def test_a_certain_label_has_an_infinite_margin_whichever_class_it_is() -> None:
    certain = torch.eye(3).log()
    assert margins(certain, torch.arange(3)).tolist() == [torch.inf] * 3
    assert margins(certain, torch.tensor([1, 2, 0])).tolist() == [-torch.inf] * 3


@pytest.mark.parametrize(("n", "percent", "rank"), [(100, 10, 10), (105, 10, 10), (9, 10, 1), (40, 5, 2), (3, 75, 2)])
def test_a_percentile_has_rank_n_percent_over_100_at_least_one(n: int, percent: int, rank: int) -> None:
    shuffled = torch.randperm(n).double() - 4
    assert low_margin(shuffled, percent) == rank - 1 - 4


@pytest.mark.parametrize("sizes", [(17,), (5, 5, 5, 2), (1,) * 17])
def test_both_passes_see_the_same_whatever_the_batches(sizes: tuple[int, ...]) -> None:
    net = network()
    x, y = all_examples(batches())
    of = list(zip(x.split(sizes), y.split(sizes), strict=True))
    for seen in (evaluate(net, of), with_gradients(net, of, "0")):
        torch.testing.assert_close(seen.logits, net(x).detach(), rtol=1e-12, atol=1e-12)
        assert seen.labels.equal(y)
        assert seen.accuracy == pytest.approx(sum(a == b for a, b in zip(net(x).argmax(1), y, strict=True)) / 17)
        assert seen.losses.mean() == pytest.approx(cross_entropy(net(x), y).item())


def test_variance_of_gradients_is_that_of_the_stacked_gradients_of_full_minibatches() -> None:
    net, of = network(), batches()
    gradients = []
    for x, y in of[:3]:  # the last is smaller
        net.zero_grad()
        cross_entropy(net(x), y).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in net.parameters()]))
    stacked = torch.stack(gradients)
    sums = with_gradients(net, of).gradients
    assert (sums.minibatches, sums.size) == (3, 5)
    assert sums.variance == pytest.approx(float(stacked.var(0).sum()), rel=1e-12)
    assert sums.mean_squared_norm == pytest.approx(float(stacked.mean(0).square().sum()), rel=1e-12)


def test_equal_minibatches_have_no_noise() -> None:
    sums = with_gradients(network(), [batches()[0]] * 4).gradients
    assert sums.variance == pytest.approx(0, abs=1e-12 * sums.mean_squared_norm)
    assert sums.mean_squared_norm > 0


@pytest.mark.parametrize("layer", [0, 4])
def test_what_enters_a_layer_is_that_of_single_examples(layer: int) -> None:
    net, of = network(), batches()
    x, y = all_examples(of)
    inputs = net[:layer](x).detach()
    norms = []
    for h, label in zip(inputs, y, strict=True):
        leaf = h[None].clone().requires_grad_()
        scores = net[layer:](leaf * 1)[0]
        others = [score for j, score in enumerate(scores) if j != label]
        (scores[label] - max(others)).backward()
        norms.append(leaf.grad.norm())
    found = with_gradients(net, of, "0", "4").layer_inputs[str(layer)]
    torch.testing.assert_close(found.gradient_norms, torch.stack(norms), rtol=1e-10, atol=1e-12)
    assert found.total_variance == pytest.approx(float(inputs.flatten(1).var(0, correction=0).sum()), rel=1e-12)


def test_a_linear_classifier_s_distances_are_known() -> None:
    net = nn.Sequential(nn.Linear(2, 2, bias=False)).double()
    net[0].weight.data = torch.tensor([[3.0, 0.0], [0.0, 4.0]], dtype=torch.float64)
    x, y = torch.tensor([[1.0, 0.0], [-1.0, 2.0]], dtype=torch.float64), torch.tensor([0, 0])
    seen = with_gradients(net, [(x, y)], "0")
    assert seen.margins.tolist() == [3, -11]
    assert seen.layer_inputs["0"].gradient_norms.tolist() == [5, 5]  # |w_0 - w_1| = |(3, -4)|
    assert seen.layer_inputs["0"].total_variance == 2


class Overwriting(nn.Module):
    """A layer reads h, which is then overwritten and used again."""

    def __init__(self, in_place: bool):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.side, self.last = nn.Linear(6, 5), nn.Linear(5, 3), nn.Linear(5, 3)
        self.relu = nn.ReLU(in_place)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        side = self.side(h).detach()  # with a graph, PyTorch itself would forbid the overwriting
        return side + self.last(self.relu(h))


def test_gradients_go_to_what_the_layer_read_though_it_is_overwritten_later() -> None:
    x, y = torch.randn(7, 6), torch.randint(3, (7,))
    found = []
    for in_place in (False, True):
        net = Overwriting(in_place).eval()
        found.append(evaluate_with_gradients(net, [(x, y)], {"side": net.side}).layer_inputs["side"])
    torch.testing.assert_close(found[0].gradient_norms, found[1].gradient_norms)
    assert found[0].total_variance == pytest.approx(found[1].total_variance)


def test_a_layer_without_a_row_for_each_example_or_without_gradients_has_no_entry() -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.inner, self.head = nn.Embedding(9, 4), nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            by_word = self.inner(self.words(x).flatten(0, 1))
            return self.head(by_word.view(*x.shape, 4).mean(1))

    net = Words().eval()
    layers = {name: net.get_submodule(name) for name in ("words", "inner", "head")}
    seen = evaluate_with_gradients(net, [(torch.randint(9, (6, 5)), torch.randint(3, (6,)))], layers)
    assert set(seen.layer_inputs) == {"head"}


def test_a_pass_leaves_the_network_as_it_was() -> None:
    net = network()
    net[0].weight.requires_grad_(False)
    with_gradients(net, batches(), "0", "4")
    assert not net[0].weight.requires_grad
    assert net[4].weight.requires_grad
    assert net[4].weight.grad is None
    assert not net[0]._forward_pre_hooks


@pytest.mark.parametrize("see", [evaluate, with_gradients])
def test_no_examples_are_refused(see: object) -> None:
    with pytest.raises(InputError, match="no training examples"):
        see(network(), [])


def test_a_forward_pass_on_the_cpu_takes_no_more_than_a_hundred_examples() -> None:
    sizes: list[int] = []
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    net.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    x = torch.randn(251, 2, 2)
    y = torch.arange(251) % 3
    seen = evaluate(net.double(), [(x[:201].double(), y[:201]), (x[201:].double(), y[201:])])
    assert sizes == [100, 101, 50]  # a last example joins the batch before it
    torch.testing.assert_close(seen.logits, net(x.double()).detach(), rtol=1e-12, atol=1e-12)
    with pytest.raises(InputError, match="no training examples"):
        evaluate(net, [(x[:0].double(), y[:0])])


def test_a_last_example_beside_a_full_batch_counts_for_all_but_the_sums_of_gradients() -> None:
    net, of = network(), batches((5, 5, 6))
    seen, full = with_gradients(net, of, "0"), with_gradients(net, [of[0], of[1], (of[2][0][:5], of[2][1][:5])], "0")
    assert torch.equal(seen.logits, evaluate(net, of).logits)
    assert seen.gradients is not None
    assert full.gradients is not None
    assert seen.gradients.minibatches == 3
    assert seen.gradients.variance == pytest.approx(full.gradients.variance, rel=1e-12)
