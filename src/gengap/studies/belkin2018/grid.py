"""The grid of the study: data, learners, levels of noise, seeds."""

from dataclasses import dataclass

from gengap.studies.study import Scale

LEVELS: dict[Scale, tuple[float, ...]] = {
    "smoke": (0.0, 0.4),
    "desk": (0.0, 0.1, 0.2, 0.4, 0.6, 0.8),
    "paper": (0.0, 0.1, 0.2, 0.4, 0.6, 0.8),
}
DISTANCES = {"mixture, separable": 10.0, "mixture, overlapping": 2.0}  # of the means, in standard deviations
NAMED: dict[Scale, str] = {"smoke": "digits", "desk": "mnist", "paper": "mnist"}
DATA = ("digits", "mnist", *DISTANCES)  # in the order in which they are shown
FITS = {
    "Gaussian kernel": ("interpolating", "ridge", "early stopping"),
    "Laplacian kernel": ("interpolating", "ridge", "early stopping"),
    "nearest neighbours": ("interpolating", "more neighbours"),
    "random forest": ("interpolating", "larger leaves"),
}
KERNELS = ("Gaussian kernel", "Laplacian kernel")
EXAMPLES: dict[Scale, tuple[int, int | None]] = {"smoke": (100, 100), "desk": (1_000, 3_000), "paper": (10_000, None)}
SEEDS: dict[Scale, tuple[int, ...]] = {"smoke": (0,), "desk": (0, 1), "paper": (0, 1, 2)}
TREES: dict[Scale, int] = {"smoke": 5, "desk": 20, "paper": 100}
WHOLE = 60_000  # training examples of MNIST, of which the paper's numbers are
MIXTURE_TEST = 10_000  # test points of a mixture, where all are taken


@dataclass(frozen=True)
class Config:
    """One learner on one labelling."""

    scale: Scale
    data: str
    method: str
    fit: str
    level: float
    examples: int
    seed: int = 0


def sweep(scale: Scale) -> list[Config]:
    """All learners, interpolating and regularised, at every level of noise; the paper's own two besides."""
    grid = [
        Config(scale, data, method, fit, level, EXAMPLES[scale][0], seed)
        for data in (NAMED[scale], *DISTANCES)
        for seed in SEEDS[scale]
        for method, fits in FITS.items()
        for fit in fits
        for level in LEVELS[scale]
    ]
    whole = [Config(scale, "mnist", method, "interpolating", 0.0, WHOLE) for method in KERNELS]
    return grid + (whole if scale == "paper" else [])
