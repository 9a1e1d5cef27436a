"""What the capacities of Neyshabur et al. 2019 share: delta, the margin, and a term for the confidence."""

import math

from gengap.measures.finding import NotDefined
from gengap.measures.subject import Subject
from gengap.network.passes import low_margin

DELTA = 0.01  # probability that a bound fails
MARGIN_PERCENT = 5  # of the training margins
GAMMA = "gamma the margin of rank m // 20 from below, where the authors' code interpolates the 5th percentile"


def margin(subject: Subject) -> float:
    """The 5th percentile gamma of the training margins, by rank, as ``low_margin`` takes it.

    Raises:
        NotDefined: It is not positive.
    """
    gamma = low_margin(subject.pass_.margins, MARGIN_PERCENT)
    if gamma <= 0:
        raise NotDefined(f"the {MARGIN_PERCENT}th percentile of the training margins is not positive: {gamma:.4g}")
    return gamma


def with_confidence(complexity: float, m: int) -> float:
    """``(R + 3 sqrt(ln(m / delta)))^2`` for m examples."""
    return (complexity + 3 * math.sqrt(math.log(m / DELTA))) ** 2
