"""The intervals that evaluation tools report, written out; ``peers_check.py`` compares them with the tools' functions.

Shares of right answers: ``k`` of ``n``, any shapes; clusters: ``hits`` in each of several clusters of ``size`` answers.
"""

from typing import Any

import numpy as np
from scipy import stats

LEVEL = 0.95
Z = float(stats.norm.ppf(0.5 + LEVEL / 2))


def standard_error(k: Any, n: int) -> Any:
    """Of the mean, with divisor n - 1: ``stderr`` of inspect_ai and ``mean_stderr`` of lm-evaluation-harness."""
    p = np.asarray(k) / n
    return np.sqrt(p * (1 - p) / (n - 1))


def wald(k: Any, n: int) -> tuple[Any, Any]:
    """The mean and 1.96 standard errors, as the standard error that lm-evaluation-harness reports is mostly used."""
    p, half = np.asarray(k) / n, Z * standard_error(k, n)
    return p - half, p + half


def student(k: Any, n: int) -> tuple[Any, Any]:
    """``ci`` of inspect_ai: the mean and Student's quantile, of n - 1 degrees of freedom, times the standard error."""
    p, half = np.asarray(k) / n, stats.t.ppf(0.5 + LEVEL / 2, n - 1) * standard_error(k, n)
    return p - half, p + half


def wilson(k: Any, n: Any, quantile: float = Z) -> tuple[Any, Any]:
    """Wilson's interval for a share: ``ci_wilson`` of inspect_ai, and of evalstats for right and wrong."""
    p = np.asarray(k) / n
    middle, half = p + quantile**2 / (2 * n), quantile * np.sqrt(p * (1 - p) / n + quantile**2 / (4 * n**2))
    return (middle - half) / (1 + quantile**2 / n), (middle + half) / (1 + quantile**2 / n)


def clustered_standard_error(hits: Any, size: int) -> float:
    """``stderr(cluster=)`` of inspect_ai: the clusters' sums of deviations, times G / (G - 1) for G clusters."""
    hits = np.asarray(hits)
    count, total = hits.size, hits.size * size
    deviations = hits - size * hits.sum() / total
    return float(np.sqrt(np.sum(deviations**2) * count / (count - 1)) / total)


def clustered_student(hits: Any, size: int) -> tuple[float, float]:
    """``ci(cluster=)`` of inspect_ai: Student's quantile of G - 1 degrees of freedom."""
    hits = np.asarray(hits)
    p = hits.sum() / (hits.size * size)
    half = stats.t.ppf(0.5 + LEVEL / 2, hits.size - 1) * clustered_standard_error(hits, size)
    return float(p - half), float(p + half)


def clustered_wilson(hits: Any, size: int) -> tuple[float, float]:
    """``ci_wilson(cluster=)`` of inspect_ai: Wilson's with an effective n, and Student's quantile."""
    hits = np.asarray(hits)
    total = hits.size * size
    p, variance = hits.sum() / total, clustered_standard_error(hits, size) ** 2
    n = min(p * (1 - p) / variance, total) if p * (1 - p) > 0 and variance > 0 else total
    low, high = wilson(p * n, n, float(stats.t.ppf(0.5 + LEVEL / 2, hits.size - 1)))
    return max(float(low), 0.0), min(float(high), 1.0)
