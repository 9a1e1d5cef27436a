"""Every path listed: outputs are weights times features, on all kinds of networks and on random ones."""

import copy
import itertools
from collections.abc import Callable
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from path_networks import NETWORKS
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.probes import path_features, path_kernel
from gengap.probes.paths import enumerated, path_norms, path_weights


def inputs(shape: tuple[int, ...], n: int = 5) -> Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(1))


def outputs(model: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return copy.deepcopy(model).double()(x.double())


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_times_features_are_the_outputs(name: str) -> None:
    model, shape = NETWORKS[name]
    x = inputs(shape)
    paths = enumerated(model, x)
    torch.testing.assert_close(paths.features @ paths.weights.T, outputs(model, x), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", NETWORKS)
def test_norms_of_path_weights_are_those_of_one_pass_with_squared_weights(name: str) -> None:
    model, shape = NETWORKS[name]
    expected = path_weights(model, inputs(shape)).square().sum(1)
    torch.testing.assert_close(path_norms(model, inputs(shape)).square(), expected, rtol=1e-13, atol=0)


def one_by_one(layers: list[nn.Linear], x: Tensor) -> tuple[list[float], list[list[float]]]:
    """A fully connected ReLU network's paths in loops: features of one example, and weights to each output."""
    gates, h = [], x
    for layer in layers[:-1]:
        h = layer(h)
        gates.append((h > 0).double())
        h = torch.relu(h)
    features, weights = [], []
    for start in range(-1, len(layers)):  # -1: at an input; else at the bias of a unit of this layer
        hidden = [range(layer.out_features) for layer in layers[max(start, 0) : -1]]
        for path in product(*([range(len(x))] if start < 0 else []), *hidden):
            units = path if start >= 0 else path[1:]
            feature = 1.0 if start >= 0 else float(x[path[0]])
            for gate, unit in zip(gates[max(start, 0) :], units, strict=True):
                feature *= float(gate[unit])
            to_output = []
            for k in range(layers[-1].out_features):
                nodes = (*path, k)
                weight = 1.0 if start < 0 else float(layers[start].bias[nodes[0]])
                for layer, (a, b) in zip(layers[start + 1 :], pairwise(nodes), strict=True):
                    weight *= float(layer.weight[b, a])
                to_output.append(weight)
            features.append(feature)
            weights.append(to_output)
    return features, weights


def test_paths_of_a_fully_connected_network_are_those_of_loops() -> None:
    torch.manual_seed(2)
    layers = [nn.Linear(3, 4).double(), nn.Linear(4, 2).double(), nn.Linear(2, 2).double()]
    model = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    x = inputs((3,)).double()
    loops = [one_by_one(layers, row) for row in x]
    features, weights = (torch.tensor(part, dtype=torch.float64) for part in ([f for f, _ in loops], loops[0][1]))
    paths = enumerated(model, x)
    weights = weights.T
    assert paths.features.shape == features.shape == (5, 3 * 4 * 2 + 4 * 2 + 2 + 1)
    pairs = torch.cat([features, weights]).T.tolist()  # one column a path: features and weights belong together
    found = torch.cat([paths.features, paths.weights]).T.tolist()
    difference = np.subtract(sorted(found), sorted(pairs))
    assert np.abs(difference).max() < 1e-14


class Dag(nn.Module):
    """A random network: each node joins or changes nodes before it, as ``steps`` say."""

    def __init__(self, steps: list[tuple[str, int, int]]):
        super().__init__()
        self.steps, self.layers, widths = steps, nn.ModuleList(), [2]
        for kind, i, j in steps:
            a, b = widths[i % len(widths)], widths[j % len(widths)]
            self.layers.append(nn.Linear(a, b if kind == "join" else 2, bias=i % 2 == 0))
            widths.append({"linear": 2, "join": b, "concatenate": a + b}.get(kind, a))
        self.head = nn.Linear(widths[-1], 2)

    def forward(self, x: Tensor) -> Tensor:
        nodes = [x]
        for (kind, i, j), layer in zip(self.steps, self.layers, strict=True):
            a, b = nodes[i % len(nodes)], nodes[j % len(nodes)]
            if kind == "linear":
                nodes.append(layer(a))
            elif kind == "join":
                nodes.append(layer(a) + b)
            elif kind == "concatenate":
                nodes.append(torch.cat([a, b], 1))
            else:
                nodes.append({"relu": torch.relu, "leaky": nn.LeakyReLU(0.3), "abs": torch.abs}[kind](a))
        return self.head(nodes[-1])


KINDS = ["linear", "join", "concatenate", "relu", "leaky", "abs"]
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=7)


@settings(max_examples=40, deadline=None)
@given(STEPS, st.integers(0, 1000))
def test_random_networks_are_sums_over_their_paths(steps: list[tuple[str, int, int]], seed: int) -> None:
    torch.manual_seed(seed)
    model, x = Dag(steps), inputs((2,), 4)
    try:
        paths = enumerated(model, x, most=20_000)
    except InputError as error:
        assert "paths, for" in str(error)  # noqa: PT017  # the only error that a random network may give
        return
    expected = outputs(model, x)
    scale = (paths.features.abs() @ paths.weights.abs().T).max()
    assert float((paths.features @ paths.weights.T - expected).abs().max() / scale) < 1e-14
    gram = paths.features @ paths.features.T
    torch.testing.assert_close(path_kernel(model, x), gram, rtol=1e-12, atol=1e-12 * float(gram.abs().max()))


class Sequence(nn.Module):
    """A layer on every step of a sequence, and on all steps together."""

    def __init__(self) -> None:
        super().__init__()
        self.each, self.all = nn.Linear(2, 3), nn.Linear(9, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.all(torch.relu(self.each(x)).flatten(1))


def test_a_layer_applied_to_every_step_of_a_sequence() -> None:
    model, x = Sequence(), inputs((3, 2))
    paths = enumerated(model, x)
    torch.testing.assert_close(paths.features @ paths.weights.T, outputs(model, x), rtol=0, atol=1e-13)
    torch.testing.assert_close(path_kernel(model, x), paths.features @ paths.features.T)


def test_one_example_is_as_good_as_several() -> None:
    model, shape = NETWORKS["convolution residual"]
    x = inputs(shape)
    assert torch.equal(path_features(model, x[:1]), path_features(model, x)[:1])


class Mixing(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean(0))


class By(nn.Module):
    """A layer written as a function."""

    def __init__(self, forward: Callable[[Tensor], Tensor]):
        super().__init__()
        self.by_hand = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.by_hand(x)


CALLS = itertools.count(1)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (By(lambda x: torch.relu(x.T).T), "moves the examples of the batch away from the first axis"),
        (By(lambda x: torch.stack([x, -x]).unbind()[0]), "moves the examples of the batch away"),
        (By(lambda x: torch.cat([x, -x])[: len(x)]), "moves the examples of the batch away"),
        (By(lambda x: torch.stack([x, -x]).sum(0)), "moves the examples of the batch away"),
        (By(lambda x: x * x.abs().max().item()), "reads a number that depends on the input"),
        (By(lambda x: torch.amax(x.view(-1, 2, 2), 1).repeat(1, 2)), "computes 'amax'"),
        (nn.RReLU(), "'rrelu_with_noise' in place|'rrelu_with_noise_functional'"),  # the latter is PyTorch 2.8's
        (
            By(lambda x: nn.functional.pad(x[:, None], (1, 1), "circular")[:, 0, 1:-1]),
            "'copy' in place|constant that differs between the examples",  # PyTorch 2.8 copies into what was not set
        ),
        (By(lambda x: nn.functional.adaptive_avg_pool1d(x[:, None], 3)[:, 0, [0, 1, 2, 2]]), "windows of different"),
        (By(lambda x: torch.zeros_like(x)), "outputs do not depend on its inputs"),
        (By(lambda x: x.relu().mul_(2)), "gradients of the network cannot be computed"),
        (By(lambda x: nn.functional.dropout(x, 0.5)), "answers at random in evaluation mode"),
        (By(lambda x: x + torch.from_numpy(x.detach().numpy().copy())), "outside of PyTorch, by 'numpy'"),
        (By(lambda x: x + torch.tensor(x.tolist())), "outside of PyTorch, by 'tolist'"),
        (By(lambda x: x * torch.arange(1.0, 1 + len(x))[:, None]), "constant that differs between the examples"),
        (By(lambda x: x + torch.arange(1.0, 1 + len(x))[:, None]), "constant that differs between the examples"),
        (By(lambda x: x * (1 + 1e-5 * next(CALLS))), "another pass gives other ones"),
        (By(lambda x: torch.add(x, x, out=torch.empty_like(x))), "gradients of the network cannot be computed"),
        (By(lambda x: x * float("inf")), "outputs are not finite"),
        (nn.Sigmoid(), r"Layer '1' \(Sigmoid\) computes 'sigmoid'"),
        (nn.Tanh(), r"Layer '1' \(Tanh\) computes 'tanh'"),
        (nn.LayerNorm(4), r"Layer '1' \(LayerNorm\) computes 'native_layer_norm'"),
        (nn.ReLU6(), r"Layer '1' \(ReLU6\) computes 'hardtanh'"),
        (nn.Softmax(1), r"Layer '1' \(Softmax\) computes"),
        (Mixing(4, 4), r"Layer '1' \(Mixing\) adds different examples"),
    ],
)
def test_an_operation_that_is_no_sum_over_paths_is_named(layer: nn.Module, message: str) -> None:
    model = nn.Sequential(nn.Linear(3, 4), layer, nn.Linear(4, 2))
    with pytest.raises(InputError, match=message):
        path_kernel(model, inputs((3,)))


