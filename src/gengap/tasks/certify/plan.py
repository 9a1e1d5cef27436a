"""How many held-out examples to set aside."""

from dataclasses import asdict, dataclass
from typing import Any

from gengap import bounds
from gengap.tasks.certify.words import confidence, percent, scope


@dataclass(frozen=True)
class Plan:
    """The size of a held-out set that a promise needs.

    Attributes:
        n: Held-out examples needed.
        gap: How far the bound may lie above the error rate seen.
        tried: Models to be compared on them.
        delta: Probability that the bound fails for any of them.
        expected_error: The error rate up to which this holds; None for whatever error rate.
        scope: Where this holds.
    """

    n: int
    gap: float
    tried: int
    delta: float
    expected_error: float | None
    scope: str

    def to_json(self) -> dict[str, Any]:
        """The plan as a dict that ``json.dumps`` takes."""
        return asdict(self)

    @property
    def notes(self) -> list[str]:
        """What is to be said beside the plan."""
        return ["Bound: Clopper-Pearson, the headline of a certificate for 0-1 loss."]

    @property
    def sentence(self) -> str:
        """The plan in one sentence."""
        models = "one model" if self.tried == 1 else f"{self.tried:,} models"
        error = (
            "whatever the error rate"
            if self.expected_error is None
            else (f"as long as the error rate seen is at most {percent(self.expected_error)}")
        )
        return (
            f"{self.n:,} held-out examples let you compare {models} and promise, with {confidence(self.delta)} "
            f"confidence, a true error rate at most {self.gap:g} above the one seen, {error}."
        )


def plan(*, gap: float, tried: int = 1, delta: float = 0.05, expected_error: float | None = None) -> Plan:
    """The held-out examples that keep the Clopper-Pearson bound within ``gap`` of the error rate seen.

    Args:
        gap: How far the bound may lie above the error rate seen, in (0, 1).
        tried: Models to be compared on the examples, at least 1.
        delta: Probability that the bound fails for any of them, in (0, 1).
        expected_error: Error rate that will not be exceeded, in [0, 1]; None plans for the worst case.

    Raises:
        InputError: An argument is out of its range, or more than a billion examples would be needed.
    """
    n = bounds.examples_needed(gap, tried, delta, expected_error)
    return Plan(n, gap, int(tried), float(delta), expected_error, scope("example"))
