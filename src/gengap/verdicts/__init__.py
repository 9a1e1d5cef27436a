"""From rows to a judgement, as pure functions: nothing is trained, read or drawn here."""

from gengap.verdicts.capacity import CapacityCounts, capacity_counts, least_bounds
from gengap.verdicts.claims import (
    ClaimPart,
    Finding,
    MissingRows,
    claim_part,
    clearly_less,
    largest_rise,
    learned,
    means,
    present,
    span,
    whole_claim,
)
from gengap.verdicts.comparison import Comparison, Verdict
from gengap.verdicts.conditions import with_conditions
from gengap.verdicts.gates import Gate, judge
from gengap.verdicts.learned_share import LearnedShare, learned_share
from gengap.verdicts.memorisation import label_bits, memorisation
from gengap.verdicts.memorised_bits import Capacity, capacity, memorised_bits
from gengap.verdicts.normalised_line import Line, Remainder, line, remainder
from gengap.verdicts.over_seeds import error_by_condition, error_by_level, time_to_fit
from gengap.verdicts.promises import Promise, promise_lines, promises

__all__ = [
    # learned or memorised
    "LearnedShare",
    "learned_share",
    # conditions on a report
    "Gate",
    "judge",
    # the randomization test
    "error_by_condition",
    "error_by_level",
    "label_bits",
    "memorisation",
    "time_to_fit",
    "with_conditions",
    # a claim against its rows
    "ClaimPart",
    "Finding",
    "MissingRows",
    "claim_part",
    "clearly_less",
    "largest_rise",
    "learned",
    "means",
    "present",
    "span",
    "whole_claim",
    # a paper's number beside ours
    "Comparison",
    "Verdict",
    # classical capacity on trial
    "CapacityCounts",
    "Promise",
    "capacity_counts",
    "least_bounds",
    "promise_lines",
    "promises",
    # random data in bits
    "Capacity",
    "capacity",
    "memorised_bits",
    # the line of normalised losses
    "Line",
    "Remainder",
    "line",
    "remainder",
]
