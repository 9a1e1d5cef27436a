"""Figure 3 of Belkin et al. 2019: double descent of a fully connected network on MNIST.

Claim: test risk of a network with one hidden layer peaks where its parameters reach n K, the number of examples times
that of classes, and falls again beyond.

Reported: every point of the figure's vector graphics, and where the peak lies. Tolerance: a fifth of the value, since
each curve is one run, half of it at 45 to 70 hidden units, around the peak; at least 1 percentage point or 0.02.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

from gengap.studies.belkin2019.curve import figure, with_peaks
from gengap.studies.belkin2019.published import PAPER, WORDS, curve, points
from gengap.studies.rows import image_data, measured
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.interpolate.double_descent import WidthPoint
    from gengap.report import Figure
    from gengap.sweep import Context, Options
    from gengap.verdicts import ClaimPart

NAME = "belkin2019/figure3"
WIDTHS = tuple(sorted({int(point["H"]) for point in points("fig3_nn")}))
CLASSES = 10
EXAMPLES: dict[Scale, tuple[int, int | None]] = {"smoke": (60, 100), "desk": (4_000, None), "paper": (4_000, None)}
SMOKE_WIDTHS = (1, 2, 4, 6, 7, 8, 9, 12, 40)  # 600 parameters: 7.9 units
EPOCHS: dict[Scale, int] = {"smoke": 60, "desk": 1_000, "paper": 6_000}
NOISE = 0.2  # probability with which a training label is redrawn, where labels are noisy
COLUMNS = ("n_parameters", "train_loss", "test_loss", "train_error", "test_error", "norm", "epochs")
STATUS: dict[bool, Row] = {
    False: {"status": "done", "reason": None},
    True: {"status": "diverged", "reason": "a weight or a loss is beyond float32"},
}

DIFFERENCES = (
    "Step 0.001 on the squared error summed over outputs, batches of 100 examples: the paper does not give them.",
    "The weights that a wider network has besides those of the one before have a standard deviation of 0.1.",
    "The examples are the first 4,000 of MNIST's training set; the paper does not say which ones it took.",
    "The horizontal axis of the peak counts parameters.",
)


@dataclass(frozen=True)
class Config:
    """One network of a curve."""

    scale: Scale
    width: int
    noise: float = 0.0
    seed: int = 0


def _tolerance(width: int, value: float, unit: str) -> float:
    part = 0.5 if 45 <= width <= 70 else 0.2
    return max(part * value, 1.0 if unit == "%" else 0.02)


def _reported() -> tuple[Reported, ...]:
    numbers = []
    for point in curve("fig3_nn", "H"):
        width, value, quantity = int(point["capacity"]), float(point["value"]), str(point["quantity"])
        unit = "%" if quantity.endswith("error") else "1"
        shown = round(100 * value, 4) if unit == "%" else value
        what, tolerance = f"{WORDS[quantity]}, {width} hidden units", _tolerance(width, shown, unit)
        where = {"width": width, "noise": 0.0}
        numbers.append(Reported(what, "Figure 3", shown, unit, tolerance, "read off a plot", quantity, where))
    what, where = "parameters at the peak of the test loss", {"width": 50, "noise": 0.0}
    return (*numbers, Reported(what, "Figure 3", 41_350, "1", 4_000, "read off a plot", "peak_at", where))


REPORTED = _reported()


def sweep(scale: Scale) -> list[Config]:
    """All widths of the figure; at paper scale of three seeds, and with noise in the labels too."""
    widths = SMOKE_WIDTHS if scale == "smoke" else WIDTHS
    seeds = (0, 1, 2) if scale == "paper" else (0,)
    noises = (0.0,) if scale == "desk" else (0.0, NOISE)
    return [Config(scale, width, noise, seed) for noise in noises for seed in seeds for width in widths]


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a network, with the peak of its curve; the networks of a curve are trained one from the other."""
    rows = measured(
        NAME, configs, COLUMNS, train, options, together=lambda c: (c.noise, c.seed), data=image_data("mnist")
    )
    return with_peaks(rows, "n_parameters", ("noise", "seed"), lambda row: CLASSES * EXAMPLES[row["scale"]][0])


def train(configs: list[Config], context: "Context") -> list[Row]:
    """The rows of one curve."""
    from gengap.interpolate.double_descent import Training, width_path
    from gengap.studies.belkin2019.examples import examples
    from gengap.sweep.threads import limited

    first = configs[0]
    data = examples(first.scale, EXAMPLES[first.scale], first.noise, first.seed)
    widths = [config.width for config in configs]
    done = 0

    def report(point: "WidthPoint") -> None:
        nonlocal done
        done += 1
        context.report(done, len(widths), f"{point.width} units, {point.epochs} epochs")

    training = Training(epochs=EPOCHS[first.scale])
    with limited(1):  # the products are too small to be worth dividing; curves may have a worker each
        path = width_path(
            data.x, data.targets, data.x_test, data.targets_test, widths, training, seed=first.seed, report=report
        )
    by_width = {point.width: asdict(point) for point in path}
    return [STATUS[by_width[width]["diverged"]] | {name: by_width[width][name] for name in COLUMNS} for width in widths]


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    from gengap.studies.belkin2019 import claims

    threshold, judged = CLASSES * EXAMPLES[rows[0]["scale"]][0], []
    for suffix, of_paper, own in claims.curves(rows, "n_parameters"):
        judged.append(claims.fits_at(own, suffix, "n_parameters", threshold, of_paper))
        judged.append(claims.peaks_at(own, suffix, threshold, "parameters", of_paper))
        judged.append(claims.falls_again(own, suffix, "n_parameters", of_paper))
    return judged


def _figure(quantity: str, rows: "pd.DataFrame") -> "Figure | None":
    scale = rows["scale"].iloc[0]
    paper = curve("fig3_nn", "n_params") if scale != "smoke" else []
    return figure(rows, quantity, "n_parameters", "parameters", paper, CLASSES * EXAMPLES[scale][0])


@study
def belkin2019_figure3() -> Study:
    """Figure 3."""
    return Study(
        name=NAME,
        artifact="Figure 3",
        claim=(
            "The test risk of a network with one hidden layer peaks where its parameters reach the number of examples "
            "times that of classes, and falls again beyond."
        ),
        paper=PAPER,
        differences=DIFFERENCES,
        scaled={
            "smoke": f"60 of the embedded digits instead of 4,000 of MNIST, {EPOCHS['smoke']} epochs.",
            "desk": f"one seed, {EPOCHS['desk']:,} epochs instead of 6,000.",
        },
        cost={
            "smoke": "seconds",
            "desk": "about a quarter of an hour on two cores (an estimate)",
            "paper": "about ten hours on two cores (an estimate)",
        },
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=tuple(partial(_figure, quantity) for quantity in ("test_error", "test_loss", "norm")),
        check=check,
        seen_as="pixels divided by 255",
    )
