"""What a ranking says in sentences."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gengap.errors import listed
from gengap.ranking import FEWEST_SETTINGS, Grid

REVERSE = -0.5  # granulated tau from which a measure is said to fall with the gap
MOST_NAMES = 20  # of columns, beyond which some are counted


def sentence(table: pd.DataFrame, grid: Grid) -> str:
    """The best measure, whether it beats its own null, and how it fails at worst."""
    known = table[table["granulated_tau"].notna()]
    networks = f"{len(grid):,} networks of {grid.n_settings:,} settings"
    if known.empty:
        return f"No measure of {networks} can be ranked: no two networks differ in one hyperparameter alone."
    best = known.iloc[0]
    tau = number(best["granulated_tau"], best["granulated_tau_low"], best["granulated_tau_high"])
    informative = list(table.loc[table["cmi"] > table["cmi_null_high"], "measure"])
    several = len(table) > 1
    if best["measure"] in informative and best["granulated_tau"] > 0:
        result = "orders the gaps best: granulated tau" if several else "orders the gaps with granulated tau"
    else:
        result = "has the largest granulated tau," if several else "has granulated tau"
    scope = f"Of {len(table)} measures on {networks}," if several else f"On {networks}"
    text = f"{scope} {best['measure']} {result} {tau}."
    text += f" {_informative(informative, len(table))}{_strongest(table, informative, best['measure'])}"
    worst = best["worst_sign_error"]
    if math.isfinite(worst):
        count = int(best["environments"])
        scope = f"the worst of {count:,} environments" if count > 1 else "the only environment with enough pairs"
        where = f"({best['worst_environment']}, {scope})"
        text += f" At worst {best['measure']} orders {worst:.0%} of the pairs wrongly {where}; a coin, 50%."
    return text


def _informative(names: Sequence[str], measures: int) -> str:
    """Which measures say more about the order of the gaps than a permuted one."""
    if measures == 1:
        more = "more" if names else "no more"
        return f"It carries {more} information about the order than a permuted measure does."
    if not names:
        return "None carries more information about the order than a permuted measure does."
    verb = "carries" if len(names) == 1 else "carry"
    return (
        f"{len(names)} of {measures} {verb} more information about the order than a permuted measure: {listed(names)}."
    )


def _strongest(table: pd.DataFrame, names: Sequence[str], best: str) -> str:
    """The granulated tau of the strongest measure with information, where the first of the table has none."""
    known = table[table["measure"].isin(names) & table["granulated_tau"].notna()]
    if known.empty or best in names:
        return ""
    row = max(known.to_dict("records"), key=lambda each: abs(each["granulated_tau"]))
    tau = number(row["granulated_tau"], row["granulated_tau_low"], row["granulated_tau_high"])
    reverse = ", in reverse" if row["granulated_tau"] < 0 else ""
    which = f"Of those that do {row['measure']} is the strongest, with" if len(known) > 1 else f"{row['measure']} has"
    return f" {best} does not. {which} granulated tau {tau}{reverse}."


def cautions(table: pd.DataFrame, grid: Grid, n_test: int | None) -> list[str]:
    """What limits the conclusions, each in a sentence."""
    found = [f"{name} is left out: {reason}." for name, reason in grid.left_out.items()]
    if grid.by_default:
        names = list(grid.measures)
        shown = ", ".join(names) if len(names) <= MOST_NAMES else listed(names)
        found.append(f"Measures were not named, so that these columns are taken for them: {shown}.")
    reverse = [row["measure"] for row in table.to_dict("records") if _reversed(row)]
    if reverse:
        verb = "orders" if len(reverse) == 1 else "order"
        found.append(f"{listed(reverse)} {verb} the gaps in reverse: a measure is taken to rise with the gap.")
    if grid.n_settings < FEWEST_SETTINGS:
        found.append(
            f"With {grid.n_settings} settings there are no intervals, and little can be concluded: chance alone gives "
            "large correlations."
        )
    if grid.dropped:
        rows = "1 row" if grid.dropped == 1 else f"{grid.dropped:,} rows"
        found.append(f"{rows} without a gap or a hyperparameter left out.")
    partial = table.loc[table["n"] < len(grid), "measure"]
    if len(partial):
        found.append(f"Pairs without a value are left out for {', '.join(partial)}.")
    if n_test is None:
        found.append(
            "Sign-errors weigh all pairs alike; --n-test discounts differences that the test set cannot resolve."
        )
    discarded = int(table["environments_discarded"].max())
    if discarded:
        found.append(f"Environments left out, as they have too few pairs for a sign-error: up to {discarded}.")
    sampled = [name for name in grid.levels if grid.sampled_along(name)]
    if sampled:
        found.append(
            f"Sign-errors along {listed(sampled)} are of a sample of the pairs: environments with few pairs in it are "
            "left out, and the worst error is biased upwards."
        )
    lonely = [name for name in grid.levels if not len(grid.pairs_along(name))]
    if lonely:
        found.append(f"No two networks differ in {' or '.join(lonely)} alone, which therefore has no granulated tau.")
    found.append("A mean over hyperparameters hides failures: read the worst sign-error beside it.")
    return found


def _reversed(row: Mapping[Any, Any]) -> bool:
    """Whether a measure falls with the gap, and not by chance."""
    return bool(row["granulated_tau"] <= REVERSE and not row["granulated_tau_high"] >= 0)


def number(value: float, low: float, high: float) -> str:
    """A correlation with its interval; a dash where there is none.

    >>> number(0.5, 0.41, 0.6), number(0.5, float("nan"), float("nan"))
    ('0.50 (0.41 to 0.60)', '0.50')
    """
    if not math.isfinite(value):
        return "–"
    return f"{value:.2f} ({low:.2f} to {high:.2f})" if math.isfinite(low) else f"{value:.2f}"
