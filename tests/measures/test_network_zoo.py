"""Values on a zoo of networks, against loops over examples and dense operators in float64."""

import math
import statistics
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from measured_networks import CLASSES, fitted, problem
from network_zoo import ZOO
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parametrize, remove_weight_norm

from gengap.measures import Subject, measure

N = 144
KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Embedding)
NAMES = [
    *("all_params", "params", "param_norm", "prod_of_spec_operator", "margin_mean", "cross_entropy"),
    *("gradient_noise_final", "fisher_rao", "normalised_margins_by_layer"),
]


def _network(name: str) -> nn.Module:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of the older weight norm
        model = fitted(ZOO[name](), 3 if name in ("one class", "ties") else 30)
    if name == "ties":
        with torch.no_grad():
            for parameter in list(model.children())[-1].parameters():
                parameter[1] = parameter[0]
    return model.half() if name == "half precision" else model


def _exact(model: nn.Module, make: Callable[[], nn.Module], *, plain: bool = True) -> nn.Module:
    """The same network in float64, with weights as they are, or as they are computed."""
    result = make().eval()
    result.load_state_dict(model.state_dict())
    for module in result.modules() if plain else ():
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight")
        elif hasattr(module, "weight_g"):
            remove_weight_norm(module)
    return result.double()


def _layers(model: nn.Module) -> dict[str, nn.Module]:
    """Those that hold a weight that none before them holds."""
    seen: set[int] = set()
    layers = {}
    for name, module in model.named_modules():
        if isinstance(module, KINDS) and id(module.weight) not in seen:
            seen.add(id(module.weight))
            layers[name] = module
    return layers


def _margins(scores: Tensor, y: Tensor) -> Tensor:
    others = scores.clone()
    others[torch.arange(len(y)), y] = -math.inf
    return scores[torch.arange(len(y)), y] - others.max(1).values


def _inputs(model: nn.Module, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """What enters each layer, one module after the other, with the scores."""
    inputs: dict[str, Tensor] = {}
    modules = {name: module for name, module in model.named_modules() if isinstance(module, KINDS)}

    def note(name: str, value: Tensor) -> None:
        inputs.setdefault(name, value)

    handles = [
        module.register_forward_pre_hook(lambda _, args, name=name: note(name, args[0]))
        for name, module in modules.items()
        if not isinstance(module, nn.Embedding)
    ]
    scores = model(x.clone().requires_grad_())
    for handle in handles:
        handle.remove()
    return inputs, scores


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2 - 1]


def _normalised_margins(model: nn.Module, x: Tensor, y: Tensor) -> float:
    inputs, scores = _inputs(model, x)
    margins = _margins(scores, y)
    layers = []
    for value in inputs.values():
        (gradient,) = torch.autograd.grad(margins.sum(), value, retain_graph=True, allow_unused=True)
        spread = math.sqrt(float(((value - value.mean(0)) ** 2).sum()) / len(x))
        norms = [0.0] * len(x) if gradient is None else [float(g.norm()) for g in gradient]
        distances = []
        for margin, norm in zip(margins.tolist(), norms, strict=True):
            scale = norm * spread
            distances.append(0.0 if margin == 0 else margin / scale if scale else math.copysign(math.inf, margin))
        layers.append(_median(distances))
    return statistics.fmean(median for median in layers if math.isfinite(median))


def _spectral(model: nn.Module, x: Tensor) -> float:
    inputs, _ = _inputs(model, x)
    total = 1.0
    for name, module in _layers(model).items():
        if isinstance(module, nn.Embedding):
            total *= float(torch.linalg.matrix_norm(module.weight, 2)) ** 2
            continue
        zero = torch.zeros_like(inputs[name][:1]).detach()
        size = zero.numel()
        with torch.no_grad():
            columns = module(torch.eye(size, dtype=zero.dtype).view(size, *zero.shape[1:])) - module(zero)
        total *= float(torch.linalg.matrix_norm(columns.flatten(1), 2)) ** 2
    return total


