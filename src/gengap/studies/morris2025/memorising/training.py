"""Training on random data until as much of it is memorised as the network takes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gengap.models import count_parameters
from gengap.seeds import stream
from gengap.studies.morris2025.memorising.networks import CLASSES, INPUTS, PIXELS, Language, network
from gengap.train import Execution, Recipe
from gengap.train.replicas import Replicas


@dataclass(frozen=True)
class Effort:
    """How hard a network is trained.

    Attributes:
        steps: Of Adam.
        rate: The first learning rate; it falls to 0 as a cosine.
        batch: Most examples of a step, drawn anew for each; with no more than that all are taken.
    """

    steps: int
    rate: float = 0.01
    batch: int = 4096


@dataclass(frozen=True)
class Data:
    """Random data for R networks, one after the other.

    Attributes:
        x: Inputs ``[R, n, …]``.
        y: Labels ``[R, n, 1]``, or the tokens themselves ``[R, n, T]``.
        alphabet: Out of how many each of these was drawn.
    """

    x: Tensor
    y: Tensor
    alphabet: int

    @property
    def symbols(self) -> int:
        """Labels or tokens of one network."""
        return self.y[0].numel()

    @property
    def storable_bits(self) -> float:
        """The most bits that can be memorised of it.

        Labels are told apart by their inputs: n log2 C. Sequences are not: a model that knows all n of them still has
        to say which one it is, so that n (T log2 V - log2 n) are left.
        """
        n = self.y.shape[1]
        told_apart = 0.0 if self.x.is_floating_point() else math.log2(n)
        return self.symbols * math.log2(self.alphabet) - n * told_apart


def random_data(kind: str, n: int, seeds: Sequence[int], language: Language) -> Data:
    """Random inputs and labels of n examples, or n sequences of random tokens, for each seed.

    Args:
        kind: As for ``network``.
        n: At least 1; the first of more examples of the same seed are not those of fewer.
        seeds: Of all that is random.
        language: Of a transformer.
    """
    xs, ys = [], []
    for seed in seeds:
        generator = torch.Generator().manual_seed(stream(seed, "memorised", n))
        if kind == "transformer":
            ys.append(torch.randint(language.vocabulary, (n, language.positions), generator=generator))
            xs.append(ys[-1])
        else:
            shape = (INPUTS,) if kind == "perceptron" else (1, PIXELS, PIXELS)
            xs.append(torch.randn(n, *shape, generator=generator))
            ys.append(torch.randint(CLASSES, (n, 1), generator=generator))
    return Data(torch.stack(xs), torch.stack(ys), language.vocabulary if kind == "transformer" else CLASSES)


def memorise(
    kind: str,
    width: int,
    data: Data,
    seeds: Sequence[int],
    effort: Effort,
    language: Language,
    *,
    device: str = "cpu",
    report: Callable[[int], None] = lambda step: None,
) -> tuple[int, list[float]]:
    """Trains networks of one architecture, one a seed, each on data of its own.

    Args:
        kind: As for ``network``.
        width: Likewise.
        data: For as many networks as there are seeds.
        seeds: Of initial weights and the order of examples.
        effort: How hard they are trained.
        language: Of a transformer.
        device: Where to train.
        report: Called with the number of steps done, now and then.

    Returns:
        Parameters of a network, and for each network its mean loss in nats over all of its symbols after training.
    """
    modules = [network(kind, width, seed, language).to(device) for seed in seeds]
    recipe = Recipe(optimizer="adam", learning_rate=effort.rate, schedule="cosine", epochs=effort.steps)
    replicas = Replicas.of(modules, recipe, Execution(device))
    x, y = data.x.to(device), data.y.to(device)
    n = x.shape[1]
    orders = [torch.Generator().manual_seed(stream(seed, "order", n)) for seed in seeds]
    replica = torch.arange(len(seeds))[:, None]
    for step in range(effort.steps):
        rates = torch.full((len(seeds),), recipe.learning_rate_at(step, 1), device=device)
        if n > effort.batch:
            taken = torch.stack([torch.randperm(n, generator=order)[: effort.batch] for order in orders])
            replicas.step(x[replica, taken], y[replica, taken].flatten(1), rates, number=step)
        else:
            replicas.step(x, y.flatten(1), rates, number=step)
        if step % 50 == 0:
            report(step)
    return count_parameters(modules[0]), _mean_losses(replicas, x, y, effort.batch)


def _mean_losses(replicas: Replicas, x: Tensor, y: Tensor, batch: int) -> list[float]:
    """Mean loss of each replica on all of its data, summed over batches in float64."""
    n = x.shape[1]
    total = torch.zeros(len(x), dtype=torch.float64)
    for start in range(0, n, batch):
        stop = min(start + batch, n)
        losses, _ = replicas.evaluate(x[:, start:stop], y[:, start:stop].flatten(1))
        total += losses.double().cpu() * (stop - start)
    return [float(loss) for loss in total / n]
