"""Random features on MNIST at every scale, for the studies of Fourier features (Figure 2) and of ReLUs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gengap.studies.belkin2019.curve import with_peaks
from gengap.studies.rows import image_data, measured
from gengap.studies.study import Row, Scale

if TYPE_CHECKING:
    from gengap.data import Points
    from gengap.interpolate import RidgelessPoint
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

# N of Figure 2, below and above n = 10,000.
COUNTS = (200, 500, 1_000, 1_500, 2_000, 2_500, 3_000, *range(5_000, 15_000, 1_000), 20_000, 40_000, 60_000)
N_EXAMPLES = 10_000
EXAMPLES: dict[Scale, tuple[int, int | None]] = {
    "smoke": (100, 200),
    "desk": (N_EXAMPLES, None),
    "paper": (N_EXAMPLES, None),
}
SMOKE_COUNTS = (10, 30, 60, 90, 100, 110, 150, 300, 1_000)
DESK_COUNTS = tuple(count for count in COUNTS if count <= 20_000)
NOISE = 0.2  # probability with which a training label is redrawn, where labels are noisy
BANDWIDTH = 5.0  # in pixels of [0, 1]
COLUMNS = ("train_loss", "test_loss", "train_error", "test_error", "norm", "unscaled_norm", "residual", "condition")

COST: dict[Scale, str] = {
    "smoke": "seconds",
    "desk": "about 20 minutes on two cores with 6 GB (extrapolated from 2,000 examples)",
    "paper": "about two hours on two cores with 6 GB (extrapolated from 2,000 examples)",
}
SCALED: dict[Scale, str] = {
    "smoke": "100 of the embedded digits instead of 10,000 of MNIST, with N from 10 to 1,000.",
    "desk": f"one draw of the features, and N to {max(DESK_COUNTS):,}.",
}
DIFFERENCES = (
    "The examples are the first 10,000 of MNIST's training set, pixels in [0, 1]; which ones the paper took is not "
    "told.",
    f"A second curve has each training label redrawn with probability {NOISE:g}; the paper's has none.",
)


@dataclass(frozen=True)
class Config:
    """One point of a curve."""

    scale: Scale
    kernel: str
    n_features: int | None  # real columns; None: infinitely many, the kernel machine
    noise: float = 0.0
    seed: int = 0


def sweep(scale: Scale, kernel: str, *, limit: bool) -> list[Config]:
    """Every N without and with noise in the labels, at paper scale of three seeds.

    Args:
        scale: The scale.
        kernel: Whose features.
        limit: Whether the kernel machine is one of the points.
    """
    counts: dict[Scale, tuple[int, ...]] = {"smoke": SMOKE_COUNTS, "desk": DESK_COUNTS, "paper": COUNTS}
    grid: list[int | None] = [*counts[scale], *([None] if limit else [])]
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    return [Config(scale, kernel, count, noise, seed) for noise in (0.0, NOISE) for seed in seeds for count in grid]


def measure(study: str, configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a point, with the peak of its curve; a curve's points share their work."""
    rows = measured(
        study,
        configs,
        COLUMNS,
        follow,
        options,
        together=lambda c: (c.noise, c.seed, c.n_features is None),
        data=image_data("mnist"),
    )
    return with_peaks(rows, "n_features", ("noise", "seed"), lambda row: EXAMPLES[row["scale"]][0])


def claim_parts(rows: Sequence[Row], *, limit: bool) -> "list[ClaimPart]":
    """The peak at n, the descent beyond, and with ``limit`` that it goes below what fewer give, to the kernel machine.

    Args:
        rows: Of one scale.
        limit: Whether the kernel machine is one of the points.
    """
    from gengap.studies.belkin2019 import claims

    n, judged = EXAMPLES[rows[0]["scale"]][0], []
    for suffix, of_paper, own in claims.curves(rows, "n_features"):
        finite = [row for row in own if row["n_features"] is not None]
        judged.append(claims.peaks_at(finite, suffix, n, "features", of_paper))
        if not limit:
            judged.append(claims.falls_again(finite, suffix, "n_features", of_paper))
            continue
        judged.append(claims.falls_below(finite, suffix, "n_features", n, of_paper))
        limits = [row for row in own if row["n_features"] is None]
        judged.append(claims.reaches_limit(finite, limits, suffix, "n_features", of_paper))
        judged.append(claims.norm_peaks(finite, suffix, "n_features", of_paper))
    return judged


def follow(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of one curve, or of its limit."""
    from gengap.studies.belkin2019.examples import examples

    first = configs[0]
    data = examples(first.scale, EXAMPLES[first.scale], first.noise, first.seed)
    return [_limit(data)] if first.n_features is None else _curve(configs, data, context)


def _curve(configs: list[Config], data: "Points", context: "Context") -> list[Row]:
    from gengap.interpolate import RandomFourierFeatures, ridgeless_path
    from gengap.seeds import stream

    bandwidth = 1.0 if configs[0].kernel == "relu" else BANDWIDTH
    random_state = stream(configs[0].seed, "features") % 2**32
    features = RandomFourierFeatures(configs[0].kernel, bandwidth, random_state=random_state)
    counts = [config.n_features for config in configs if config.n_features is not None]
    done = 0

    def report(point: "RidgelessPoint") -> None:
        nonlocal done
        done += 1
        context.report(done, len(counts), f"N {point.n_features}")

    path = ridgeless_path(features, data.x, data.targets, data.x_test, data.targets_test, counts, report)
    by_count = {point.n_features: _row(point.record()) for point in path}
    return [by_count[count] for count in counts]


def _limit(data: "Points") -> Row:
    import numpy as np

    from gengap.interpolate import KernelInterpolator

    model = KernelInterpolator("gaussian", BANDWIDTH).fit(data.x, data.targets)
    predicted = {
        "train": (model.predict(data.x), data.targets),
        "test": (model.predict(data.x_test), data.targets_test),
    }
    row: dict[str, Any] = {
        "residual": float(abs(predicted["train"][0] - data.targets).max()),
        "norm": None if model.norm_reason_ else model.norm_,
        "condition": model.condition_,
    }
    for split, (values, wanted) in predicted.items():
        row[f"{split}_loss"] = float(((values - wanted) ** 2).sum(axis=1).mean())
        row[f"{split}_error"] = float(np.mean(values.argmax(axis=1) != wanted.argmax(axis=1)))
    return _row(row)


def _row(record: dict[str, Any]) -> Row:
    """A row, with the reason beside each number that there is none of."""
    reason = record.get("reason")
    values = {name: record.get(name) for name in COLUMNS}
    return {"status": "done", "reason": None, **values} | {
        f"{name}_reason": reason for name, value in values.items() if value is None and reason
    }
