"""What the rows of a double-descent curve have to show: the peak, where it lies, and the descent beyond."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gengap.studies.study import Row

if TYPE_CHECKING:
    from gengap.verdicts import ClaimPart

FALLEN = 0.9  # of the peak: a loss beyond it that is at most so much has fallen again
NEAR_LIMIT = 0.2  # of the kernel machine's loss: how near the largest N comes to it
FITTED = 0.05  # training error up to which a curve comes close enough to interpolation to peak there


def by_seed(rows: Sequence[Row], capacity: str) -> list[list[Row]]:
    """The curves of several seeds, each in order of capacity."""
    seeds = sorted({row["seed"] for row in rows})
    return [sorted((r for r in rows if r["seed"] == seed), key=lambda r: float(r[capacity])) for seed in seeds]


def curves(rows: Sequence[Row], capacity: str) -> list[tuple[str, bool, list[Row]]]:
    """The rows without and with noise in the labels: a suffix for the part, whether it is the paper's, the rows."""
    noises = sorted({row["noise"] for row in rows})
    return [
        (
            f", with {noise:.0%} noise in the labels" if noise else "",
            not noise,
            [r for r in rows if r["noise"] == noise],
        )
        for noise in noises
    ]


def peaks_at(rows: Sequence[Row], suffix: str, threshold: float, words: str, of_paper: bool) -> "ClaimPart":
    """Whether the peak's neighbours on the grid enclose the threshold, on every curve."""
    from gengap.verdicts import claim_part

    def decide(done: list[Row]) -> tuple[bool, str]:
        enclosed = all(row["peak_low"] <= threshold <= row["peak_high"] for row in done)
        row = done[0]
        return enclosed, f"highest at {row['peak_at']:g}, between {row['peak_low']:g} and {row['peak_high']:g}"

    needed = ["test_loss", "peak_at", "peak_low", "peak_high"]
    return claim_part(f"the test loss peaks at {threshold:g} {words}{suffix}", rows, needed, decide, of_paper=of_paper)


def falls_again(rows: Sequence[Row], suffix: str, capacity: str, of_paper: bool) -> "ClaimPart":
    """Whether the loss at the largest capacity is well below that at the peak, on every curve."""
    from gengap.verdicts import claim_part, present, span

    def decide(done: list[Row]) -> tuple[bool, str]:
        ends = [
            (
                present((r["test_loss"] for r in curve if r[capacity] > r["peak_at"]), "the curve past its peak")[-1],
                _at_peak(curve, capacity)["test_loss"],
            )
            for curve in by_seed(done, capacity)
        ]
        figures = f"{span([last for last, _ in ends])} at the end, {span([peak for _, peak in ends])} at the peak"
        return all(last <= FALLEN * peak for last, peak in ends), figures

    part = f"beyond the peak the test loss falls again{suffix}"
    return claim_part(part, rows, [capacity, "test_loss", "peak_at"], decide, of_paper=of_paper)


def falls_below(rows: Sequence[Row], suffix: str, capacity: str, threshold: float, of_paper: bool) -> "ClaimPart":
    """Whether more than the threshold give a clearly smaller loss than any fewer do, on every curve."""
    from gengap.verdicts import claim_part, clearly_less, present, span

    def decide(done: list[Row]) -> tuple[bool, str]:
        pairs = [
            [
                min(present((row["test_loss"] for row in curve if keep(row[capacity])), f"one side of {threshold:g}"))
                for keep in _sides(threshold)
            ]
            for curve in by_seed(done, capacity)
        ]
        figures = f"least {span([fewer for fewer, _ in pairs])} below, {span([more for _, more in pairs])} beyond"
        return all(clearly_less(more, fewer) for fewer, more in pairs), figures

    part = f"beyond {threshold:g} the test loss falls below what fewer give{suffix}"
    return claim_part(part, rows, ["test_loss"], decide, of_paper=of_paper)


def norm_peaks(rows: Sequence[Row], suffix: str, capacity: str, of_paper: bool) -> "ClaimPart":
    """Whether the norm is largest where the test loss peaks, to the resolution of the grid."""
    from gengap.verdicts import claim_part

    def decide(done: list[Row]) -> tuple[bool, str]:
        largest = [max(curve, key=lambda row: row["norm"]) for curve in by_seed(done, capacity)]
        inside = all(row["peak_low"] <= row[capacity] <= row["peak_high"] for row in largest)
        return inside, f"largest at {largest[0][capacity]:g}"

    part = f"the norm of the coefficients peaks with the test loss{suffix}"
    return claim_part(part, rows, ["norm", "peak_low", "peak_high"], decide, of_paper=of_paper)


def reaches_limit(
    rows: Sequence[Row], limits: Sequence[Row], suffix: str, capacity: str, of_paper: bool
) -> "ClaimPart":
    """Whether the largest capacity comes near the kernel machine's loss."""
    from gengap.verdicts import claim_part, present, span

    def decide(done: list[Row]) -> tuple[bool, str]:
        ends = [curve[-1]["test_loss"] for curve in by_seed([r for r in done if r[capacity] is not None], capacity)]
        least = present((row["test_loss"] for row in done if row[capacity] is None), "the kernel machine")[0]
        near = all(abs(end - least) <= NEAR_LIMIT * least for end in present(ends, "so many features"))
        return near, f"{span(ends)} at the end, {least:.3g} of the kernel machine"

    part = f"the test loss falls to about the kernel machine's{suffix}"
    return claim_part(part, [*rows, *limits] if limits else [], ["test_loss"], decide, of_paper=of_paper)


def fits_at(rows: Sequence[Row], suffix: str, capacity: str, threshold: float, of_paper: bool) -> "ClaimPart":
    """Whether the curve nearly interpolates from the threshold on: nothing can peak there else."""
    from gengap.verdicts import claim_part, span

    def decide(done: list[Row]) -> tuple[bool, str]:
        errors = [row["train_error"] for row in done]
        return max(errors) <= FITTED, f"training errors of {span(errors, '.1%')}"

    from_there = [row for row in rows if row.get(capacity) is None or row[capacity] >= threshold]
    part = f"from {threshold:g} on the training error is at most {FITTED:.0%}{suffix}"
    return claim_part(part, from_there, [capacity, "train_error"], decide, of_paper=of_paper)


def _at_peak(curve: Sequence[Row], capacity: str) -> Row:
    return next(row for row in curve if row[capacity] == row["peak_at"])


def _sides(threshold: float) -> tuple[Callable[[float], bool], Callable[[float], bool]]:
    return (lambda capacity: capacity < threshold), (lambda capacity: capacity > threshold)
