"""Reading a network: which weights it has, where batch norm may be folded, what is left and why."""

import copy
from typing import Any

import pytest
import torch
from measured_networks import SHAPE, network
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from gengap.measures.path import path_sum
from gengap.models.inception import Downsample
from gengap.models.layers import SameConv
from gengap.network import Reading, inventory, read_network
from gengap.network.copies import plain_copy


def _x(*shape: int) -> Tensor:
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))


def _read(model: nn.Module, *shape: int) -> Reading:
    return read_network(model.eval(), _x(*(shape or SHAPE)))


def _names(reading: Reading) -> list[str]:
    return [layer.name for layer in reading.layers]


@pytest.mark.parametrize("name", ["inception", "resnet"])
def test_the_folded_network_is_the_same_function_without_batch_norm(name: str) -> None:
    model = network(name).eval().double()
    reading = read_network(model, _x(*SHAPE).double())
    assert not reading.uncovered
    assert reading.pairs
    assert not any(hasattr(module, "running_mean") for module in reading.folded_model.modules())
    x = torch.randn(5, *SHAPE, dtype=torch.float64)
    torch.testing.assert_close(reading.folded_model(x), model(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "layer",
    [nn.Conv1d(4, 6, 3, groups=2), nn.ConvTranspose1d(4, 6, 3, stride=2), nn.Conv1d(4, 6, 2, bias=False)],
    ids=["grouped", "transposed", "without bias"],
)
def test_batch_norm_is_folded_channel_by_channel(layer: nn.Module) -> None:
    norm = nn.BatchNorm1d(6)
    norm.running_mean.normal_(), norm.running_var.uniform_(0.5, 2), norm.weight.data.normal_()  # type: ignore[union-attr]
    model = nn.Sequential(layer, norm, nn.Flatten()).eval()
    reading = read_network(model, _x(4, 7))
    assert reading.pairs == (("0", "1"),)
    x = torch.randn(3, 4, 7)
    torch.testing.assert_close(reading.folded_model(x), model(x), rtol=1e-4, atol=1e-5)
    gamma_over_std = norm.weight / (norm.running_var + norm.eps).sqrt()  # type: ignore[operator]
    channel = layer.weight[:, 3] if isinstance(layer, nn.ConvTranspose1d) else layer.weight[3]  # type: ignore[index]
    found = reading.layers[0].weight
    found = found[:, 3] if isinstance(layer, nn.ConvTranspose1d) else found[3]
    torch.testing.assert_close(found, (channel * gamma_over_std[3]).double(), rtol=1e-6, atol=1e-7)


class _UsedTwice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv(x)
        return (h + self.norm(h)).flatten(1)


class _WithGap(nn.Module):
    """A ReLU in place between convolution and norm: the same tensor object, with other content."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x).relu_()).flatten(1)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (_UsedTwice(), "used elsewhere"),
        (_WithGap(), "does not follow"),
        (nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 2, 1)), "does not follow"),
        (nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2, track_running_stats=False)), "no running statistics"),
    ],
    ids=["branch", "in place", "first", "of the batch"],
)
def test_batch_norm_that_cannot_be_folded_is_named(model: nn.Module, reason: str) -> None:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_var is not None:
            module.running_var.fill_(4.0)
    reading = _read(model)
    assert not reading.pairs
    [(name, told)] = reading.uncovered.items()
    assert reason in told
    assert isinstance(model.get_submodule(name), nn.BatchNorm2d)
    assert len(reading.layers) == 1


def test_an_instance_norm_is_a_vector_or_with_running_statistics_a_batch_norm() -> None:
    conv = nn.Conv2d(1, 2, 1)
    own = _read(nn.Sequential(conv, nn.InstanceNorm2d(2, affine=True)))
    assert (own.pairs, own.uncovered, list(own.left_out)) == ((), {}, ["1"])
    kept = _read(nn.Sequential(conv, nn.InstanceNorm2d(2, affine=True, track_running_stats=True)))
    assert (kept.pairs, kept.uncovered, kept.left_out) == ((("0", "1"),), {}, {})


def test_one_norm_that_cannot_be_folded_leaves_the_others_folded() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.ReLU(), _UsedTwice())
    model[3].norm.running_var.fill_(4.0)
    reading = _read(model)
    assert reading.pairs == (("0", "1"),)
    assert list(reading.uncovered) == ["3.norm"]


def test_attention_gives_its_four_projections_and_the_head_stays_in_order() -> None:
    model = network("transformer")
    reading = _read(model)
    assert _names(reading) == ["words", "attention.q", "attention.k", "attention.v", "attention.out_proj", "head"]
    packed: Tensor = model.attention.in_proj_weight  # type: ignore[union-attr, assignment]
    torch.testing.assert_close(reading.layers[2].weight, packed[8:16].detach().double())
    assert not reading.uncovered
    assert reading.left_out == {"norm": "a vector, not the weight of a linear map"}


def test_attention_with_other_keys_and_values() -> None:
    class Cross(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, kdim=4, vdim=4, batch_first=True, add_bias_kv=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.attention(query=x[:, 0], key=x[:, 0, :, :4], value=x[:, 0, :, 4:])[0].flatten(1)

    reading = _read(Cross())
    assert [tuple(layer.weight.shape) for layer in reading.layers] == [(8, 8), (8, 4), (8, 4), (8, 8)]
    assert not reading.uncovered


def test_the_fused_encoder_layer_is_seen_through() -> None:
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.head = encoder, nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.encoder(x[:, 0]).mean(1))

    reading = _read(Encoder())
    assert _names(reading)[-3:] == ["encoder.linear1", "encoder.linear2", "head"]
    assert all(layer.input_shape for layer in reading.layers)
    assert len(reading.layers) == 7


def test_tied_weights_come_once() -> None:
    reading = _read(network("tied"))
    assert _names(reading) == ["first", "head"]
    assert reading.layers[0].tied == ("again",)


def test_a_layer_without_rule_goes_by_its_name_and_a_parameter_of_a_users_module_by_the_parameters() -> None:
    assert _read(network("lstm")).uncovered == {"lstm": "no rule for LSTM"}

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.scale

    reading = _read(nn.Sequential(nn.Linear(3, 3), Own()), 3)
    assert reading.uncovered == {"1.scale": "a parameter of Own, which no rule covers"}


def test_what_no_pass_uses_is_left_out() -> None:
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.spare, self.by_hand = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(self.used(x), self.by_hand.weight)

    reading = _read(Spare(), 3)
    assert _names(reading) == ["used", "by_hand"]
    assert reading.left_out == {"spare": "the scores do not depend on it"}


class _Beside(nn.Module):
    """Its first layer works under no_grad; what ``aux`` makes of its output is thrown away."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen, self.last, self.aux = nn.Linear(3, 3), nn.Linear(3, 2), nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            h = self.frozen(x)
        self.aux(h)
        return self.last(h)


def test_a_layer_counts_where_the_scores_depend_on_it_and_not_where_it_only_runs() -> None:
    reading = _read(_Beside(), 3)
    assert _names(reading) == ["frozen", "last"]
    assert reading.left_out == {"aux": "the scores do not depend on it"}


class _Experts(nn.Module):
    """One of three linear layers answers, by the size of the example's first number."""

    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.ModuleList(nn.Linear(3, 2) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.experts[int(row[0, 0])](row) for row in x.split(1)])


