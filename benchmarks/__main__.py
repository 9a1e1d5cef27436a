"""``python -m benchmarks [NAME …] [--images N] [--rounds K]``."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks import (
    atlas,
    certify,
    double_descent,
    epoch,
    first_answers,
    gradients,
    kernel_interpolator,
    kernel_warm,
    machine,
    measures,
    monitor,
    optimisers,
    path_kernel,
    relu_interpolator,
    replicas,
    store,
    sweep,
)
from benchmarks.table import Line, table

RESULTS = Path(__file__).parent / "results"  # a folder for each kind of machine
WIDTH = 200  # of the table where it is not printed in a terminal


@dataclass(frozen=True)
class Benchmark:
    """What to run with the options, how its findings read, and why it cannot run here (None: it can)."""

    run: Callable[[argparse.Namespace], dict[str, Any]]
    lines: Callable[[dict[str, Any]], list[Line]]
    obstacle: Callable[[], str | None] = lambda: None


def _time_epoch(network: epoch.Network, options: argparse.Namespace) -> dict[str, Any]:
    return epoch.run(network, options.images, options.rounds)


def _no_gpu() -> str | None:
    return None if torch.cuda.is_available() else "PyTorch sees no CUDA device"


BENCHMARKS = {
    **{name: Benchmark(partial(_time_epoch, network), epoch.lines) for name, network in epoch.NETWORKS.items()},
    "replicas-gpu": Benchmark(lambda o: replicas.run(o.images, o.rounds), replicas.lines, _no_gpu),
    "measures": Benchmark(lambda o: measures.run(o.images, o.rounds), measures.lines),
    "default-call": Benchmark(lambda o: measures.default_call(o.images, o.rounds), measures.default_lines),
    "gradients": Benchmark(gradients.run, gradients.lines),
    "monitor": Benchmark(monitor.run, monitor.lines),
    "optimisers": Benchmark(optimisers.run, optimisers.lines),
    "double-descent": Benchmark(lambda o: double_descent.run(o.images, o.rounds), double_descent.lines),
    "kernel-ridge": Benchmark(
        lambda o: kernel_interpolator.against_kernel_ridge(o.images or kernel_interpolator.RIDGE_POINTS, o.rounds),
        kernel_interpolator.kernel_ridge_lines,
    ),
    "kernel-warm": Benchmark(
        lambda o: kernel_warm.run((o.images,) if o.images else tuple(kernel_warm.WANTED), o.rounds), kernel_warm.lines
    ),
    "kernel-solvers": Benchmark(
        lambda o: kernel_interpolator.against_each_other(o.images or kernel_interpolator.SOLVER_POINTS),
        kernel_interpolator.solver_lines,
    ),
    "kernel-whole": Benchmark(
        lambda o: kernel_interpolator.against_each_other(o.images or kernel_interpolator.LARGEST),
        kernel_interpolator.solver_lines,
    ),
    "relu-interpolator": Benchmark(lambda o: relu_interpolator.run(), relu_interpolator.lines),
    "path-kernel": Benchmark(lambda o: path_kernel.run(o.images), path_kernel.lines),
    "certify": Benchmark(lambda o: certify.run(), certify.lines),
    "first-answers": Benchmark(lambda o: first_answers.run(o.rounds), first_answers.lines),
    "store": Benchmark(lambda o: store.run(), store.lines),
    "atlas": Benchmark(lambda o: atlas.run(o.rounds), atlas.lines, atlas.obstacle),
    "sweep": Benchmark(sweep.run_local, sweep.lines),
    "sweep-ray": Benchmark(sweep.run_ray, sweep.lines, sweep.no_ray),
}


def main(arguments: list[str] | None = None) -> None:
    """Runs the named benchmarks, or all; writes a file for each and prints one table."""
    options = _parser().parse_args(arguments)
    drawn: list[Line] = []
    for name in options.names or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        if (obstacle := benchmark.obstacle()) is not None:
            print(f"{name}: skipped, {obstacle}", file=sys.stderr)
            continue
        print(f"{name} …", file=sys.stderr)
        found = {"machine": machine.facts() | {"peaks": machine.peaks()}, **benchmark.run(options)}
        out = options.out or RESULTS / machine.kind(found["machine"])
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        drawn += lines_of(name, found)
    measured = {"peaks": machine.peaks(), "threads": machine.threads()} if drawn else {}
    caption = f"peaks of a thread of this machine: {machine.told_peaks(measured)}" if drawn else ""
    Console(width=None if sys.stdout.isatty() else WIDTH).print(table(drawn, caption))


def lines_of(name: str, found: dict[str, Any]) -> list[Line]:
    """The lines of a benchmark's findings, each with the kind of machine that they are of."""
    return [replace(line, machine=machine.kind(found["machine"])) for line in BENCHMARKS[name].lines(found)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed, as ratios in one run.")
    parser.add_argument("names", nargs="*", type=_name, metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--images", type=_positive, help="training images; by default fewer of slower work")
    parser.add_argument("--rounds", type=_positive, default=3, help="how often the sides take turns (3)")
    parser.add_argument("--out", type=Path, help="folder for the results (results/KIND OF MACHINE)")
    return parser


def _name(text: str) -> str:
    if text not in BENCHMARKS:
        raise argparse.ArgumentTypeError(f"no benchmark {text!r}; there are {', '.join(BENCHMARKS)}")
    return text


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    main()
