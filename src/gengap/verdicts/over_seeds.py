"""The cells of a randomization test pooled over their seeds: time to fit, test error, and the gap."""

import pandas as pd

_COLUMNS = ["model", "level", "mean", "low", "high", "n", "at_least"]


def time_to_fit(named: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """Time to fit at each level of label corruption, and whether it is relative to level 0 (else: in epochs).

    Finished cells whose epochs are known only. Relative to the mean over seeds at level 0, where every seed fitted.
    Where some seeds of a level did not fit, the epochs that they were trained stand in, and the point is marked
    ``at_least``.

    Args:
        named: Rows as ``with_conditions`` returns them.

    Returns:
        Columns ``model``, ``level``, ``mean``, ``low``, ``high``, ``n`` and ``at_least``; and the flag.
    """
    results = named[(named["status"] == "done") & named["label_level"].notna() & named["epochs"].notna()]
    fit = pd.to_numeric(results["epochs_to_fit"])
    base = fit[results["label_level"] == 0].mean(skipna=False)
    relative = bool(base > 0)
    times = fit.fillna(results["epochs"]) / (base if relative else 1)
    return _pooled(results.assign(value=times.astype(float), at_least=fit.isna())), relative


def error_by_level(named: pd.DataFrame) -> pd.DataFrame:
    """Test error at the end of training at each level of label corruption, finished cells only; columns as above."""
    done = named[(named["status"] == "done") & named["label_level"].notna() & named["test_accuracy"].notna()]
    return _pooled(done.assign(value=1 - done["test_accuracy"], at_least=False))


def error_by_condition(named: pd.DataFrame) -> pd.DataFrame:
    """Mean training and test error of each condition over its finished cells, with the range of the test error."""
    done = named[(named["status"] == "done") & named["test_accuracy"].notna()]
    errors = done.assign(train_error=1 - done["train_accuracy"], test_error=1 - done["test_accuracy"])
    grouped = errors.groupby("condition", sort=False)
    points: pd.DataFrame = grouped.agg(
        train_error=("train_error", "mean"),
        test_error=("test_error", "mean"),
        low=("test_error", "min"),
        high=("test_error", "max"),
        n=("seed", "size"),
    ).reset_index()
    return points


def _pooled(rows: pd.DataFrame) -> pd.DataFrame:
    grouped = rows.groupby(["model", "label_level"], sort=True)
    points = grouped.agg(
        mean=("value", "mean"),
        low=("value", "min"),
        high=("value", "max"),
        n=("value", "size"),
        at_least=("at_least", "any"),
    ).reset_index()
    return points.rename(columns={"label_level": "level"})[_COLUMNS]
