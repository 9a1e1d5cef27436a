"""Classical capacity on trial: how many of the promises of several networks' measures say anything."""

from typing import NamedTuple

import pandas as pd

from gengap.verdicts.promises import ABSENT, LOWER, UPPER

HELD_OUT = "held-out"  # how the name of the one measure begins that is no measure of capacity


class CapacityCounts(NamedTuple):
    """Promises of classical measures of capacity, counted.

    Attributes:
        classical: Promises that have a result or are refused; of these
        inapplicable: have no bound, because the measure does not apply;
        refuted: are lower estimates, found by training, that leave no bound below 1;
        useful: are upper bounds on the error below 1.
    """

    classical: int
    inapplicable: int
    refuted: int
    useful: int


def capacity_counts(promises: pd.DataFrame) -> CapacityCounts:
    """How many of the promises that classical measures could make say anything.

    Args:
        promises: Lines of ``promise_lines``.
    """
    classical = _classical(promises[promises["promises"] != ABSENT])
    bound = pd.to_numeric(classical["bound"])
    return CapacityCounts(
        classical=len(classical),
        inapplicable=int(bound.isna().sum()),
        refuted=int((classical["kind"].eq(LOWER) & (bound >= 1)).sum()),
        useful=int((classical["kind"].eq(UPPER) & (bound < 1)).sum()),
    )


def least_bounds(promises: pd.DataFrame) -> pd.DataFrame:
    """The least classical bound on the error of each network, beside its error on the test set.

    Args:
        promises: Lines of ``promise_lines``.

    Returns:
        Columns ``network``, ``labels``, ``bound`` and ``test_error``, NaN where there is none.
    """
    lines = [
        {
            "network": network,
            "labels": labels,
            "bound": pd.to_numeric(_classical(group)["bound"]).min(),
            "test_error": group["test_error"].iloc[0],
        }
        for (network, labels), group in promises.groupby(["network", "labels"], sort=False)
    ]
    return pd.DataFrame(lines, columns=["network", "labels", "bound", "test_error"])


def _classical(promises: pd.DataFrame) -> pd.DataFrame:
    return promises[~promises["measure"].str.startswith(HELD_OUT)]
