"""From rows to a judgement, as pure functions: nothing is trained, read or drawn here."""

from gengap.verdicts.comparison import Comparison, Verdict
from gengap.verdicts.normalised_line import Line, Remainder, line, remainder
from gengap.verdicts.promises import Promise, promise_lines, promises

__all__ = [
    # a paper's number beside ours
    "Comparison",
    "Verdict",
    # classical capacity on trial
    "Promise",
    "promise_lines",
    "promises",
    # the line of normalised losses
    "Line",
    "Remainder",
    "line",
    "remainder",
]
