"""Figure 2 of Belkin et al. 2019: double descent of random Fourier features on MNIST.

Claim: test risk falls, rises to a peak where the number of features N reaches the number n of examples, and falls
again below what any N < n gives, down to the kernel machine's; the norm of the coefficients peaks at the same N.

Reported: every point of the figure's vector graphics and the kernel machine, and where the peak lies. Tolerance: a
tenth of the value; within 2,000 of n, where a curve depends on the draw of the features, half of it; at N = n, where
no two draws agree, the value itself; at least 0.3 percentage points or 0.01.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from gengap.studies.belkin2019 import random_features
from gengap.studies.belkin2019.curve import figure
from gengap.studies.belkin2019.published import PAPER, WORDS, curve
from gengap.studies.belkin2019.random_features import N_EXAMPLES, Config
from gengap.studies.study import Reported, Row, Scale, Study, study

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure
    from gengap.sweep import Options
    from gengap.verdicts import ClaimPart

NAME, KERNEL = "belkin2019/figure2", "gaussian"


def _tolerance(capacity: float, value: float, unit: str) -> float:
    off = abs(capacity - N_EXAMPLES)
    part = 1.0 if off == 0 else 0.5 if off <= 2_000 else 0.1
    return max(part * value, 0.3 if unit == "%" else 0.01)


def _reported() -> tuple[Reported, ...]:
    numbers = []
    for point in curve("fig2_rff", "N"):
        capacity, value, quantity = float(point["capacity"]), float(point["value"]), str(point["quantity"])
        unit = "%" if quantity.endswith("error") else "1"
        shown = round(100 * value, 4) if unit == "%" else value
        finite = capacity != float("inf")
        words = f"{WORDS[quantity]}, {f'N = {capacity:,.0f}' if finite else 'kernel machine'}"
        where = {"n_features": int(capacity) if finite else None, "noise": 0.0}
        tolerance = _tolerance(capacity, shown, unit)
        numbers.append(Reported(words, "Figure 2", shown, unit, tolerance, "read off a plot", quantity, where))
    where = {"n_features": N_EXAMPLES, "noise": 0.0}
    peak = Reported("N at the peak of the test loss", "Figure 2", 1e4, "N", 999.0, "read off a plot", "peak_at", where)
    return (*numbers, peak)


REPORTED = _reported()


def sweep(scale: Scale) -> list[Config]:
    """All N of the figure and the kernel machine, without and with noise."""
    return random_features.sweep(scale, KERNEL, limit=True)


def measure(configs: Sequence[Config], options: "Options") -> list[Row]:
    """Measured rows with the peak of their curve."""
    return random_features.measure(NAME, configs, options)


def check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The parts of the claim, and whether each holds in the rows."""
    return random_features.claim_parts(rows, limit=True)


def _figure(quantity: str, rows: "pd.DataFrame") -> "Figure | None":
    scale = rows["scale"].iloc[0]
    paper = curve("fig2_rff", "N") if scale != "smoke" else []
    n = random_features.EXAMPLES[scale][0]
    return figure(rows, quantity, "n_features", "random Fourier features N", paper, n)


@study
def belkin2019_figure2() -> Study:
    """Figure 2."""
    return Study(
        name=NAME,
        artifact="Figure 2",
        claim=(
            "The risk of least squares on random Fourier features peaks where their number N reaches that of the "
            "examples, and then falls below what fewer give, down to the kernel machine's; the norm of the "
            "coefficients peaks there too."
        ),
        paper=PAPER,
        differences=(
            "N counts real features, cosines and sines separately: with as many complex ones the curve could not peak "
            "at n.",
            f"Frequencies have a standard deviation of 1 / {random_features.BANDWIDTH:g}: the paper's main text does "
            "not give the bandwidth.",
            *random_features.DIFFERENCES,
        ),
        scaled=random_features.SCALED,
        cost=random_features.COST,
        reported=REPORTED,
        sweep=sweep,
        measure=measure,
        views=tuple(partial(_figure, quantity) for quantity in ("test_error", "test_loss", "norm")),
        check=check,
        seen_as="pixels divided by 255",
    )
