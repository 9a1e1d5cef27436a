"""The grid of networks that measures are ranked on: data, training to a cross entropy, and what is measured of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from gengap.studies.study import Row, Scale

if TYPE_CHECKING:
    from torch import Tensor

    from gengap.data import Problem
    from gengap.sweep import Context
    from gengap.train import Recipe, Run

PAPER = "Jiang, Neyshabur, Mobahi, Krishnan and Bengio 2020, Fantastic generalization measures, arXiv:1912.02178"
HYPERPARAMETERS = ("width", "depth", "batch_size", "rate", "weight_decay", "dropout", "optimizer")
DATA: dict[Scale, tuple[str, ...]] = {"smoke": ("digits",), "desk": ("cifar10", "mnist"), "paper": ("cifar10",)}
EXAMPLES: dict[Scale, tuple[int | None, int | None]] = {"smoke": (100, 200), "desk": (400, None), "paper": (None, None)}
GRID: dict[Scale, dict[str, tuple[Any, ...]]] = {
    "smoke": {
        **{"width": (8, 16), "depth": (1, 2), "batch_size": (25,), "rate": ("low", "high"), "weight_decay": (0.0,)},
        **{"dropout": (0.0,), "optimizer": ("sgd",)},
    },
    "desk": {
        **{"width": (32, 128), "depth": (1, 3), "batch_size": (32, 128), "rate": ("low", "high")},
        **{"weight_decay": (0.0, 1e-4), "dropout": (0.0, 0.1), "optimizer": ("sgd", "adam")},
    },
    "paper": {
        **{"width": (192, 384, 768), "depth": (2, 4, 8), "batch_size": (32, 64, 128)},
        **{"rate": ("low", "middle", "high"), "weight_decay": (0.0, 1e-4, 5e-4), "dropout": (0.0, 0.25, 0.5)},
        "optimizer": ("sgd", "adam", "rmsprop"),
    },
}
# The paper varies three learning rates for each optimizer, which are not at hand: ours.
RATES: dict[str, dict[str, float]] = {
    "sgd": {"low": 0.03, "middle": 0.06, "high": 0.1},
    "adam": {"low": 1e-3, "middle": 2e-3, "high": 4e-3},
    "rmsprop": {"low": 3e-4, "middle": 6e-4, "high": 1e-3},
}
FAMILY: dict[Scale, str] = {"smoke": "mlp", "desk": "mlp", "paper": "nin"}
TARGET: dict[Scale, float] = {
    "smoke": 0.1,
    "desk": 0.01,
    "paper": 0.01,
}  # cross entropy, in nats, at which training ends
EPOCHS: dict[Scale, int] = {"smoke": 60, "desk": 1_000, "paper": 300}  # at most
SEEDS: dict[Scale, int] = {"smoke": 1, "desk": 1, "paper": 5}
SEARCHED: dict[Scale, int] = {"smoke": 50, "desk": 100, "paper": 1_000}  # examples of searches and of path kernels
TWIN = 1_000  # added to a network's seed: that of the second run, with which it is compared
SIDE = 14  # pixels of the desk's images, in grey
PROBES = {  # column -> sign, as a measure has it
    "coherence": -1,
    "path_kernel_alignment": -1,
    "path_kernel_rank": 1,
    "disagreement": 1,
}
OUTCOME = ("gap", "train_error", "test_error", "train_loss", "epochs", "reached", "seconds")


@dataclass(frozen=True)
class Config:
    """A network of the grid, or a measure's place in the ranking of all networks of a data set.

    ``kind``: ``network`` or ``ranking``; a ranking has a measure, and a network the hyperparameters and a seed.
    """

    scale: Scale
    kind: Literal["network", "ranking"]
    data: str
    measure: str = ""
    width: int = 0  # units, or channels, of a hidden layer
    depth: int = 0  # hidden layers, or blocks
    batch_size: int = 0
    rate: str = ""  # of the optimizer's learning rates
    weight_decay: float = 0.0  # enters the gradient
    dropout: float = 0.0
    optimizer: str = ""
    seed: int = 0


def networks(scale: Scale) -> list[Config]:
    """Every network of a scale."""
    grid = GRID[scale]
    return [
        Config(scale, "network", data, **dict(zip(grid, values, strict=True)), seed=seed)
        for data in DATA[scale]
        for values in product(*grid.values())
        for seed in range(SEEDS[scale])
    ]


def trained_together(config: Config) -> tuple[object, ...]:
    """Networks for which this is equal train as replicas of one step: they differ in data, rate and weight decay."""
    return config.width, config.depth, config.batch_size, config.dropout, config.optimizer, config.seed


def train(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of some networks: each is trained twice, from its seed and from another one, and measured once."""
    import time

    from gengap.sweep.threads import limited
    from gengap.train import Execution, resolve_device, train_replicas

    scale = configs[0].scale
    whole = {name: problem(scale, name) for name in dict.fromkeys(config.data for config in configs)}
    # The test split is looked at once, at the end: training sees one example of it.
    trios = [
        (whole[config.data].take(None, 1), recipe(config), config.seed + twin)
        for twin in (0, TWIN)
        for config in configs
    ]
    with limited(context.threads):
        execution = Execution(device=resolve_device("auto"), precision="float32", memory_format="contiguous")
        runs = train_replicas(
            trios,
            execution=execution,
            checkpoint=context.checkpoint,
            report=lambda done, total, text: context.report(done, total + len(configs), text),
        )
        rows = []
        for number, config in enumerate(configs):
            started = time.perf_counter()
            row = _row(whole[config.data], runs[number], runs[number + len(configs)], scale)
            seconds = runs[number].seconds / len(runs) + time.perf_counter() - started
            rows.append(row | {"seconds": seconds, "seen_as": whole[config.data].seen_as})
            context.report(EPOCHS[scale] + number + 1, EPOCHS[scale] + len(configs), "measuring")
    return rows


