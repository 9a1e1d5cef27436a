"""Gradients of examples: their norms beside Opacus, BackPACK and vmap; winsorised steps; coherence; twin runs.

Where the time of norms goes, small CNN, one thread of an AMD EPYC, 45 ms of a plain pass and 56 ms of ours: the passes
without the gradients of weights take 40 ms. The second convolution's gradient is then formed for each example in 14 ms
(0.9 GFLOP at 65 GFLOP/s, about the peak of a core), where the sum over examples costs a plain pass 6 ms; copying the
windows of its input (29 MB) takes the rest. So 1.2 times a plain pass is near the limit of forming them: without any
copy it would be 1.1.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import cross_entropy

from benchmarks.images import images
from benchmarks.table import Line, spread, verdict
from gengap import load, probes
from gengap.data import Problem
from gengap.network.gradients import GradientReader
from gengap.train import Execution, Recipe, WinsorizedSGD

NORMS = 1.2  # times a plain pass forward and back, at most
WINSORIZED = 5.0  # times forming the gradients by outer products, at most
COHERENCE = 1.5  # times a plain epoch, at most
COHERENCE_EXAMPLES = 50_000


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Processor time on one thread, so that other work changes it little; the sides take turns."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {
            "norms": [_norms(name, options.rounds) for name in ("mlp", "cnn")],
            "winsorized": _winsorized(options.rounds),
            "coherence": _coherence(options.images or COHERENCE_EXAMPLES, options.rounds),
            "twins": _twins(options.rounds),
        }
    finally:
        torch.set_num_threads(threads)


def lines(found: dict[str, Any]) -> list[Line]:
    """One for each comparison."""
    drawn = []
    for one in found["norms"]:
        ours = one["ratios"]["gengap"]["median"]
        drawn += [
            Line(
                f"norms of gradients, {one['network']}, against a plain pass",
                f"{ours:.2f} x",
                who,
                f"{values['median']:.2f} x",
                f"{values['median'] / ours:.2f} x",
                f"<= {NORMS:g} x: {'reached' if ours <= NORMS else 'missed'}",
            )
            for who, values in one["ratios"].items()
            if who != "gengap"
        ]
    for name, wanted in (("winsorized", WINSORIZED), ("coherence", COHERENCE)):
        value = found[name]["ratio"]["median"]
        reached = "reached" if value <= wanted else "missed"
        drawn.append(Line(found[name]["what"], f"{value:.2f} x", wanted=f"<= {wanted:g} x: {reached}"))
    for one in found["twins"]:
        ratio = one["in_turn_over_replicas"]["median"]
        wanted = verdict(ratio, 1.0) if one["chosen"] else "no slower than in turn: taken in turn"
        drawn.append(Line(one["what"], f"{ratio:.2f} x", "in turn", ratio=f"{ratio:.2f} x", wanted=wanted))
    return drawn


def _network(name: str) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    if name == "mlp":
        layers = [nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)]
        return nn.Sequential(*layers), torch.randn(256, 784), torch.randint(10, (256,))
    model = nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(64 * 49, 128), nn.ReLU(), nn.Linear(128, 10)),
    )
    return model, torch.randn(128, 1, 28, 28), torch.randint(10, (128,))


def _plain(model: nn.Module, x: Tensor, y: Tensor) -> None:
    torch.autograd.grad(cross_entropy(model(x), y), list(model.parameters()))


def _norms(name: str, rounds: int) -> dict[str, Any]:
    model, x, y = _network(name)
    reader = GradientReader(model, x, y)
    sides: dict[str, Callable[[], object]] = {
        "gengap": lambda: sum(reader.read(x, y, scaled=True).squared_norms().values()).sqrt(),  # type: ignore[union-attr]
        "vmap": lambda: _by_vmap(model, x, y),
        **_opacus(name),
        **_backpack(name),
    }
    times: dict[str, list[float]] = {side: [] for side in sides}
    for round_ in range(1 + rounds):
        for side, work in sides.items():
            plain, taken = _seconds(lambda: _plain(model, x, y)), _seconds(work)
            if round_:  # the first also allocates memory
                times[side].append(taken / plain)
    return {"network": name, "batch": len(y), "ratios": {side: spread(values) for side, values in times.items()}}


def _by_vmap(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    weights = {name: p.detach() for name, p in model.named_parameters()}

    def loss(values: dict[str, Tensor], a: Tensor, b: Tensor) -> Tensor:
        return cross_entropy(functional_call(model, values, (a[None],)), b[None])

    gradients = vmap(grad(loss), in_dims=(None, 0, 0), chunk_size=64)(weights, x, y)
    return torch.stack([g.flatten(1).square().sum(1) for g in gradients.values()]).sum(0).sqrt()


def _opacus(name: str) -> dict[str, Callable[[], object]]:
    """Opacus' ghost norms, where it is installed (dependency group ``bench``)."""
    try:
        from opacus.grad_sample import GradSampleModuleFastGradientClipping
    except ImportError:
        return {}
    model, x, y = _network(name)
    wrapped = GradSampleModuleFastGradientClipping(model, use_ghost_clipping=True, max_grad_norm=1.0)

    def work() -> object:
        wrapped.zero_grad()
        cross_entropy(wrapped(x), y, reduction="sum").backward()
        return wrapped.get_norm_sample()

    return {"Opacus, ghost norms": work}


