"""Cases of ``gengap.measure``."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from case import Function, case
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy, linear
from torch.nn.utils import parametrizations

import gengap
from gengap.data import Problem, Split
from gengap.measures import Subject

OPERATORS = "operators as they are called"
SATURATED = "losses whose softmax rounds to 0 and 1"
SEARCHES = "searches that did not reach their target, and their spread"
LAYERS = "layers and parameters that were dropped or stood in for others"
FLAGS = "claims of invariance under rescaling"


# What was answered before, by the version of the same day.
BEFORE: dict[str, float | str] = {
    "spectral norm of ConvTranspose2d(…, output_size=7)": 0.8090435,
    "spectral norm of ConvTranspose2d(…, output_size=8)": 0.8090435,
    "linear(x, layer.weight * 10): sum of squared weights": "ok: 2.659941",
    "a weight used twice, once times 3: sum of squared weights": "ok: 2.659941",
    "cross_entropy, margin 22": 1.155688e-10,
    "cross_entropy, margin 44": 0.0,
    "cross_entropy, margin 320": 0.0,
    "gradient_noise_final, margin 22": 1.63827e-21,
    "gradient_noise_final, margin 44": 5.151079e-41,
    "gradient_noise_final, margin 320": 0.0,
    "fisher_rao, margin 22": 9.341628e-18,
    "fisher_rao, margin 44": 0.0,
    "fisher_rao, margin 320": 0.0,
    "gradient_noise_final, margin 1280: beyond float64": "0, ok",
    "sharpness_flatness, scores times 1: drop at alpha, in float64": 0.1,
    "sharpness_flatness, scores times 8: drop at alpha, in float64": 0.09333333,
    "sharpness_flatness, scores times 40: drop at alpha, in float64": "no alpha: not converged",
    "sharpness_mag_flatness, scores times 1: drop at alpha, in float64": 0.1666667,
    "sharpness_mag_flatness, scores times 8: drop at alpha, in float64": 0.1,
    "sharpness_mag_flatness, scores times 40: drop at alpha, in float64": "no alpha: not converged",
    "normalised_margins_by_layer, 1% of examples do not reach a layer": -0.1953813,
    "normalised_margins_by_layer, 10% of examples do not reach a layer": "partial: -0.1627095",
    "normalised_margins_by_layer, 30% of examples do not reach a layer": "partial: -0.1699424",
    "normalised_margins_by_layer of two layers that share a weight": -0.3676151,
    "all_params with weight_norm": 75.0,
    "fisher_rao with weight_norm": 0.6324833,
    "all_params with spectral_norm": 75.0,
    "fisher_rao with spectral_norm": 0.3357421,
    "tail_log_norm, batch norm times 64": "stays",
    "tail_log_spectral_norm, batch norm times 64": "stays",
    "tail_stable_rank, batch norm times 64": "stays",
    "prod_of_fro, batch norm times 64": "stays",
    "prod_of_spec, batch norm times 64": "stays",
    "pacbayes_flatness: standard deviation over 16 seeds, over what rows report": "no standard error",
}


def tried(kind: str, text: str, tolerance: float = 1e-6) -> Callable[[Function], Function]:
    """A case with what was answered before."""
    return case(kind, text, before=BEFORE.get(text), tolerance=tolerance)


def made_up(shape: tuple[int, ...], n: int = 64, classes: int = 3) -> Problem:
    """A Problem of Gaussian inputs with their labels in turn."""
    x = np.random.default_rng(0).normal(size=(n, *shape)).astype(np.float32)
    y = np.arange(n) % classes
    return Problem("made-up", Split(x, y), Split(x[:8], y[:8]), tuple("abcdefghij"[:classes]))


def row(model: nn.Module, problem: Problem, name: str, **options: Any) -> dict[str, Any]:
    """One measure's row."""
    table = gengap.measure(model, problem, measures=[name], progress=False, **options)
    return dict(table.iloc[0])


def value(found: dict[str, Any]) -> float | str:
    """Its value, with the status where that is not ok; without a value, status and reason."""
    if found["value"] is None or math.isnan(found["value"]):
        return f"{found['status']}: {found['reason']}"
    return float(found["value"]) if found["status"] == "ok" else f"{found['status']}: {found['value']:.7g}"


