"""Sums over paths: every path counted one by one, laws, cases by hand, and what has no such sum."""

from itertools import pairwise, product

import pytest
import torch
from measured_networks import problem
from torch import nn

from gengap.measures import measure
from gengap.measures.path import path_sum
from gengap.models.layers import LocalResponseNorm


def twin(layers: list[nn.Linear], power: int) -> list[float]:
    """One path at a time: from each input, or from a bias, to each output."""
    sums = []
    for k in range(layers[-1].out_features):
        total = 0.0
        for start in range(-1, len(layers)):  # -1: at an input; else at the bias of a unit of layer `start`
            units = [range(layers[0].in_features)] if start < 0 else []
            units += [range(layer.out_features) for layer in layers[max(start, 0) : -1]]
            for path in product(*units):
                nodes = (*path, k)
                value = 1.0 if start < 0 else layers[start].bias[nodes[0]].abs().item() ** power
                for layer, (a, b) in zip(layers[start + 1 :], pairwise(nodes), strict=True):
                    value *= layer.weight[b, a].abs().item() ** power
                total += value
        sums.append(total)
    return sums


def net(*sizes: int) -> nn.Sequential:
    torch.manual_seed(len(sizes))
    layers = [nn.Linear(a, b).double() for a, b in pairwise(sizes)]
    return nn.Sequential(*[m for layer in layers[:-1] for m in (layer, nn.ReLU())], layers[-1])


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("sizes", [(3, 2), (3, 4, 2), (2, 3, 4, 3)])
def test_path_sum_counts_every_path(sizes: tuple[int, ...], power: int) -> None:
    model = net(*sizes)
    expected = twin([m for m in model if isinstance(m, nn.Linear)], power)
    found = path_sum(model, (sizes[0],), power)
    assert found.outputs is not None
    assert found.outputs.tolist() == pytest.approx(expected, rel=1e-12)
    assert found.left_out == {}


def test_two_weights_by_hand() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1))
    for parameter, value in zip(model.parameters(), (-2.0, 3.0, 5.0, -7.0), strict=True):
        parameter.data.fill_(value)
    assert path_sum(model, (1,), 2).outputs.tolist() == [4 * 25 + 9 * 25 + 49]  # type: ignore[union-attr]
    assert path_sum(model, (1,), 1).outputs.tolist() == [2 * 5 + 3 * 5 + 7]  # type: ignore[union-attr]


def test_a_convolution_counts_as_the_linear_layer_that_it_is() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 3, 3, padding=1, stride=2).double()
    eye = torch.eye(2 * 5 * 5, dtype=torch.float64).reshape(-1, 2, 5, 5)
    linear = nn.Linear(50, 27).double()
    with torch.no_grad():
        images = conv(torch.cat([eye, torch.zeros(1, 2, 5, 5, dtype=torch.float64)])).flatten(1)
        linear.weight.copy_((images[:-1] - images[-1]).T)
        linear.bias.copy_(images[-1])
    head = nn.Linear(27, 4).double()
    one = path_sum(nn.Sequential(conv, nn.ReLU(), nn.Flatten(), head), (2, 5, 5), 2)
    other = path_sum(nn.Sequential(nn.Flatten(), linear, nn.ReLU(), head), (2, 5, 5), 2)
    assert torch.allclose(one.outputs, other.outputs, rtol=1e-12)  # type: ignore[arg-type]


def test_rescaling_relu_layers_changes_nothing() -> None:
    model = net(4, 5, 3)
    before = path_sum(model, (4,), 2).outputs
    with torch.no_grad():
        model[0].weight *= 1000  # type: ignore[operator]
        model[0].bias *= 1000  # type: ignore[operator]
        model[2].weight /= 1000  # type: ignore[operator]
    assert torch.allclose(path_sum(model, (4,), 2).outputs, before, rtol=1e-12)  # type: ignore[arg-type]


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 3, bias=False).double(), nn.Linear(3, 2, bias=False).double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.b(x + torch.relu(self.a(x)))
        return result


def test_residual_sums_add_their_paths() -> None:
    model = Residual()
    a, b = model.a.weight.detach() ** 2, model.b.weight.detach() ** 2
    expected = (b @ (torch.eye(3, dtype=torch.float64) + a)).sum(1)
    assert torch.allclose(path_sum(model, (3,), 2).outputs, expected, rtol=1e-12)  # type: ignore[arg-type]


def test_a_batch_norm_that_is_not_folded_is_a_weight_and_a_bias() -> None:
    norm = nn.BatchNorm1d(3).double().eval()
    with torch.no_grad():
        for tensor in (norm.weight, norm.bias, norm.running_mean):
            tensor.normal_()
        norm.running_var.uniform_(0.5, 2)
        linear = nn.Linear(3, 3).double()
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        linear.weight.copy_(torch.diag(scale))
        linear.bias.copy_(norm.bias - norm.running_mean * scale)
    head = net(3, 4, 2)
    one = path_sum(nn.Sequential(norm, nn.ReLU(), head).eval(), (3,), 2).outputs
    other = path_sum(nn.Sequential(linear, nn.ReLU(), head), (3,), 2).outputs
    assert torch.allclose(one, other, rtol=1e-12)  # type: ignore[arg-type]