def _twins(model: nn.Module, make: Callable[[], nn.Module], subject: Subject) -> dict[str, float]:
    plain, own = _exact(model, make), _exact(model, make, plain=False)
    x, y = (tensor.double() if tensor.is_floating_point() else tensor for tensor in subject.examples(torch.arange(N)))
    parameters = [p for p in own.parameters() if p.requires_grad]
    means = []
    for xs, ys in list(subject.batches(size=64, shuffled=True))[:2]:
        gradients = torch.autograd.grad(cross_entropy(own(xs.double()), ys), parameters, materialize_grads=True)
        means.append(torch.cat([g.flatten() for g in gradients]))
    sample_x, sample_y = subject.sample
    slopes = []
    for index in range(len(sample_y)):  # in a pair, since a network that squeezes has no row for one
        scores = own(sample_x[[index, index]].double())
        loss = cross_entropy(scores[:1], sample_y[index : index + 1])
        gradients = torch.autograd.grad(loss, parameters, materialize_grads=True)
        slopes.append(sum(float((p * g).sum()) for p, g in zip(parameters, gradients, strict=True)))
    scores = plain(x).detach()
    weights = [module.weight for module in _layers(plain).values()]
    return {
        "all_params": sum(p.numel() for p in own.parameters()),
        "params": sum(w.numel() for w in weights),
        "param_norm": sum(float(w.square().sum()) for w in weights),
        "prod_of_spec_operator": _spectral(plain, x[:2]),
        "margin_mean": float(_margins(scores, y).mean()),
        "cross_entropy": float(cross_entropy(scores, y)),
        "gradient_noise_final": float((means[0] - means[1]).square().sum()) / 2,
        "fisher_rao": statistics.fmean(slope**2 for slope in slopes),
        "normalised_margins_by_layer": _normalised_margins(plain, x, y),
    }


@pytest.mark.parametrize("name", ZOO)
def test_values_are_those_of_loops_in_float64(name: str) -> None:
    model = _network(name)
    rows = measure(model, problem(N), measures=NAMES, subset=24).set_index("name")
    expected = _twins(model, ZOO[name], Subject(model, problem(N), subset=24))
    for key, value in expected.items():
        # Gradients in float32 cancel in means over 64 examples: they are known to some 1e-5 of each example's.
        assert rows.value[key] == pytest.approx(value, rel=2e-4 if key == "gradient_noise_final" else 2e-5), key
    partial = set(rows.index[rows.status == "partial"])
    assert set(rows.status) <= {"ok", "partial"}
    assert partial <= ({"normalised_margins_by_layer"} if name in ("tied head", "dead branch") else set()), rows.reason


def test_a_layer_without_gradients_is_named_and_the_others_count() -> None:
    row = measure(_network("dead branch"), problem(N), measures=["normalised_margins_by_layer"]).iloc[0]
    assert (row.status, row.not_covered) == ("partial", ["after"])  # its input never varies
    assert "median margin in the input of after is infinite" in row.reason
    assert row.details["layers"]["after"]["50"] is None


class _Gate(nn.Module):
    """A layer that few examples reach: where the first pixel is above a threshold."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.threshold, self.gated, self.open = threshold, nn.Linear(64, CLASSES), nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        reached = (x[:, :1] > self.threshold).to(x.dtype)
        inner = x * 1.0
        return self.open(x * (1 - reached) + 0.0) * (1 - reached) + self.gated(inner) * reached


@pytest.mark.parametrize("share", [0.98, 0.02])
def test_a_few_examples_without_gradients_leave_the_layer_in(share: float) -> None:
    first = torch.from_numpy(problem(N).train.x.copy()).flatten(1)[:, 0]
    model = _Gate(float(first.quantile(1 - share)))
    row = measure(model, problem(N), measures=["normalised_margins_by_layer"]).iloc[0]
    exact = _exact(model, lambda: _Gate(model.threshold))
    x, y = Subject(model, problem(N)).examples(torch.arange(N))
    assert row.value == pytest.approx(_normalised_margins(exact, x.double(), y), rel=1e-5)


def test_the_input_of_a_tied_head_counts() -> None:
    details: Any = measure(_network("tied head"), problem(N), measures=["normalised_margins_by_layer"]).iloc[0].details
    assert set(details["layers"]) == {"inner", "head"}
