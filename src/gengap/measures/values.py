"""Finding: what a measure found, how far it can be trusted, and what it left out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["ok", "partial", "skipped", "not converged"]
LARGEST_LOG, SMALLEST_LOG = math.log(1.7e308), math.log(2.3e-308)


@dataclass(frozen=True)
class Finding:
    """The outcome of one measure on one network.

    Attributes:
        value: The paper's mu; None where there is none, or where it is beyond float64 (then see ``log_value``).
        status: ``ok``; ``partial``: something in the network that the definition counts is left out; ``skipped``;
            ``not converged``: an iteration or search ended early.
        reason: Why it is not ``ok``, or why a number is missing.
        not_covered: Names of the layers left out.
        log_value: Natural logarithm of mu, where it is computed by logarithms.
        details: Brackets, residuals, sizes of subsets.
    """

    value: float | None
    status: Status = "ok"
    reason: str = ""
    not_covered: tuple[str, ...] = ()
    log_value: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def skipped(reason: str, *not_covered: str) -> Finding:
    """No value, for this reason and, it may be, because of these layers."""
    return Finding(None, "skipped", reason, not_covered)


def from_log(log_value: float, **fields: Any) -> Finding:
    """The Finding of exp(``log_value``), whose value is null where float64 cannot hold it, or not as above 0.

    Args:
        log_value: Natural logarithm of mu; minus infinity for mu = 0.
        fields: Other fields of the Finding.
    """
    if log_value == math.inf or math.isnan(log_value):
        return skipped("what it is made of is beyond float64")
    if log_value > LARGEST_LOG or SMALLEST_LOG > log_value > -math.inf:
        reason = fields.pop("reason", "") or f"beyond float64: its natural logarithm is {log_value:.6g}"
        return Finding(None, log_value=log_value, reason=reason, **fields)
    return Finding(math.exp(log_value), log_value=log_value if math.isfinite(log_value) else None, **fields)


def scaled(value: float, log_factor: float, **fields: Any) -> Finding:
    """The Finding of ``value * exp(log_factor)``, by logarithms where float64 cannot hold that.

    Args:
        value: At least 0.
        log_factor: Natural logarithm of a factor that may itself be beyond float64.
        fields: Other fields of the Finding.

    >>> scaled(3.0, 0.0).value, round(scaled(2.0, -2000.0).log_value, 6)
    (3.0, -1999.306853)
    """
    log_value = math.log(value) + log_factor if value > 0 else -math.inf
    if log_value == -math.inf or SMALLEST_LOG <= log_value <= LARGEST_LOG:
        half = math.exp(log_factor / 2) if value > 0 else 0.0
        return Finding(value * half * half, **fields)
    return from_log(log_value, **fields)


class NotDefined(Exception):  # noqa: N818  it is no error: a row says so
    """Raised inside a measure where its definition does not apply to the network; its row is ``skipped``.

    Args:
        reason: Why.
        not_covered: Names of the layers that it is for.
    """

    def __init__(self, reason: str, *not_covered: str):
        super().__init__(reason)
        self.finding = skipped(reason, *not_covered)