def test_response_normalisation_is_left_out_by_name() -> None:
    layers = [nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 2)]
    plain = path_sum(nn.Sequential(*layers), (2, 5, 5), 2)
    for norm in (LocalResponseNorm(), nn.LocalResponseNorm(3)):
        normed = path_sum(nn.Sequential(*layers[:2], norm, *layers[2:]), (2, 5, 5), 2)
        assert list(normed.left_out) == ["2"]
        assert torch.equal(normed.outputs, plain.outputs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "norm", [nn.InstanceNorm2d(2), nn.InstanceNorm2d(2, affine=True), nn.BatchNorm2d(2, track_running_stats=False)]
)
def test_norms_of_what_they_are_given_have_no_sum_over_paths(norm: nn.Module) -> None:
    found = path_sum(nn.Sequential(nn.Conv2d(1, 2, 3), norm, nn.Flatten(), nn.Linear(18, 2)).eval(), (1, 5, 5), 2)
    assert found.outputs is None
    assert list(found.left_out) == ["1"]


def test_an_instance_norm_with_running_statistics_is_a_weight_and_a_bias() -> None:
    sums = []
    for norm in (nn.InstanceNorm2d(2, affine=True, track_running_stats=True), nn.BatchNorm2d(2)):
        model = nn.Sequential(nn.Conv2d(1, 2, 3), norm, nn.Flatten(), nn.Linear(18, 2)).eval()
        for value in (*model.parameters(), norm.running_mean):
            nn.init.constant_(value, 0.3)  # type: ignore[arg-type]
        sums.append(path_sum(model, (1, 5, 5), 2).outputs)
    assert torch.equal(*sums)


@pytest.mark.parametrize("layer", [nn.LayerNorm(4), nn.GroupNorm(2, 4), nn.GELU(), nn.Softmax(dim=1), nn.Sigmoid()])
def test_what_has_no_sum_over_paths_is_named(layer: nn.Module) -> None:
    found = path_sum(nn.Sequential(nn.Linear(3, 4), layer, nn.Linear(4, 2)), (3,), 2)
    assert found.outputs is None
    assert list(found.left_out) == ["1"]
    assert found.left_out["1"]


def test_recurrent_layers_have_no_sum_over_paths() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(8, 6, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.lstm(x)[0][:, -1]
            return result

    assert path_sum(Recurrent(), (8, 8), 2).left_out == {"lstm": "a recurrent layer squashes its state"}


def test_a_function_that_is_no_module_is_found_too() -> None:
    class Squashing(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tanh(super().forward(x))

    found = path_sum(nn.Sequential(Squashing(nn.Linear(3, 4)), nn.Linear(4, 2)), (3,), 2)
    assert found.outputs is None
    assert list(found.left_out) == [""]


def test_the_model_stays_as_it_is() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    before = [p.clone() for p in model.parameters()]
    path_sum(model, (3,), 2)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))
    assert model[0].weight.dtype == torch.float32


def test_a_sum_below_float64_is_told_from_one_without_paths() -> None:
    layers = [nn.Linear(64, 4), *(nn.Linear(4, 4, bias=False) for _ in range(20))]
    model = nn.Sequential(nn.Flatten(), *layers)
    for layer in layers:
        nn.init.constant_(layer.weight, 1e-10)
    names = ["path_norm", "neyshabur2015_path_l2"]
    rows = measure(model, problem(), measures=names)
    assert set(rows["status"]) == {"skipped"}
    assert set(rows["reason"]) == {"the sum over paths is below float64's least number"}
    nn.init.zeros_(layers[7].weight)
    rows = measure(model, problem(), measures=names)
    assert rows["value"].tolist() == [0, 0]
    assert set(rows["reason"]) == {"no path has only weights other than zero"}


def test_a_sum_without_paths_names_what_is_left_out_too() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), LocalResponseNorm(), nn.Flatten(), nn.Linear(144, 4, bias=False))
    nn.init.zeros_(model[3].weight)  # type: ignore[arg-type]
    row = measure(model, problem(), measures=["path_norm"]).iloc[0]
    assert (row.value, row.status, row.not_covered) == (0, "partial", ["1"])
    assert "no path" in row.reason
    assert "left out" in row.reason


def network_in_network(*, squeeze: bool) -> nn.Sequential:
    """A convolution for each class, averaged over the image; by a reshape or by dropping axes of length 1."""

    class Squeeze(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.squeeze()

    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*layers, Squeeze() if squeeze else nn.Flatten())


def test_a_network_that_drops_axes_of_length_one_is_summed_for_every_class() -> None:
    names = ["path_norm", "neyshabur2015_path_l1"]
    rows = [measure(network_in_network(squeeze=squeeze), problem(), measures=names) for squeeze in (True, False)]
    assert set(rows[0]["status"]) == {"ok"}
    assert rows[0]["value"].tolist() == rows[1]["value"].tolist()


@pytest.mark.parametrize("shape", [(1, 8, 8), (4,)])
def test_outputs_that_mix_the_examples_of_a_batch_have_no_sum_over_paths(shape: tuple[int, ...]) -> None:
    class Mixing(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = super().forward(x)
            return hidden + hidden.mean(0)

    model = Mixing(nn.Flatten(), nn.Linear(torch.Size(shape).numel(), 3))
    assert path_sum(model, shape, 2).left_out == {
        "": "the outputs of an example depend on the other examples of its batch"
    }


def test_outputs_without_a_row_for_each_example_have_no_sum_over_paths() -> None:
    class Transposed(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x).T

    found = path_sum(Transposed(nn.Linear(4, 3)), (4,), 2)
    assert found.outputs is None
    assert "(3, 2)" in found.left_out[""]
