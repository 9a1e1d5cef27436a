"""``rank_measures``: every statistic of every measure over a grid."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gengap.ranking.concordance import granulated_tau, kendall_tau
from gengap.ranking.grid import Grid
from gengap.ranking.information import Information, conditional_information
from gengap.ranking.sign_error import SignError, sign_error
from gengap.ranking.uncertainty import Bootstrap, information_null

if TYPE_CHECKING:
    import pandas as pd

PAIRS = 50_000  # for conditional information and its null
Progress = Callable[[int, int, str], None]


def rank_measures(
    grid: Grid,
    *,
    n_test: int | None = None,
    pairs: int = PAIRS,
    seed: int = 0,
    progress: Progress = lambda done, total, name: None,
) -> "pd.DataFrame":
    """One row for each measure, the one with the largest granulated tau first.

    Columns:

    - ``measure``; ``n``, rows with a value; ``reason`` where some or all have none.
    - ``kendall_tau`` (tau-b) and ``granulated_tau`` (Psi), each with an interval ``…_low``, ``…_high``; ``psi``,
      hyperparameter -> its part of Psi. Intervals are percentile intervals of level 95 % of a bootstrap over settings,
      NaN with fewer than ten settings.
    - ``cmi``; ``cmi_given``, the conditioning set at which it is least; ``cmi_null``, mean of ten permuted measures;
      ``cmi_null_high``, the largest of them; ``cmi_pairs``.
    - ``worst_sign_error``, ``worst_environment``, ``mean_sign_error``; ``environments``, how many have enough pairs,
      ``environments_discarded``, how many do not; ``sign_errors``, every one.

    Args:
        grid: The networks.
        n_test: Number of test examples behind each gap; see ``sign_error``.
        pairs: Most pairs on which conditional information is counted; more are sampled.
        seed: Of what is sampled.
        progress: Called with (done, total, name) when a measure's row is done.
    """
    import pandas as pd

    shared, bootstrap = grid.pairs(most=pairs, seed=seed), Bootstrap(grid, seed=seed)
    rows = []
    for name, values in grid.measures.items():
        row: dict[str, Any] = {"measure": name, "n": int(np.isfinite(values).sum())}
        row["kendall_tau"] = kendall_tau(values, grid.gap)
        row["kendall_tau_low"], row["kendall_tau_high"] = bootstrap.tau(values)
        psi = granulated_tau(grid, values)
        row |= {"granulated_tau": psi.value, "psi": psi.along}
        row["granulated_tau_low"], row["granulated_tau_high"] = bootstrap.granulated(values)
        information = conditional_information(grid, values, shared)
        null = information_null(grid, values, shared, seed=seed) if information.pairs else np.full(1, np.nan)
        row |= _information(information, null) | _errors(sign_error(grid, values, n_test=n_test))
        row["reason"] = _reason(values, row["n"])
        rows.append(row)
        progress(len(rows), len(grid.measures), name)
    texts = {name: pd.Series([row[name] for row in rows], dtype=object) for name in ("reason", "worst_environment")}
    frame = pd.DataFrame(rows).assign(**texts)  # None stays None
    best_first = frame["granulated_tau"].sort_values(ascending=False, na_position="last", kind="stable").index
    return frame.loc[best_first].reset_index(drop=True)


def _information(result: Information, null: Any) -> dict[str, Any]:
    return {
        "cmi": result.value,
        "cmi_given": list(result.given),
        "cmi_null": float(np.mean(null)),
        "cmi_null_high": float(np.max(null)),
        "cmi_pairs": result.pairs,
    }


def _errors(result: SignError) -> dict[str, Any]:
    worst = result.environments[0] if result.environments else None
    return {
        "worst_sign_error": result.worst,
        "worst_environment": f"{worst.hyperparameter}: {worst.low} against {worst.high}" if worst else None,
        "mean_sign_error": result.mean,
        "environments": len(result.environments),
        "environments_discarded": result.discarded,
        "sign_errors": [environment._asdict() for environment in result.environments],
    }


def _reason(values: Any, n: int) -> str | None:
    if n < 2:
        return f"a value in {n} of {len(values)} rows"
    if np.ptp(values[np.isfinite(values)]) == 0:
        return "the measure is constant"
    if n == len(values):
        return None
    return f"{len(values) - n} row{'s' * (len(values) - n > 1)} without a value left out, pair by pair"