def _backpack(name: str) -> dict[str, Callable[[], object]]:
    """BackPACK's BatchL2Grad, where it is installed."""
    try:
        from backpack import backpack, extend
        from backpack.extensions import BatchL2Grad
    except ImportError:
        return {}
    model, x, y = _network(name)
    model, loss = extend(model), extend(nn.CrossEntropyLoss())

    def work() -> object:
        model.zero_grad()
        with backpack(BatchL2Grad()):
            loss(model(x), y).backward()
        return sum(p.batch_l2 for p in model.parameters())

    return {"BackPACK, BatchL2Grad": work}


def _winsorized(rounds: int) -> dict[str, Any]:
    model, x, y = _network("mlp")
    x, y = x[:100], y[:100]
    sgd = WinsorizedSGD(model, cross_entropy, lr=1e-6, c=2)

    def formed() -> object:
        inputs, outputs = [], []
        value = x
        for layer in model:
            if isinstance(layer, nn.Linear):
                inputs.append(value.detach())
                value = layer(value)
                outputs.append(value)
            else:
                value = layer(value)
        slopes = torch.autograd.grad(cross_entropy(value, y, reduction="sum"), outputs)
        return [(g[:, :, None] * a[:, None, :], g) for g, a in zip(slopes, inputs, strict=True)]

    ratios = _ratios(lambda: sgd.step(x, y), formed, rounds)
    return {"what": "a winsorised step at c = 2, B = 100, against forming the gradients", "ratio": ratios}


def _coherence(count: int, rounds: int) -> dict[str, Any]:
    torch.manual_seed(0)
    model = _network("mlp")[0]
    x, y = torch.randn(count, 784), torch.randint(10, (count,))

    def epoch() -> None:
        for a, b in zip(x.split(256), y.split(256), strict=True):
            _plain(model, a, b)

    ratios = _ratios(lambda: probes.coherence(model, (x, y), errors=False), epoch, min(rounds, 2))
    return {"what": f"coherence of {count:,} examples in one pass, against a plain epoch", "ratio": ratios}


def _twins(rounds: int) -> list[dict[str, Any]]:
    """Seconds of twins in turn over those as replicas, and which way gengap takes by itself."""
    return [_twins_on(problem, rounds) for problem in (load("digits"), images(1_000))]


def _twins_on(problem: Problem, rounds: int) -> dict[str, Any]:
    recipe = Recipe(model="mlp-1x512", epochs=2, momentum=0.0, precision="float32", memory_format="contiguous")

    def twins(together: bool | None = None) -> probes.TwinRuns:
        return probes.twin_runs(problem, recipe, epochs=(2,), together=together, execution=Execution())

    chosen = twins().together
    ratios = _ratios(lambda: twins(together=False), lambda: twins(together=True), rounds)
    return {
        "what": f"twins as replicas, mlp-1x512 on {problem.name}",
        "chosen": chosen,
        "in_turn_over_replicas": ratios,
    }


def _ratios(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> dict[str, Any]:
    values = []
    for round_ in range(1 + rounds):
        first, second = _seconds(ours), _seconds(theirs)
        if round_:
            values.append(first / second)
    return spread(values)


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
