"""What the rows of the paper's lines have to show; each figure claims some of these parts."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gengap.studies.study import Row

if TYPE_CHECKING:
    from gengap.verdicts import ClaimPart

Part = Callable[[Sequence[Row]], "ClaimPart"]
NEAR_LINE = 0.9  # least R2 of networks that lie near a line; the paper prints 0.966 to 0.9998
NEAR_ONE = 0.25  # largest distance of a slope near 1 from it; the paper prints 0.81 to 0.88
ONE_LOSS = 0.2  # of the range of test losses: the range of training losses that are one
LEAST = 3  # networks of a line
GROWS = 0.5  # Kendall's tau from which one quantity grows with another: three of four pairs are in order
ALMOST_ONE_LOSS = 0.1  # of their mean: the range of training losses that are almost the same


def near_a_line(rows: Sequence[Row]) -> "ClaimPart":
    """Whether normalised test loss is nearly linear in normalised training loss, on every line."""
    from gengap.verdicts import span

    def decide(lines: list[Row]) -> tuple[bool, str]:
        measured = [row["r2"] for row in lines]
        return min(measured) >= NEAR_LINE, f"R2 {span(measured, '.4f')} (see what is left beyond the common point)"

    return _over_networks("normalised losses lie near a line", _lines(rows), ["r2", "n"], decide)


def slope_near_one(rows: Sequence[Row]) -> "ClaimPart":
    """Whether every line's slope is near 1."""
    from gengap.verdicts import span

    def decide(lines: list[Row]) -> tuple[bool, str]:
        measured = [row["slope"] for row in lines]
        return max(abs(slope - 1) for slope in measured) <= NEAR_ONE, f"slope {span(measured, '.4f')}"

    return _over_networks("the slope is near 1", _lines(rows), ["slope", "n"], decide)


def one_training_loss(rows: Sequence[Row]) -> "ClaimPart":
    """Whether the networks of each line have training losses that differ far less than their test losses."""
    from gengap.verdicts import span

    def decide(networks: list[Row]) -> tuple[bool, str]:
        measured = []
        for line in {_line(row) for row in networks}:
            own = [row for row in networks if _line(row) == line]
            measured.append(_range(own, "train_loss") / max(_range(own, "test_loss"), 1e-300))
        return max(measured) <= ONE_LOSS, f"range of training losses {span(measured)} of that of test losses"

    part = "the networks have one training loss and different test losses"
    return _over_networks(part, _networks(rows), ["train_loss", "test_loss"], decide)


def almost_one_training_loss(rows: Sequence[Row]) -> "ClaimPart":
    """Whether the networks' training losses are almost the same."""

    def decide(networks: list[Row]) -> tuple[bool, str]:
        mean = sum(row["train_loss"] for row in networks) / len(networks)
        part = _range(networks, "train_loss") / max(mean, 1e-300)
        return part <= ALMOST_ONE_LOSS, f"training losses differ by {part:.1%} of their mean"

    return _over_networks("the networks have almost the same training loss", _networks(rows), ["train_loss"], decide)


def product_grows(rows: Sequence[Row]) -> "ClaimPart":
    """Whether the product of norms orders the networks as their test errors do, on every line."""
    from gengap.verdicts import span

    def decide(lines: list[Row]) -> tuple[bool, str]:
        measured = [row["tau_product_norm"] for row in lines]
        return min(measured) >= GROWS, f"Kendall's tau {span(measured, '.2f')}"

    part = "the product of norms grows with the test error"
    return _over_networks(part, _lines(rows), ["tau_product_norm", "n"], decide)


def random_labels_too(rows: Sequence[Row]) -> "ClaimPart":
    """Whether networks on random labels are among those of the line."""

    def decide(networks: list[Row]) -> tuple[bool, str]:
        count = sum(bool(row["random_labels"]) for row in networks)
        return 0 < count < len(networks), f"{count} of {len(networks)} networks"

    return _over_networks(
        "some of the networks have random labels", _networks(rows), ["random_labels", "train_loss"], decide
    )


def _over_networks(
    part: str, rows: Sequence[Row], columns: Sequence[str], decide: "Callable[[list[Row]], tuple[bool, str]]"
) -> "ClaimPart":
    """A part about lines through networks, of which some differ in their seed alone, so that all are judged together.

    Each line has at least three networks: through two there always is one.
    """
    from gengap.verdicts import claim_part, present

    def judged(own: list[Row]) -> tuple[bool, str]:
        for line in {_line(row) for row in own}:
            here = [row for row in own if _line(row) == line]
            present(range(max(row.get("n") or len(here) for row in here)), "networks of a line:", LEAST)
        return decide(own)

    return claim_part(part, rows, columns, judged, seeds_together=True)


def checked(*parts: Part) -> Callable[[Sequence[Row]], "list[ClaimPart]"]:
    """The check of a study from the parts of its claim."""
    return lambda rows: [part(rows) for part in parts]


def _lines(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.get("kind") == "line"]


def _networks(rows: Sequence[Row]) -> list[Row]:
    """Networks with a result; one that diverged is no point of its line."""
    return [row for row in rows if row.get("kind") == "network" and row.get("status") != "diverged"]


def _line(row: Row) -> tuple[str, str, str]:
    return row["figure"], row["model"], row["method"]


def _range(rows: Sequence[Row], column: str) -> float:
    values = [row[column] for row in rows]
    return float(max(values) - min(values))
