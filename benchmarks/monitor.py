"""What following the normalised loss adds to an epoch of plain PyTorch: from the step's logits, and from a sample."""

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.table import Line, spread
from gengap import models
from gengap.monitors import NormalisedLossMonitor

BATCH, STEPS, IMAGES = 128, 20, 50_000
SAMPLE = 2048
WANTED = 0.03  # of an epoch's time
NETWORKS = ("convnet-3", "convnet-5-no-bn")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Processor time on one thread, so that other work hardly changes it; training and monitors take turns."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {"monitors": [_overheads(name, options.rounds) for name in NETWORKS]}
    finally:
        torch.set_num_threads(threads)


def lines(found: dict[str, Any]) -> list[Line]:
    """One for each network and way."""
    return [
        Line(
            f"normalised loss from {way}, {each['network']}",
            f"{each[way]['median']:.2%} of an epoch",
            wanted=f"<= {WANTED:.0%}: {'reached' if each[way]['median'] <= WANTED else 'missed'}",
        )
        for each in found["monitors"]
        for way in ("each step's logits", "a sample an epoch")
    ]


def _overheads(name: str, rounds: int) -> dict[str, Any]:
    torch.manual_seed(0)
    network = models.build(name, (3, 32, 32), 10)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    x, y = torch.randn(SAMPLE, 3, 32, 32), torch.randint(10, (SAMPLE,))
    monitor = NormalisedLossMonitor(network, sample=(x, y))
    scores = network(x[:BATCH])
    steps = IMAGES / BATCH
    logits, sample = [], []
    for round_ in range(1 + rounds):
        training = _seconds(lambda: _train(network, optimiser, x, y))
        following = _seconds(lambda: [monitor.from_logits(scores, y[:BATCH]) for _ in range(STEPS)])
        measuring = _seconds(monitor.measure)
        if round_:  # the first also allocates memory
            logits.append(following / training)
            sample.append(measuring / (training / STEPS * steps))
    return {"network": name, "each step's logits": spread(logits), "a sample an epoch": spread(sample)}


def _train(network: nn.Module, optimiser: torch.optim.Optimizer, x: Tensor, y: Tensor) -> None:
    network.train()
    for step in range(STEPS):
        chosen = slice(step % (SAMPLE // BATCH) * BATCH, None)
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(x[chosen][:BATCH]), y[chosen][:BATCH]).backward()
        optimiser.step()


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
