"""What a ranking says in sentences."""

import math

import pandas as pd

from gengap.ranking import FEWEST_SETTINGS, Grid


def sentence(table: pd.DataFrame, grid: Grid) -> str:
    """The best measure, whether it beats its own null, and how it fails at worst."""
    known = table[table["granulated_tau"].notna()]
    networks = f"{len(grid):,} networks of {grid.n_settings:,} settings"
    if known.empty:
        return f"No measure of {networks} can be ranked: no two networks differ in one hyperparameter alone."
    best = known.iloc[0]
    above = int((table["cmi"] > table["cmi_null_high"]).sum())
    text = (
        f"Of {len(table)} measures on {networks}, {best['measure']} orders the gaps best: granulated tau "
        f"{number(best['granulated_tau'], best['granulated_tau_low'], best['granulated_tau_high'])}. "
        f"{above} of {len(table)} carry more information about the order than a permuted measure does."
    )
    worst = best["worst_sign_error"]
    if math.isfinite(worst):
        text += f" At worst it orders {worst:.0%} of the pairs wrongly ({best['worst_environment']}); a coin, 50%."
    return text


def cautions(table: pd.DataFrame, grid: Grid, n_test: int | None) -> list[str]:
    """What limits the conclusions, each in a sentence."""
    found = []
    if grid.n_settings < FEWEST_SETTINGS:
        found.append(
            f"With {grid.n_settings} settings there are no intervals, and little can be concluded: chance alone gives "
            "large correlations."
        )
    if grid.dropped:
        found.append(f"{grid.dropped} rows without a gap or a hyperparameter are left out.")
    partial = table.loc[table["n"] < len(grid), "measure"]
    if len(partial):
        found.append(f"Pairs without a value are left out for {', '.join(partial)}.")
    if n_test is None:
        found.append(
            "Sign-errors weigh all pairs alike; --n-test discounts differences that the test set cannot resolve."
        )
    discarded = int(table["environments_discarded"].max())
    if discarded:
        found.append(f"Up to {discarded} environments have too few pairs for a sign-error and are left out.")
    lonely = [name for name in grid.levels if not len(grid.pairs_along(name))]
    if lonely:
        found.append(f"No two networks differ in {' or '.join(lonely)} alone, which therefore has no granulated tau.")
    found.append("A mean over hyperparameters hides failures: read the worst sign-error beside it.")
    return found


def number(value: float, low: float, high: float) -> str:
    """A correlation with its interval.

    >>> number(0.5, 0.41, 0.6), number(0.5, float("nan"), float("nan"))
    ('0.50 (0.41 to 0.60)', '0.50')
    """
    return f"{value:.2f} ({low:.2f} to {high:.2f})" if math.isfinite(low) else f"{value:.2f}"