def recipe(config: Config) -> "Recipe":
    """How a network is trained: at a constant rate, to the target."""
    from gengap.train import Recipe

    scale = config.scale
    return Recipe.parse(
        {
            "model": f"{FAMILY[scale]}-{config.depth}x{config.width}",
            "batch_size": config.batch_size,
            "optimizer": config.optimizer,
            "learning_rate": RATES[config.optimizer][config.rate],
            "weight_decay": config.weight_decay,
            "dropout": config.dropout,
            "schedule": "constant",
            "epochs": EPOCHS[scale],
            "target_loss": TARGET[scale],
            "snapshots": (0,),
            "precision": "float32",
            "memory_format": "contiguous",
        }
    )


def problem(scale: Scale, name: str) -> "Problem":
    """The digits; MNIST and CIFAR-10 as grey images of 14 x 14 pixels less their mean; CIFAR-10 whole, standardised."""
    import numpy as np

    from gengap.data import Problem, Split, load

    if scale == "smoke":
        return load(name, scale="unit").take(*EXAMPLES[scale])
    stored = load(name, crop=None, scale="none").take(*EXAMPLES[scale])
    if scale == "paper":
        pixels = stored.train.x.astype(np.float64) / 255
        moments = [tuple(float(v) for v in f(pixels, axis=(0, 2, 3))) for f in (np.mean, np.std)]
        return stored.preprocess(scale="unit", mean=moments[0], std=moments[1])
    mean = float(_small(stored.train.x).mean())
    train, test = (Split(_small(split.x) - np.float32(mean), split.y) for split in (stored.train, stored.test))
    return Problem(f"{name} {SIDE} x {SIDE}", train, test, stored.classes)


def _small(x: Any) -> Any:
    """Grey images ``[N, 1, 14, 14]`` in [0, 1]: means over channels and over 2 x 2 pixels of the centre 28 x 28."""
    import numpy as np

    edge = (x.shape[-1] - 2 * SIDE) // 2
    grey = x[..., edge : edge + 2 * SIDE, edge : edge + 2 * SIDE].astype(np.float32).mean(1, keepdims=True) / 255
    return grey.reshape(len(x), 1, SIDE, 2, SIDE, 2).mean((3, 5))


def _row(data: "Problem", run: "Run", twin: "Run", scale: Scale) -> Row:
    from gengap.measures import measure
    from gengap.network.inputs import class_scores

    last = run.history[-1]
    reached = run.status == "done" and last["train_loss"] <= TARGET[scale]
    row: Row = {"status": run.status, "reason": run.reason or None, "epochs": len(run.history), "reached": reached}
    row["train_loss"] = last["train_loss"] if run.status == "done" else None
    if not reached:
        text = f"cross entropy {TARGET[scale]:g} was not reached in {len(run.history)} epochs"
        return row | {"reason": row["reason"] or text}
    model = run.model()
    errors = {
        f"{name}_error": float((class_scores(model, data, split.x).argmax(1) != split.y).mean())
        for name, split in (("train", data.train), ("test", data.test))
    }
    found = measure(model, data, run.model(0), subset=SEARCHED[scale], history=run.history, progress=False)
    values = {str(r["name"]): float(r["value"]) for r in found.to_dict("records") if r["value"] == r["value"]}
    return (
        row | errors | {"gap": errors["test_error"] - errors["train_error"]} | values | _probes(data, run, twin, scale)
    )


def _probes(data: "Problem", run: "Run", twin: "Run", scale: Scale) -> Row:
    """Coherence of the gradients, the path kernel's alignment and rank, and how often two runs disagree."""
    from gengap.errors import InputError
    from gengap.network.inputs import class_scores, examples
    from gengap.probes import coherence, path_kernel

    model, row = run.model(), Row()
    try:
        row["coherence"] = coherence(model, data, errors=False, evaluation=True).alpha
    except InputError:  # gradients that are all 0
        row["coherence"] = None
    kernel = path_kernel(model, examples(data, slice(SEARCHED[scale]), model)[0])
    row |= kernel_statistics(kernel, data.train.y[: SEARCHED[scale]])
    if twin.status == "done":
        first, second = (class_scores(one.model(), data, data.test.x).argmax(1) for one in (run, twin))
        row["disagreement"] = float((first != second).mean())
    return row


def kernel_statistics(kernel: "Tensor", labels: Sequence[int] | Any) -> Row:
    r"""Alignment of a centred kernel with the labels, and its effective rank.

    With K the kernel and Y the kernel of labels (1 where two examples share one), both centred: the alignment is
    :math:`\langle K, Y \rangle / (\|K\|_F \|Y\|_F)`, the rank :math:`(\mathrm{tr} K)^2 / \|K\|_F^2`.

    Source: Cortes, Mohri and Rostamizadeh 2012 (JMLR 13), for the alignment.

    Args:
        kernel: ``[n, n]``, symmetric.
        labels: ``[n]``.
    """
    import torch

    n = len(kernel)
    y = torch.tensor(labels)
    same = (y[:, None] == y).double()
    centring = torch.eye(n, dtype=torch.float64) - 1 / n
    k, s = centring @ kernel.double() @ centring, centring @ same @ centring
    norms = torch.linalg.matrix_norm(k), torch.linalg.matrix_norm(s)
    return {
        "path_kernel_alignment": float((k * s).sum() / (norms[0] * norms[1])),
        "path_kernel_rank": float(k.trace() ** 2 / norms[0] ** 2),
    }
