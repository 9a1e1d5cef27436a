"""The path kernel of a small convolutional network, by part, beside the processor's peak and beside enumeration.

``python -m benchmarks path-kernel [--images N]``. N pictures of 3 x 28 x 28 (2,000 by default) through convolution,
pool, convolution, pool and three linear layers, and 5 N through three hidden layers of 512 units, on one thread. All
rates are per second of processor time, which other work on the machine changes little: inner products of gates in
floating-point operations beside the fastest product of large matrices, and elementwise products in multiplications
beside the same on large arrays. Memory is the growth of the process, beside what was stated before. What 5 N pictures
would take of the convolutional network is stated and extrapolated by tiles, not measured. Enumeration is possible for
a network of a few thousand paths only: there both are timed, and their largest difference is given.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.images import images
from benchmarks.table import Line
from gengap import models
from gengap.network.inputs import network_inputs
from gengap.probes import path_features, path_kernel
from gengap.probes.paths.kernel import block_of, path_kernels, tile_memory
from gengap.probes.paths.network import folded_network
from gengap.studies.kawaguchi2017.networks import convolutional
from gengap.sweep.threads import limited

SIZE, TIMES, SMALL = 2_000, 5, 200
SIDE, ROUNDS = 2_048, 5
STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def run(n: int | None) -> dict[str, Any]:
    """Seconds by part, rates, memory, and the same beside enumeration on a small network."""
    n = n or SIZE
    torch.manual_seed(0)
    problem = images(n)
    x = network_inputs(problem.train.x[:n], problem.preprocessing, torch.empty(0))
    nets = {
        "convolutional": convolutional(problem.input_shape, problem.n_classes),
        "mlp-3x512": models.build("mlp-3x512", problem.input_shape, problem.n_classes),
    }
    more = x.repeat(TIMES, *[1] * (x.ndim - 1))
    with limited(1):
        path_kernels(nets["convolutional"], x[:4])  # what is loaded once
        return {
            "peak_flops_per_second": _fastest(lambda a, b, out: torch.mm(a, b, out=out)) * SIDE,
            "peak_multiplications_per_second": _fastest(lambda a, b, out: out.addcmul_(a, b)) / 2,
            "convolutional": _timed(nets["convolutional"], x),
            "mlp-3x512": _timed(nets["mlp-3x512"], more),
            "convolutional_of_more": {
                "images": len(more),
                "stated_memory_bytes": tile_memory(nets["convolutional"], more),
            },
            "small": _beside_enumeration(),
        }


def _timed(model: nn.Module, x: Tensor) -> dict[str, Any]:
    n, stated = len(x), tile_memory(model, x)
    if REFERENCES.exists():
        REFERENCES.write_text("5", encoding="utf-8")  # the peak starts anew
    before, started, cpu = _memory("VmRSS"), time.perf_counter(), time.process_time()
    kernel = path_kernels(model, x)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    peak, pairs = _memory("VmHWM"), n * (n + min(n, kernel.tile)) / 2  # half of the tiles, and the diagonal
    products, multiplications = _work(model, x)
    busy = cpu_seconds / seconds
    return {
        "images": n,
        "tile": kernel.tile,
        "tiles": -(-n // kernel.tile) * (-(-n // kernel.tile) + 1) // 2,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "parts_cpu_seconds": {name: busy * part for name, part in kernel.seconds.items()},
        "gram_flops_per_second": 2 * products * pairs / (busy * kernel.seconds["grams"]),
        "multiplications_per_second": multiplications * pairs / (busy * kernel.seconds["products"]),
        "stated_memory_bytes": stated,
        "memory_bytes": None if peak is None or before is None else peak - before,
    }


def _memory(name: str) -> int | None:
    """Bytes of the process; None where the system does not say."""
    lines = STATUS.read_text(encoding="utf-8").splitlines() if STATUS.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(name)), None)


def _work(model: nn.Module, x: Tensor) -> tuple[int, int]:
    """For one pair of examples: multiplications of gates, and of their inner products with kernels."""
    block = block_of(folded_network(model, x[:2]), x[:2].double())
    sources = [source for layer in block.layers for source in layer.sources]
    later = [source for source in sources if source.layer is not None]
    return sum(s.gates.shape[0] * s.gates.shape[2] for s in sources), sum(s.gates.shape[0] for s in later)


def _fastest(product: Callable[[Tensor, Tensor, Tensor], Any]) -> float:
    """Twice the entries over the least seconds of processor time of some float64 products."""
    a, b, out = torch.randn(3, SIDE, SIDE, dtype=torch.float64)
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        product(a, b, out)
        times.append(time.process_time() - started)
    return 2 * SIDE**2 / min(times)


def _beside_enumeration() -> dict[str, Any]:
    layers = [
        nn.Conv2d(1, 2, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(18, 4),
        nn.ReLU(),
        nn.Linear(4, 3),
    ]
    model, x = nn.Sequential(*layers), torch.randn(SMALL, 1, 8, 8)
    started = time.process_time()
    kernel = path_kernel(model, x)
    ours = time.process_time() - started
    started = time.process_time()
    z = path_features(model, x)
    gram = z @ z.T
    theirs = time.process_time() - started
    difference = float((kernel - gram).abs().max() / gram.abs().max())
    return {
        "paths": z.shape[1],
        "cpu_seconds": ours,
        "enumeration_cpu_seconds": theirs,
        "largest_difference": difference,
    }


def lines(found: dict[str, Any]) -> list[Line]:
    """The kernels and their parts, what more pictures would take, and the small network beside enumeration."""
    return [
        *(_line(name, found[name], found) for name in ("convolutional", "mlp-3x512")),
        _more(found["convolutional"], found["convolutional_of_more"]),
        _small(found["small"]),
    ]


def _line(name: str, one: dict[str, Any], found: dict[str, Any]) -> Line:
    parts = ", ".join(f"{part} {seconds:.3g} s" for part, seconds in one["parts_cpu_seconds"].items())
    memory = "not known" if one["memory_bytes"] is None else f"{one['memory_bytes'] / 1e9:.2f} GB"
    return Line(
        f"path kernel of {one['images']:,} x {one['images']:,} images, {name}, tiles of {one['tile']}",
        f"{one['cpu_seconds']:.3g} s: {parts}; {memory} of memory",
        "peak of the processor in float64, and the memory stated before",
        f"inner products reach {one['gram_flops_per_second']:.2g} of {found['peak_flops_per_second']:.2g} FLOP/s, "
        f"elementwise products {one['multiplications_per_second']:.2g} of "
        f"{found['peak_multiplications_per_second']:.2g} a second; {one['stated_memory_bytes'] / 1e9:.2f} GB",
    )


def _more(one: dict[str, Any], more: dict[str, Any]) -> Line:
    sides = -(-more["images"] // one["tile"])
    seconds = one["cpu_seconds"] / one["tiles"] * sides * (sides + 1) / 2
    return Line(
        f"path kernel of {more['images']:,} x {more['images']:,} images, convolutional",
        f"{seconds / 60:.3g} minutes, extrapolated",
        "the memory stated",
        f"{more['stated_memory_bytes'] / 1e9:.2f} GB",
    )


def _small(small: dict[str, Any]) -> Line:
    return Line(
        f"path kernel of {SMALL} images, {small['paths']:,} paths",
        f"{small['cpu_seconds']:.3g} s",
        "enumeration",
        f"{small['enumeration_cpu_seconds']:.3g} s, difference {small['largest_difference']:.1e}",
        f"{small['enumeration_cpu_seconds'] / small['cpu_seconds']:.3g} x",
    )