def test_too_many_paths_are_counted_and_the_kernel_named() -> None:
    model = nn.Sequential(nn.Linear(10, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 2))
    total = 2 * (10 * 100 * 100 + 100 * 100 + 100 + 1)
    with pytest.raises(InputError, match=f"{total:.6g} paths") as error:
        path_features(model, inputs((10,)))
    assert "path_kernel" in str(error.value)


def test_attention_is_named_by_what_it_computes_and_not_by_how_it_orders_its_axes() -> None:
    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention, self.head = nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(12, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.attention(x, x, x, need_weights=False)[0].flatten(1))

    with pytest.raises(InputError, match=r"Layer 'attention' \(MultiheadAttention\) computes '_scaled_dot_product"):
        path_kernel(Attending(), inputs((3, 4)))


@pytest.mark.parametrize("norm", [nn.utils.parametrizations.weight_norm, nn.utils.weight_norm])
def test_computed_weights_are_computed_in_float64(norm: Callable[[nn.Module], nn.Module]) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(norm(nn.Linear(3, 4)), nn.ReLU(), nn.Linear(4, 2))
    x, layer = inputs((3,)), model[0]
    g, v = [p.detach().double() for name, p in layer.named_parameters() if "bias" not in name]
    weight = g * v / v.norm(dim=1, keepdim=True)
    hidden = torch.relu(x.double() @ weight.T + layer.bias.detach().double())
    expected = hidden @ model[2].weight.detach().double().T + model[2].bias.detach().double()
    torch.testing.assert_close(path_features(model, x) @ path_weights(model, x).T, expected, rtol=1e-13, atol=1e-13)


def test_whole_numbers_are_no_examples() -> None:
    with pytest.raises(InputError, match="type int64"):
        path_kernel(nn.Linear(2, 2), torch.ones(3, 2, dtype=torch.long))
