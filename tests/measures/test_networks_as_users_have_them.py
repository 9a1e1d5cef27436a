"""Networks as users have them: weights computed from others, tensors kept, masks, tied files, odd contexts."""

import copy
from collections.abc import Callable

import pandas as pd
import pytest
import torch
from measured_networks import CLASSES, fitted, mlp, problem
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import prune, spectral_norm, weight_norm

from gengap.errors import InputError
from gengap.measures import Subject, measure, normalised_loss, product_norm

NAMES = ["param_norm", "prod_of_fro", "margin_mean", "path_norm", "fisher_rao", "pacbayes_flatness"]
PIXELS = problem().train.x[0].size


class _Keeping(nn.Module):
    """Keeps what it computed, with its history, as networks do that show their features."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = mlp()
        self.last: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.last = [self.inner(x)]
        return self.last[0]


def test_a_network_that_keeps_tensors_of_a_pass_is_measured_as_one_that_does_not() -> None:
    model = _Keeping()
    x = torch.tensor(problem().train.x).float()
    model(x)
    kept = model.last[0]
    rows, plain = (measure(m, problem(), m, measures=NAMES, subset=16) for m in (model, model.inner))
    pd.testing.assert_series_equal(rows["value"], plain["value"], rtol=0)
    assert model.last[0] is kept
    assert not kept.is_leaf
    y = torch.tensor(problem().train.y)
    assert normalised_loss(model, (x, y)) == normalised_loss(model.inner, (x, y))


def _pruned(layer: nn.Linear) -> nn.Module:
    return prune.l1_unstructured(layer, "weight", amount=0.3)


@pytest.mark.parametrize("computed", [weight_norm, spectral_norm, _pruned])
@pytest.mark.filterwarnings("ignore:.*weight_norm.*")
def test_weights_that_are_computed_from_others_count_as_they_are(computed: Callable[[nn.Module], nn.Module]) -> None:
    torch.manual_seed(0)
    layer = computed(nn.Linear(PIXELS, CLASSES))
    model = nn.Sequential(nn.Flatten(), layer).eval()
    model(torch.ones(1, PIXELS))
    plain = nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, CLASSES))
    plain[1].weight.data, plain[1].bias.data = layer.weight.detach().clone(), layer.bias.detach().clone()
    rows, expected = (measure(m, problem(), measures=NAMES[:4]) for m in (model, plain))
    assert rows["value"].tolist() == pytest.approx(expected["value"].tolist(), rel=1e-6)
    assert layer._forward_pre_hooks  # the network itself stays as it is


@pytest.mark.filterwarnings("ignore:.*torch.jit.*")
def test_a_compiled_script_is_told_to_hide_its_layers() -> None:
    with pytest.raises(InputError, match="hides its layers"):
        measure(torch.jit.trace(mlp(), torch.as_tensor(problem().train.x[:2]).float()), problem())


class _Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(PIXELS, PIXELS), nn.Linear(PIXELS, PIXELS)
        self.second.weight = self.first.weight
        self.last = nn.Linear(PIXELS, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(functional.relu(self.second(functional.relu(self.first(x.flatten(1))))))


def test_a_file_may_hold_tied_weights_once() -> None:
    model, initial = _Tied(), _Tied()
    state = initial.state_dict()
    expected = measure(model, problem(), state, measures=["fro_dist"])["value"][0]
    for name in ("first.weight", "second.weight"):
        fewer = {key: value for key, value in state.items() if key != name}
        assert measure(model, problem(), fewer, measures=["fro_dist"])["value"][0] == expected
    fewer = {key: value for key, value in state.items() if not key.endswith("d.weight") and key != "first.weight"}
    with pytest.raises(InputError, match=r"lacks first\.weight, second\.weight"):
        measure(model, problem(), fewer, measures=["fro_dist"])


class _Masked(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.inner = mlp()
        self.register_buffer("mask", torch.full((CLASSES,), value))

    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(self.inner(x), self.mask)


def test_a_mask_may_be_infinite_but_not_nan() -> None:
    rows = measure(_Masked(-torch.inf), problem(), measures=["param_norm", "margin_mean"])
    assert rows["status"].tolist() == ["ok", "ok"]
    with pytest.raises(InputError, match="NaN or infinite: mask"):
        measure(_Masked(torch.nan), problem(), measures=["param_norm"])


class _Drawing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = mlp()

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(self.inner(x))


def test_a_network_that_answers_at_random_is_refused_and_draws_nothing_from_the_caller() -> None:
    model = _Drawing()
    before = torch.random.get_rng_state()
    with pytest.raises(InputError, match="at random in evaluation mode"):
        measure(model, problem())
    assert torch.equal(before, torch.random.get_rng_state())
    with pytest.raises(InputError, match="dropout is not positively homogeneous"):
        product_norm(_Drawing())


def test_the_callers_context_changes_no_value() -> None:
    model = fitted(mlp(), 5)
    expected = measure(model, problem(), copy.deepcopy(model), measures=NAMES, subset=16)["value"]
    contexts = (torch.inference_mode(), torch.no_grad(), torch.autocast("cpu", torch.bfloat16))
    for context in contexts:
        with context:
            rows = measure(model, problem(), copy.deepcopy(model), measures=NAMES, subset=16)
        pd.testing.assert_series_equal(rows["value"], expected, rtol=0)


def test_a_network_that_is_channels_last_is_measured_in_the_default_order() -> None:
    """PyTorch's weight gradient of strided 1 x 1 convolutions in channels-last order has ended processes."""
    layers = [
        nn.Conv2d(1, 6, 3),
        nn.ReLU(),
        nn.Conv2d(6, 8, 1, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(72, CLASSES),
    ]
    model = fitted(nn.Sequential(*layers))
    given = copy.deepcopy(model).to(memory_format=torch.channels_last)
    for parameter in Subject(given, problem()).model.parameters():
        assert parameter.stride() == torch.empty(parameter.shape).stride()  # of axes of length one too
    names = ["gradient_noise_final", "sharpness_flatness", "prod_of_spec_operator"]
    plain, rows = (measure(net, problem(130), measures=names).value for net in (model, given))
    assert rows.tolist() == plain.tolist()
    assert given[2].weight.stride() == (6, 1, 6, 6)  # as it came
