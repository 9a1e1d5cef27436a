"""The VC bound of networks against the formula by hand, layer by layer, and what it refuses."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from gengap import bounds, models
from gengap.bounds import DecisionStep
from gengap.errors import InputError


def refined_formula(parameters_up_to: list[int], units: list[int]) -> float:
    """The printed formula for layers of ReLUs, with L-bar and both sums written out."""
    L, W = len(units), parameters_up_to[-1]
    mean_depth = sum(parameters_up_to) / W
    inner = sum(2 * math.e * i * u for i, u in enumerate(units, start=1))
    outer = 4 * math.e * sum(i * u * math.log2(inner) for i, u in enumerate(units, start=1))
    return L + mean_depth * W * math.log2(outer)


def two_layers(d: int, h: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(d, h), nn.ReLU(), nn.Linear(h, outputs))


@pytest.mark.parametrize(("d", "h"), [(3, 2), (10, 50), (2352, 512)])
def test_two_layers_by_hand(d: int, h: int) -> None:
    found = bounds.vc_dimension(two_layers(d, h, 1), (d,))
    W = (d + 1) * h + h + 1
    assert (found.parameters, found.units) == (W, h + 1)
    assert found.mean_depth == pytest.approx(((d + 1) * h + W) / W)
    assert found.value == pytest.approx(refined_formula([(d + 1) * h, W], [h, 1]))


def test_a_deep_network_by_hand() -> None:
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.LeakyReLU(), nn.Linear(5, 1))
    assert bounds.vc_dimension(net, (4,)).value == pytest.approx(refined_formula([30, 65, 71], [6, 5, 1]))


def test_classes_enter_as_differences_of_scores() -> None:
    one, two, ten = (bounds.vc_dimension(two_layers(5, 7, outputs), (5,)) for outputs in (1, 2, 10))
    assert [found.steps[-1].units for found in (one, two, ten)] == [1, 1, 9]
    assert ten.value == pytest.approx(refined_formula([42, 42 + 80], [7, 9]))


def test_convolutions_count_every_position_but_each_weight_once() -> None:
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 4 * 4, 2))
    found = bounds.vc_dimension(net, (1, 6, 6))
    assert found.steps == (DecisionStep(30, 48, 1), DecisionStep(30 + 98, 1, 2))
    assert (
        bounds.vc_dimension(nn.Sequential(net[0], nn.ReLU(), nn.Flatten(), nn.Linear(192, 2)), (1, 10, 10)).units > 48
    )


def test_a_pool_is_decided_by_comparisons_and_a_clamp_by_two_kinks() -> None:
    pooled = nn.Sequential(nn.Conv2d(1, 1, 1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4, 1))
    assert bounds.vc_dimension(pooled, (1, 4, 4)).steps == (DecisionStep(2, 4 * 6, 1), DecisionStep(7, 1, 2))
    assert bounds.vc_dimension(nn.Sequential(nn.Linear(2, 3), nn.ReLU6(), nn.Linear(3, 1)), (2,)).steps[0].units == 6


def test_normalisation_counts_two_parameters_a_channel_and_one_degree() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1))
    assert bounds.vc_dimension(net.eval(), (2,)).steps == (DecisionStep(9 + 6, 3, 2), DecisionStep(15 + 4, 1, 3))
    with pytest.raises(InputError, match=r"Layer '1' \(BatchNorm1d\) normalises by statistics"):
        bounds.vc_dimension(net.train(), (2,))


def test_what_forward_does_by_hand_is_seen() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = torch.relu(self.first(x))
            return self.last(hidden + torch.relu(self.second(hidden)))

    assert bounds.vc_dimension(Residual(), (4,)).value == pytest.approx(refined_formula([20, 40, 45], [4, 4, 1]))


def test_a_shared_layer_counts_once() -> None:
    layer = nn.Linear(4, 4)
    net = nn.Sequential(layer, nn.ReLU(), layer, nn.ReLU(), nn.Linear(4, 1))
    assert [step.parameters for step in bounds.vc_dimension(net, (4,)).steps] == [20, 20, 25]


class Squared(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * x


@pytest.mark.parametrize("layer", [nn.Sigmoid(), nn.GELU(), nn.Softmax(-1), nn.LayerNorm(3), Squared()])
def test_a_network_that_is_not_piecewise_linear_is_refused_by_layer(layer: nn.Module) -> None:
    net = nn.Sequential(nn.Linear(2, 3), layer, nn.Linear(3, 1))
    with pytest.raises(InputError, match=rf"Layer '1' \({type(layer).__name__}\)"):
        bounds.vc_dimension(net, (2,))


class ByHand(nn.Module):
    """Two layers, between which a function acts, and a bias that may be computed from parameters."""

    def __init__(self, between: Callable[[torch.Tensor], torch.Tensor], product: bool = False) -> None:
        super().__init__()
        self.first, self.second, self.between, self.product = nn.Linear(3, 4), nn.Linear(4, 1), between, product
        self.a, self.b = nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.product:
            return self.second(torch.relu(nn.functional.linear(x, self.first.weight, self.a * self.b * self.a)))
        return self.second(self.between(self.first(x)))


def flattened(h: torch.Tensor) -> torch.Tensor:
    h.view(-1).relu_()
    return h


def taken_before(h: torch.Tensor) -> torch.Tensor:
    view = h.view(-1, 4)
    h.relu_()
    return view


def half(h: torch.Tensor) -> torch.Tensor:
    h[:, :2].relu_()
    return h


@pytest.mark.parametrize(("between", "units"), [(flattened, 4), (taken_before, 4), (half, 2)])
def test_what_is_written_into_a_view_is_seen(between: Callable[[torch.Tensor], torch.Tensor], units: int) -> None:
    assert bounds.vc_dimension(ByHand(between), (3,)).steps == (DecisionStep(16, units, 1), DecisionStep(21, 1, 2))


@pytest.mark.parametrize(
    "between",
    [
        lambda h: torch.div(h, 0.1, rounding_mode="floor"),
        lambda h: torch.div(h, 0.1, rounding_mode="trunc"),
        lambda h: h.long().float(),
        lambda h: h.view(torch.int32).float(),
        lambda h: h.sum(0, keepdim=True, dtype=torch.long).float() + h,
    ],
)
def test_rounding_is_refused(between: Callable[[torch.Tensor], torch.Tensor]) -> None:
    with pytest.raises(InputError, match="ByHand rounds"):
        bounds.vc_dimension(ByHand(between), (3,))


def test_a_bias_made_of_parameters_has_their_degree() -> None:
    found = bounds.vc_dimension(ByHand(torch.relu, product=True), (3,))
    assert found.steps == (DecisionStep(12 + 8, 4, 3), DecisionStep(12 + 8 + 5, 1, 4))


def test_normalisations_by_hand_count_one_by_one_and_the_same_layer_once() -> None:
    class Normalised(nn.Module):
        def __init__(self, layers: int) -> None:
            super().__init__()
            self.norms, self.last = nn.ModuleList(nn.BatchNorm1d(3) for _ in range(layers)), nn.Linear(3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for k in range(2):
                norm = self.norms[k % len(self.norms)]
                x = nn.functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)
            return self.last(x)

    assert [bounds.vc_dimension(Normalised(k).eval(), (3,)).parameters for k in (1, 2)] == [6 + 4, 12 + 4]


def test_attention_is_refused() -> None:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x, x, x)[0].flatten(1)

    with pytest.raises(InputError, match="inner"):
        bounds.vc_dimension(Attention().eval(), (3, 4))


def test_the_papers_networks() -> None:
    shape = (3, 28, 28)
    mlp = bounds.vc_dimension(models.build("mlp-1x512", shape, 10), shape)
    assert mlp.value == pytest.approx(refined_formula([1_204_736, 1_209_866], [512, 9]))
    assert bounds.vc_dimension(models.build("inception-small-no-bn", shape, 10), shape).parameters == 1_649_402
    with pytest.raises(InputError, match="LocalResponseNorm"):
        bounds.vc_dimension(models.build("alexnet-small", shape, 10), shape)


def test_the_bound_is_no_smaller_than_what_is_known_of_half_spaces() -> None:
    for d in (1, 2, 50):
        assert bounds.vc_dimension(nn.Linear(d, 1), (d,)).value > d + 1


def test_the_promise_by_hand_and_vacuous_below_the_dimension() -> None:
    n, d, delta = 10_000, 20.0, 0.1
    expected = 0.02 + math.sqrt(2 * d * math.log(math.e * n / d) / n) + math.sqrt(math.log(1 / delta) / (2 * n))
    assert bounds.vc_bound(0.02, n, d, delta) == pytest.approx(expected)
    assert bounds.vc_complexity(1000.5, 1000) == 1.0
    assert bounds.vc_bound(0.0, 50_000, 38_670_263) > 1


@pytest.mark.parametrize("gap", [1.0, 0.1])
def test_the_examples_needed_are_the_smallest_number(gap: float) -> None:
    n = bounds.vc_examples_needed(500.0, gap)
    assert bounds.vc_bound(0, n, 500.0) < gap <= bounds.vc_bound(0, n - 1, 500.0)


def test_refuses_what_it_cannot_use() -> None:
    for arguments, named in (
        ((0.0, 0, 5.0), "n = 0"),
        ((0.0, 2.7, 5.0), "n = 2.7"),
        ((1.5, 10, 5.0), "risk = 1.5"),
        ((float("nan"), 10, 5.0), "risk = nan"),
        ((0.0, 10, "5"), "dimension = '5'"),
    ):
        with pytest.raises(InputError, match=named):
            bounds.vc_bound(*arguments)
    with pytest.raises(InputError, match="decision steps are"):
        bounds.vc_dimension_bound([])
    with pytest.raises(InputError, match="gap"):
        bounds.vc_examples_needed(5.0, 1.5)
    with pytest.raises(InputError, match="no function of input and parameters"):
        bounds.vc_dimension(nn.Flatten(), (3,))
