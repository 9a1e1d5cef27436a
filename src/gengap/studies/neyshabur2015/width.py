"""One hidden layer of more and more units on images of 100 pixels: what Figures 1 and 2 share."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from gengap.studies.neyshabur2015.published import curves
from gengap.studies.rows import measured
from gengap.studies.study import Reported, Row, Scale

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gengap.sweep import Context, Options
    from gengap.train.width import WidthRun
    from gengap.verdicts import ClaimPart

FED = "grey values divided by 255, averaged to at most 10 x 10 pixels, each minus its mean over the training images"
SIDE = 10  # pixels
TARGET = 1e-4  # truncated cross entropy that counts as zero
BATCH = 100
WHOLE_TEST_SPLIT = 10_000  # images, of MNIST and of CIFAR-10
COLUMNS = (
    *("m", "epochs", "train_error", "test_error", "early_test_error", "decayed_test_error", "weight_decay"),
    *("loss", "seconds"),
)
DIFFERENCES = (
    "Training ends at a truncated cross entropy of 0.0001 or at the last epoch, where the paper trains to zero.",
    "The standard deviation of the Gaussian initialisation is not given; ours is 1 over the root of the inputs.",
    "Images are averaged to 10 x 10 pixels, those of CIFAR-10 over their colours too; the paper does not say how it "
    "makes 100 pixels of them.",
)


@dataclass(frozen=True)
class Config:
    """A network of one width."""

    scale: Scale
    data: str
    units: int
    labels: str = "original"  # or "censored", "censored and noise"
    seed: int = 0


@dataclass(frozen=True)
class Setting:
    """What a figure asks for at a scale.

    Attributes:
        train: Training examples.
        validation: Validation examples, which follow them.
        test: Test examples; None for all.
        epochs: At most.
        decays: Weight decays among which the validation error chooses; empty for none.
    """

    train: int
    validation: int
    test: int | None
    epochs: int
    decays: tuple[float, ...] = ()


@dataclass(frozen=True)
class Images:
    """Images of 100 pixels and their labels, of one split."""

    x: "Tensor"
    y: "Tensor"


def images(data: str, setting: Setting) -> dict[str, Images]:
    """Training, validation and test images, each pixel in [0, 1] less its mean over the training images."""
    import torch
    from torch.nn.functional import adaptive_avg_pool2d

    from gengap.data import load

    whole = load(data, scale="unit", crop=None).take(setting.train + setting.validation, setting.test)

    def pixels(x: Any) -> "Tensor":
        gray = torch.tensor(x).double().mean(1, keepdim=True) / 255
        return adaptive_avg_pool2d(gray, min(SIDE, gray.shape[-1])).flatten(1).float()

    train, test = pixels(whole.train.x), pixels(whole.test.x)
    mean, y = train[: setting.train].mean(0), torch.tensor(whole.train.y)
    cut = setting.train
    return {
        "train": Images(train[:cut] - mean, y[:cut]),
        "validation": Images(train[cut:] - mean, y[cut:]),
        "test": Images(test - mean, torch.tensor(whole.test.y)),
    }


CENSOR = {"mnist": 4, "cifar10": 16, "digits": 4}  # units of the network whose predictions replace labels
NOISE = 0.05


@cache
def censored(data: str, setting: Setting, seed: int) -> "dict[str, Images]":
    """Images whose labels are all replaced by what a small network, trained on all splits, predicts."""
    import torch

    parts = images(data, setting)
    x, y = (torch.cat([getattr(part, name) for part in parts.values()]) for name in ("x", "y"))
    (run,) = trained(CENSOR[data], [Images(x, y)], seed, setting.epochs)
    with torch.no_grad():
        pieces = run.model(x).argmax(1).split([len(part.y) for part in parts.values()])
    return {name: Images(part.x, piece) for (name, part), piece in zip(parts.items(), pieces, strict=True)}


def labelled(config: Config, setting: Setting) -> "dict[str, Images]":
    """The images with the labels that a configuration asks for: original, censored, or censored with noise."""
    if config.labels == "original":
        return images(config.data, setting)
    parts = censored(config.data, setting, config.seed)
    return noisy(parts, config.seed) if config.labels == "censored and noise" else parts


def noisy(parts: "dict[str, Images]", seed: int) -> "dict[str, Images]":
    """Each label replaced by a random one with probability ``NOISE``, in all splits."""
    import torch

    from gengap.seeds import stream

    y = torch.cat([part.y for part in parts.values()])
    generator = torch.Generator().manual_seed(stream(seed, "label noise"))
    others = torch.randint(0, 10, y.shape, generator=generator)
    y = torch.where(torch.rand(len(y), generator=generator) < NOISE, others, y)
    pieces = torch.split(y, [len(part.y) for part in parts.values()])
    return {name: Images(part.x, piece) for (name, part), piece in zip(parts.items(), pieces, strict=True)}


def trained(
    units: int,
    trains: "Sequence[Images]",
    seed: int,
    epochs: int,
    *,
    weight_decays: Sequence[float] = (),
    measure: Any = None,
) -> "list[WidthRun]":
    """Networks without biases, one for each training set, trained by the paper's schedule; all start alike."""
    import torch

    from gengap.train.width import hidden_layer, neyshabur2015_step, train_hidden_layers, truncated_cross_entropy

    x, y = (torch.stack([getattr(train, name) for train in trains]) for name in ("x", "y"))
    return train_hidden_layers(
        [hidden_layer(x.shape[2], units, 10, seed, bias=False, std=1.0)] * len(x),
        *(x, y),
        loss=truncated_cross_entropy,
        step=neyshabur2015_step,
        epochs=epochs,
        target=TARGET,
        seed=seed,
        batch_size=BATCH,
        weight_decays=weight_decays,
        measure=measure,
    )


