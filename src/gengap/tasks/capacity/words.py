"""Capacity on trial in one or two sentences."""

import pandas as pd

from gengap.verdicts import capacity_counts


def capacity_verdict(promises: pd.DataFrame) -> str:
    """How many of the classical measures promise anything.

    Args:
        promises: Lines of ``gengap.verdicts.promise_lines``.
    """
    counts = capacity_counts(promises)
    return (
        f"Of {counts.classical} promises that classical measures of capacity could make for these networks, "
        f"{counts.inapplicable} do not apply, {counts.refuted} are refuted by training, and {counts.useful or 'none'} "
        f"of the others {'are' if counts.useful > 1 else 'is'} an error below 100%."
    )