@pytest.mark.parametrize(("reached", "names"), [(2, ["0", "1", "2"]), (1, ["0", "1"])])
def test_an_expert_counts_where_any_example_reaches_it(reached: int, names: list[str]) -> None:
    x = torch.zeros(40, 3)
    x[20, 0], x[30, 0] = 1, reached
    reading = read_network(_Experts().eval(), x)
    assert _names(reading) == [f"experts.{name}" for name in names]
    assert all(layer.input_shape == (3,) for layer in reading.layers)


def test_layers_come_in_the_order_of_their_calls_with_the_shapes_they_are_called_with() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last, self.first = nn.Linear(4, 2), nn.Conv1d(2, 1, 3, padding="same")

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.first(x)[:, 0])

    reading = _read(Backwards(), 2, 4)
    assert [(layer.name, layer.input_shape) for layer in reading.layers] == [("first", (2, 4)), ("last", (4,))]
    assert [layer.name for layer in inventory(Backwards()).layers] == ["last", "first"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(3, 2),
        lambda: nn.Conv1d(3, 2, 3),
        lambda: nn.ConvTranspose1d(3, 2, 3),
        lambda: nn.ConvTranspose1d(4, 6, 3, groups=2),
    ],
)
def test_the_matrix_has_a_row_for_each_output(make: Any) -> None:
    """Applied to all windows of zeros but one value, the layer gives one column of the matrix."""
    layer = make()
    found = inventory(nn.Sequential(layer)).layers[0]
    rows = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
    assert found.matrix.shape[0] == rows
    norms = found.matrix.norm(dim=1).sort().values
    kernels = found.weight
    if isinstance(layer, nn.ConvTranspose1d):
        per_group = kernels.unflatten(0, (layer.groups, -1))
        kernels = torch.stack(
            [per_group[o // (rows // layer.groups), :, o % (rows // layer.groups)] for o in range(rows)]
        )
    torch.testing.assert_close(norms, kernels.flatten(1).norm(dim=1).sort().values)


def test_parametrised_weights_are_read_as_they_act() -> None:
    layer = weight_norm(nn.Linear(4, 3))
    with torch.no_grad():
        layer.parametrizations.weight.original0.mul_(2)  # type: ignore[union-attr, operator]
    reading = _read(plain_copy(nn.Sequential(layer)), 4)
    torch.testing.assert_close(reading.layers[0].weight, layer.weight.detach().double())
    assert not reading.uncovered


def test_wrappers_are_taken_off_and_the_users_network_stays_as_it_is() -> None:
    model = network("resnet").train()
    before = copy.deepcopy(model.state_dict())
    _read(plain_copy(nn.DataParallel(model)))
    assert model.training
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


class _Standardised(nn.Conv2d):
    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return super()._conv_forward(input, (weight - weight.mean()) / weight.std(), bias)


class _LowRank(nn.Linear):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.down, self.up = nn.Parameter(torch.randn(1, inputs)), nn.Parameter(torch.randn(outputs, 1))

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) + input @ self.down.T @ self.up.T


class _Renamed(nn.Linear):
    """Another name, the same forward pass."""


def test_a_layer_whose_forward_pass_is_its_own_is_not_read_by_its_stored_weight() -> None:
    patched = nn.Linear(4, 4)
    patched.forward = lambda input: nn.functional.linear(input, 2 * patched.weight)  # type: ignore[method-assign]
    layers = [_Standardised(1, 2, 3), nn.Flatten(), _LowRank(72, 4), _Renamed(4, 4), patched, nn.Linear(4, 4)]
    model = nn.Sequential(*layers)
    reading = _read(model)
    assert _names(reading) == ["3", "5"]
    kinds = {"0": "_Standardised", "2": "_LowRank", "4": "Linear"}
    assert reading.uncovered == {n: f"no rule for {k}, whose forward pass is its own" for n, k in kinds.items()}
    found = path_sum(model, SHAPE, 2)
    assert found.outputs is None
    assert found.left_out == {name: f"{kind} has a forward pass of its own" for name, kind in kinds.items()}


def test_batch_norm_is_not_folded_into_a_layer_whose_forward_pass_is_its_own() -> None:
    reading = _read(nn.Sequential(_Standardised(1, 2, 3), nn.BatchNorm2d(2)))
    assert not reading.pairs
    assert set(reading.uncovered) == {"0", "1"}
    assert "does not follow" in reading.uncovered["1"]


def test_layers_of_our_own_networks_are_read() -> None:
    reading = _read(Downsample(1, 4, norm=True))
    assert not reading.uncovered
    assert any(isinstance(layer.module, SameConv) for layer in reading.layers)