def rows_of(configs: Sequence[Config], setting: Setting, context: "Context") -> list[Row]:
    """Rows of networks of one width and seed, trained at once with every weight decay."""
    import time

    from gengap.sweep.threads import limited

    started = time.perf_counter()
    decays = (0.0, *setting.decays)
    with limited(context.threads):
        splits = [labelled(config, setting) for config in configs for _ in decays]

        def errors(index: int, model: "nn.Module") -> dict[str, float]:
            context.report(0, setting.epochs, "training")
            return {name: _error(model, splits[index][name]) for name in ("validation", "test")}

        runs = trained(
            configs[0].units,
            [parts["train"] for parts in splits],
            configs[0].seed,
            setting.epochs,
            weight_decays=decays * len(configs),
            measure=errors,
        )
    seconds, count = (time.perf_counter() - started) / len(configs), len(decays)
    return [
        _row(splits[i]["train"], setting, runs[i : i + count]) | {"seconds": seconds}
        for i in range(0, len(runs), count)
    ]


def _row(train: Images, setting: Setting, runs: "Sequence[WidthRun]") -> Row:
    """Errors at convergence, where validation is best, and with the weight decay that validation chooses."""
    run, *others = runs
    best = min(run.history, key=lambda record: record["validation"])
    decayed = {decay: other.history[-1] for decay, other in zip(setting.decays, others, strict=True)}
    chosen = min(decayed, key=lambda decay: decayed[decay]["validation"]) if decayed else None
    return {
        "status": "done",
        "reason": None if run.converged else f"the loss is {run.history[-1]['loss']:.2g} after {run.epochs} epochs",
        "m": len(train.y),
        "epochs": run.epochs,
        "loss": run.history[-1]["loss"],
        "train_error": _error(run.model, train),
        "test_error": run.history[-1]["test"],
        "early_test_error": best["test"],
        "decayed_test_error": None if chosen is None else decayed[chosen]["test"],
        "weight_decay": chosen,
    }


def _error(model: "nn.Module", part: Images) -> float:
    import torch

    with torch.no_grad():
        return float((model(part.x).argmax(1) != part.y).double().mean())


def measure(name: str, settings: dict[Scale, Setting], configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a network; those of one width and seed are trained at once."""
    return measured(
        name,
        configs,
        COLUMNS,
        partial(work, settings),
        options,
        together=lambda config: (config.scale, config.units, config.seed),
        data=lambda config: config.data,
    )


def work(settings: dict[Scale, Setting], configs: list[Config], context: "Context") -> list[Row]:
    """Rows of networks of one width and seed."""
    return rows_of(configs, settings[configs[0].scale], context)


def reported(figure: int) -> tuple[Reported, ...]:
    """The figure's points."""
    words = {
        "train_error": "training error",
        "test_error": "test error",
        "early_test_error": "test error, early stopping",
        "decayed_test_error": "test error, weight decay",
    }
    return tuple(
        Reported(
            f"{words[column]}, {data}, {kind} labels, {units:,} units",
            f"Figure {figure}",
            round(100 * error, 3),
            "%",
            max(0.5, 5 * error),
            "read off a plot",
            column,
            {"data": data, "labels": kind, "units": units},
        )
        for data, kind, column, units, error in curves(figure)
    )


def check(settings: dict[Scale, Setting], rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.verdicts import claim_part

    parts = []
    for data, labels in dict.fromkeys((row["data"], row["labels"]) for row in rows):
        curve = [row for row in rows if (row["data"], row["labels"]) == (data, labels)]
        beyond = [row for row in curve if not (row.get("train_error") or 0.0) > 0]
        if len({row["units"] for row in beyond}) < 2:
            beyond = []
        what = f"{data}, {labels} labels: once the training error is 0, more units do not raise the test error"
        decide = partial(_does_not_rise, settings)
        parts.append(claim_part(what, beyond, ["test_error", "train_error"], decide))
    return parts


def _does_not_rise(settings: dict[Scale, Setting], rows: list[Row]) -> tuple[bool, str]:
    from gengap.verdicts import largest_rise, means

    errors = means(rows, "units", "test_error", least=2)
    first, last = errors[min(errors)], errors[max(errors)]
    figures = f"{first:.2%} at {min(errors):,} units, {last:.2%} at {max(errors):,}"
    rise = largest_rise(errors, settings[rows[0]["scale"]].test or WHOLE_TEST_SPLIT)
    if rise is not None:
        narrow, wide = rise
        figures += f"; it rises from {errors[narrow]:.2%} at {narrow:,} to {errors[wide]:.2%} at {wide:,}"
    return rise is None, figures
