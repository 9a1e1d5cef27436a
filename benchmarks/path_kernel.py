"""The path kernel of a small convolutional network, by part, beside the machine's peak and beside enumeration.

``python -m benchmarks path-kernel [--images N]``. N pictures of 3 x 28 x 28 (2,000 by default) through convolution,
pool, convolution, pool and three linear layers. Beside the seconds of each part stand the rate of the inner products of
gates in floating-point operations, and the peak of the processor. Enumeration is possible for a network of a few
thousand paths only: there both are timed, and their largest difference is given.
"""

import resource
import time
from typing import Any

import torch
from torch import nn

from benchmarks import machine
from benchmarks.images import images
from benchmarks.table import Line
from gengap.network.inputs import network_inputs
from gengap.probes import path_features, path_kernel
from gengap.probes.paths.kernel import block_of, path_kernels, tile_memory
from gengap.probes.paths.network import folded_network
from gengap.studies.kawaguchi2017.networks import convolutional

SIZE, SMALL = 2_000, 200


def run(n: int | None) -> dict[str, Any]:
    """Seconds by part, rate, peak memory, and the same beside enumeration on a small network."""
    n = n or SIZE
    torch.manual_seed(0)
    problem = images(n)
    model = convolutional(problem.input_shape, problem.n_classes)
    x = network_inputs(problem.train.x[:n], problem.preprocessing, torch.empty(0))
    stated = tile_memory(model, x)
    started, cpu = time.perf_counter(), time.process_time()
    kernel = path_kernels(model, x)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    products = _products(model, x) * n * (n + kernel.tile) / 2  # by symmetry half of the tiles, and the diagonal
    return {
        "images": n,
        "tile": kernel.tile,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "parts": kernel.seconds,
        "gram_flops_per_second": 2 * products / kernel.seconds["grams"],
        "peak_flops_per_second_float32": machine.peak("float32"),
        "stated_memory_bytes": stated,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "small": _beside_enumeration(),
    }


def _products(model: nn.Module, x: torch.Tensor) -> int:
    """Multiplications of gates for one pair of examples."""
    block = block_of(folded_network(model, x[:2]), x[:2].double())
    return sum(s.gates.shape[0] * s.gates.shape[2] for layer in block.layers for s in layer.sources)


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
    started = time.perf_counter()
    kernel = path_kernel(model, x)
    ours = time.perf_counter() - started
    started = time.perf_counter()
    z = path_features(model, x)
    gram = z @ z.T
    theirs = time.perf_counter() - started
    difference = float((kernel - gram).abs().max() / gram.abs().max())
    return {"paths": z.shape[1], "seconds": ours, "enumeration_seconds": theirs, "largest_difference": difference}


def lines(found: dict[str, Any]) -> list[Line]:
    """The kernel and its parts, and the small network beside enumeration."""
    parts = ", ".join(f"{name} {seconds:.3g} s" for name, seconds in found["parts"].items())
    small = found["small"]
    return [
        Line(
            f"path kernel of {found['images']:,} x {found['images']:,} images, tiles of {found['tile']}",
            f"{found['seconds']:.3g} s: {parts}",
            "peak of the processor, float32",
            f"{found['peak_flops_per_second_float32']:.2g} FLOP/s; inner products reach "
            f"{found['gram_flops_per_second']:.2g} in float64",
        ),
        Line(
            f"path kernel of {SMALL} images, {small['paths']:,} paths",
            f"{small['seconds']:.3g} s",
            "enumeration",
            f"{small['enumeration_seconds']:.3g} s, difference {small['largest_difference']:.1e}",
            f"{small['enumeration_seconds'] / small['seconds']:.3g} x",
        ),
    ]