class Calling(nn.Module):
    """A layer of 2 x 4 x 4 inputs, called by a function, and a head."""

    def __init__(self, layer: nn.Module, call: Callable[[Any, Tensor], Tensor], features: int) -> None:
        super().__init__()
        self.layer, self.call, self.head = layer, call, nn.Linear(features, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of three classes."""
        return self.head(torch.relu(self.call(self.layer, x)).flatten(1))


def transposed(size: int) -> tuple[float, float | str]:
    """A transposed convolution with an output size: its operator written out as a matrix."""
    torch.manual_seed(0)
    up = nn.ConvTranspose2d(2, 2, 3, stride=2, padding=1)
    model = Calling(up, lambda layer, x: layer(x, output_size=(size, size)), 2 * size**2)
    exact = nn.ConvTranspose2d(2, 2, 3, stride=2, padding=1).double().requires_grad_(False)
    exact.load_state_dict(up.state_dict())
    inputs = torch.eye(32, dtype=torch.float64).view(32, 2, 4, 4)
    operator = (exact(inputs, output_size=(size, size)) - exact.bias.view(1, 2, 1, 1)).flatten(1)
    found = row(model, made_up((2, 4, 4)), "prod_of_spec_operator")
    return float(torch.linalg.matrix_norm(operator, 2)), found["details"]["norms"]["layer"]


for _size in (7, 8):
    tried(OPERATORS, f"spectral norm of ConvTranspose2d(…, output_size={_size})")(lambda size=_size: transposed(size))


@tried(OPERATORS, "linear(x, layer.weight * 10): sum of squared weights")
def scaled_weight() -> tuple[str, float | str]:
    """What is applied is not the stored weight."""
    torch.manual_seed(0)
    model = Calling(nn.Linear(32, 6), lambda layer, x: linear(x.flatten(1), layer.weight * 10), 6)
    return "partial", value(row(model, made_up((2, 4, 4)), "param_norm"))


@tried(OPERATORS, "a weight used twice, once times 3: sum of squared weights")
def weight_of_two_scales() -> tuple[str, float | str]:
    """What is applied is not the stored weight alone."""
    torch.manual_seed(0)
    model = Calling(nn.Linear(32, 6), lambda layer, x: layer(x.flatten(1)) + linear(x.flatten(1), 3 * layer.weight), 6)
    return "partial", value(row(model, made_up((2, 4, 4)), "param_norm"))


def two_classes(margin: float) -> tuple[nn.Module, Problem]:
    """A linear network of two classes whose scores differ by about ``margin``, always rightly."""
    n = 192
    y = np.arange(n) % 2
    x = np.random.default_rng(1).uniform(1, 1.1, size=(n, 3)).astype(np.float32)
    x[:, 0] *= 1 - 2 * y
    model = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        model.weight.copy_(margin * torch.tensor([[0.5, 0.001, 0.002], [-0.5, 0.003, 0.001]]))
    return model, Problem("two classes", Split(x, y), Split(x[:8], y[:8]), ("a", "b"))


def saturated(name: str, margin: float) -> tuple[float, float | str]:
    """By 1 - p = 1 / (1 + exp(margin)), in float64."""
    model, problem = two_classes(margin)
    subject = Subject(model, problem)

    def parts(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        scores = subject.model(x).detach().double()
        lead = (scores[:, 0] - scores[:, 1]) * (1 - 2 * y)
        wrong = 1 / (1 + lead.exp())
        directions = torch.stack([2 * y - 1, 1 - 2 * y], 1)
        return lead, (wrong[:, None] * directions)[:, :, None] * x.double()[:, None, :]

    lead, each = parts(*subject.examples(torch.arange(subject.n)))
    means = [parts(x, y)[1].mean(0) for x, y in subject.batches(size=64, shuffled=True)]
    right = {
        "cross_entropy": float(torch.log1p((-lead).exp()).mean()),
        "gradient_noise_final": sum(float((g - sum(means) / 3).square().sum()) for g in means) / 2,
        "fisher_rao": float((each * subject.model.weight.detach().double()).sum((1, 2)).square().mean()),
    }
    return right[name], value(row(model, problem, name))


for _name in ("cross_entropy", "gradient_noise_final", "fisher_rao"):
    for _margin in (22.0, 44.0, 320.0):
        tried(SATURATED, f"{_name}, margin {_margin:g}", tolerance=1e-5)(
            lambda name=_name, margin=_margin: saturated(name, margin)
        )


@tried(SATURATED, "gradient_noise_final, margin 1280: beyond float64")
def beyond_float64() -> tuple[str, str]:
    """A reason and a logarithm, no 0."""
    model, problem = two_classes(1280.0)
    found = row(model, problem, "gradient_noise_final")
    return "beyond float64: its natural logarithm is -2", str(found["reason"])


def confident(margin: float) -> tuple[nn.Sequential, Tensor, Tensor, Problem]:
    """A network of one hidden layer that classifies 150 points of three classes, with its last layer scaled."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(150) % 3
    x = torch.randn(3, 6, generator=generator)[y] + 0.4 * torch.randn(150, 6, generator=generator)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(100):
        optimiser.zero_grad()
        cross_entropy(net(x), y).backward()
        optimiser.step()
    with torch.no_grad():
        for parameter in net[2].parameters():
            parameter *= margin
    return net.eval(), x, y, points(x, y)


def points(x: Tensor, y: Tensor) -> Problem:
    """Points of three classes as a Problem."""
    return Problem("points", Split(x.numpy(), y.numpy()), Split(x[:8].numpy(), y[:8].numpy()), tuple("abc"))


def worst_drop(net: nn.Module, x: Tensor, y: Tensor, alpha: float, eps: float | None) -> float:
    """Ten points of the ascent, with gradients by autograd, in float64."""
    names = [name for name, p in net.named_parameters() if p.ndim > 1]
    origin = {name: net.get_parameter(name).detach() for name in names}
    box = {n: torch.full_like(w, alpha) if eps is None else alpha * w.abs() + eps for n, w in origin.items()}

    def look(weights: dict[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
        weights = {name: w.clone().requires_grad_() for name, w in weights.items()}
        scores = functional_call(net, weights, (x,))
        gradients = torch.autograd.grad(cross_entropy(scores, y, reduction="sum"), list(weights.values()))
        return float((scores.argmax(1) == y).double().mean()), {
            n: g.sign() for n, g in zip(names, gradients, strict=True)
        }

    clean, signs = look(origin)
    shift = {name: box[name] * signs[name] for name in names}
    drops = []
    for _ in range(10):
        accuracy, signs = look({name: origin[name] + shift[name] for name in names})
        drops.append(clean - accuracy)
        shift = {n: torch.clamp(shift[n] + box[n] / 2 * signs[n], -box[n], box[n]) for n in names}
    return max(drops)


def sharpness(name: str, margin: float) -> tuple[float, float]:
    """The drop that ten points of the ascent in float64 reach at the alpha that was found: 0.1 +- 0.01."""
    net, x, y, problem = confident(margin)
    alpha = row(net, problem, name)["details"]["alpha"]
    eps = 1e-3 if "mag" in name else None
    return 0.1, worst_drop(net.double(), x.double(), y, alpha, eps)


for _name in ("sharpness_flatness", "sharpness_mag_flatness"):
    for _margin in (1.0, 8.0, 40.0):
        tried(SEARCHES, f"{_name}, scores times {_margin:g}: drop at alpha, in float64", tolerance=0.1001)(
            lambda name=_name, margin=_margin: sharpness(name, margin)
        )


@tried(
    SEARCHES,
    "pacbayes_flatness: standard deviation over 16 seeds, over what rows report",
    tolerance=0.5,
)
def spread_over_seeds() -> tuple[float, float | str]:
    """About one."""
    net, _, _, _ = confident(1.0)
    generator = torch.Generator().manual_seed(4)
    y = torch.arange(3000) % 3
    centres = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    x = centres[y] + 0.4 * torch.randn(3000, 6, generator=generator)
    problem = points(x, y)
    rows = [row(net, problem, "pacbayes_flatness", seed=seed, subset=150) for seed in range(16)]
    reported = [found["details"].get("standard_error") for found in rows]
    if None in reported:
        return 1.0, "no standard error"
    return 1.0, float(np.std([found["value"] for found in rows], ddof=1) / np.mean(reported))


class Gate(nn.Module):
    """A layer that some examples do not reach: those whose first number is below a threshold."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.threshold, self.gated, self.open = threshold, nn.Linear(8, 3), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of three classes."""
        reached = (x[:, :1] > self.threshold).to(x.dtype)
        return self.open(x) + self.gated(x * 1.0) * reached


def layer_margins(model: nn.Module, problem: Problem, layers: list[str]) -> float:
    """Mean over layers of the median of margin / (gradient norm * root of total variance), example by example."""
    exact = model.double()
    x, y = torch.from_numpy(problem.train.x.copy()).double(), torch.from_numpy(problem.train.y.copy())
    inputs: dict[str, Tensor] = {}

    def note(name: str, entering: Tensor) -> None:
        inputs.setdefault(name, entering)

    handles = [exact.get_submodule(n).register_forward_pre_hook(lambda _, a, name=n: note(name, a[0])) for n in layers]
    scores = exact(x.requires_grad_())
    for handle in handles:
        handle.remove()
    others = scores.scatter(1, y[:, None], -math.inf)
    margins = scores.gather(1, y[:, None])[:, 0] - others.max(1).values
    medians = []
    for entering in inputs.values():
        norms = torch.autograd.grad(margins.sum(), entering, retain_graph=True)[0].flatten(1).norm(dim=1)
        spread = ((entering - entering.mean(0)) ** 2).sum() / len(y)
        medians.append(float((margins / (norms * spread**0.5)).sort().values[len(y) // 2 - 1]))
    return float(np.mean(medians))


for _share in (0.01, 0.1, 0.3):

    @tried(LAYERS, f"normalised_margins_by_layer, {_share:.0%} of examples do not reach a layer", tolerance=1e-5)
    def unreached(share: float = _share) -> tuple[float, float | str]:
        """The layer counts, as its median is finite."""
        problem = made_up((8,), 200)
        make = lambda: Gate(float(np.quantile(problem.train.x[:, 0], share)))  # noqa: E731
        return layer_margins(make(), problem, ["open", "gated"]), value(
            row(make(), problem, "normalised_margins_by_layer")
        )


class TiedHead(nn.Module):
    """Two layers that hold one weight."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.again, self.head = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.again.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        """Scores of three classes."""
        return self.head(torch.relu(self.again(torch.relu(self.first(x)))))


@tried(LAYERS, "normalised_margins_by_layer of two layers that share a weight", tolerance=1e-5)
def tied() -> tuple[float, float | str]:
    """Each has an input of its own."""
    problem = made_up((8,), 200)
    right = layer_margins(TiedHead(), problem, ["first", "again", "head"])
    return right, value(row(TiedHead(), problem, "normalised_margins_by_layer"))


def parametrized(make: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """A network whose first layer's weight is computed."""
    torch.manual_seed(0)
    return nn.Sequential(make(nn.Linear(8, 6)), nn.ReLU(), nn.Linear(6, 3)).eval()


for _make in (parametrizations.weight_norm, parametrizations.spectral_norm):

    @tried(LAYERS, f"all_params with {_make.__name__}")
    def parameters(make: Any = _make) -> tuple[float, float | str]:
        """Those that an optimiser sees."""
        model = parametrized(make)
        return float(sum(p.numel() for p in model.parameters())), value(row(model, made_up((8,)), "all_params"))

    @tried(LAYERS, f"fisher_rao with {_make.__name__}", tolerance=1e-4)
    def radial(make: Any = _make) -> tuple[float, float | str]:
        """Central differences of each example's loss as all parameters grow at one rate."""
        model, problem = parametrized(make), made_up((8,))
        exact = parametrized(make).double()
        x, y = torch.from_numpy(problem.train.x.copy()).double(), torch.from_numpy(problem.train.y.copy())
        theta = {name: p.detach() for name, p in exact.named_parameters()}

        def losses(t: float) -> Tensor:
            moved = {name: (1 + t) * p for name, p in theta.items()}
            with torch.no_grad():
                return cross_entropy(functional_call(exact, moved, (x,)), y, reduction="none")

        slopes = (losses(1e-6) - losses(-1e-6)) / 2e-6
        return float(slopes.square().mean()), value(row(model, problem, "fisher_rao"))


def rescaled() -> tuple[nn.Module, nn.Module]:
    """A network with batch norm, and the same function with batch norm times 64 and the next layer over 64."""
    torch.manual_seed(0)
    first, other = (
        nn.Sequential(nn.Linear(8, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 3)).eval() for _ in range(2)
    )
    other.load_state_dict(first.state_dict())
    with torch.no_grad():
        other[1].weight.mul_(64)
        other[3].weight.div_(64)
    return first, other


for _name in ("tail_log_norm", "tail_log_spectral_norm", "tail_stable_rank", "prod_of_fro", "prod_of_spec"):

    @tried(FLAGS, f"{_name}, batch norm times 64")
    def invariant(name: str = _name) -> tuple[str, str]:
        """Whether the value stays, against what the row claims."""
        before, after = (row(model, made_up((8,)), name) for model in rescaled())
        stays = math.isclose(before["value"], after["value"], rel_tol=1e-6)
        return ("stays" if stays else "changes"), ("stays" if before["rescaling_invariant"] else "changes")
