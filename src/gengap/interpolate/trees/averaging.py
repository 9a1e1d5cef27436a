"""The averaging argument: why the mean of interpolating trees is better than each of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap.arrays import Floats
from gengap.errors import InputError


@dataclass(frozen=True)
class Averaging:
    r"""What an average of trees gains on points that they were not grown on.

    With votes as 0 and 1, v_t for tree t, and their mean v: squared loss averages over points, sums over classes.

    Attributes:
        trees, points: How many.
        tree_error, forest_error: Mean error of single trees, and the error of their majority (first of equals).
        best_tree_error: Error of the best tree.
        tree_loss, forest_loss: Squared loss of single trees, on average, and of v; never larger for v.
        ambiguity: Mean squared distance of the trees from v: exactly tree_loss - forest_loss.
        correlation: Mean over pairs of trees of the correlation, over points, of being wrong; None with one tree, or
            where a tree is right, or wrong, everywhere.
        strength: Mean over points of (share of votes for the label) - (largest share of another class).
        bound: Breiman's rho (1 - s^2) / s^2 with s the strength and rho the mean correlation of raw margins on these
            points: at least the forest's error. None unless s > 0.
    """

    trees: int
    points: int
    tree_error: float
    forest_error: float
    best_tree_error: float
    tree_loss: float
    forest_loss: float
    ambiguity: float
    correlation: float | None
    strength: float
    bound: float | None


def averaging(predictions: ArrayLike, y: ArrayLike) -> Averaging:
    """What the majority of trees gains over single ones.

    Source: Krogh and Vedelsby 1995 for the ambiguity; Breiman 2001, "Random forests", Theorem 2.3 for the bound.

    Args:
        predictions: What each tree says of each point, ``[T, m]``, as ``votes`` gives it.
        y: Labels of the points, ``[m]``.

    Raises:
        InputError: Shapes that do not match, NaN, fewer than two classes.
    """
    said, truth = np.asarray(predictions), np.asarray(y)
    for name, labels in (("predictions", said), ("y", truth)):
        if labels.dtype.kind in "fc" and not np.isfinite(labels).all():
            raise InputError(f"{name} hold NaN or infinity.", expected="labels")
    if said.ndim != 2 or truth.ndim != 1 or said.shape[1] != len(truth) or not said.size:
        raise InputError(f"Predictions {said.shape} for labels {truth.shape}.", expected="[trees, points] and [points]")
    classes, encoded = np.unique(np.concatenate([said.ravel(), truth]), return_inverse=True)
    if len(classes) < 2:
        raise InputError("There is one class only.", expected="at least two classes among predictions and labels")
    said, truth = encoded[: said.size].reshape(said.shape), encoded[said.size :]
    wrong = said != truth
    shares = np.stack([(said == c).mean(axis=0) for c in range(len(classes))], axis=1)
    forest_loss = float(((shares - np.eye(len(classes))[truth]) ** 2).sum(axis=1).mean())
    margins, rivals = _margins(shares, truth)
    strength = float(margins.mean())
    raw = (said == truth).astype(np.float64) - (said == rivals)
    return Averaging(
        trees=len(said),
        points=len(truth),
        tree_error=float(wrong.mean()),
        forest_error=float(np.mean(shares.argmax(axis=1) != truth)),
        best_tree_error=float(wrong.mean(axis=1).min()),
        tree_loss=2 * float(wrong.mean()),
        forest_loss=forest_loss,
        ambiguity=float(1 - (shares**2).sum(axis=1).mean()),
        correlation=_mean_correlation(wrong),
        strength=strength,
        bound=_breiman(raw, margins, strength),
    )


def _margins(shares: Floats, truth: NDArray[Any]) -> tuple[Floats, NDArray[Any]]:
    """Share of the label less that of its strongest rival, and the rival."""
    rows = np.arange(len(truth))
    others = shares.copy()
    others[rows, truth] = -1
    rivals = others.argmax(axis=1)
    return shares[rows, truth] - shares[rows, rivals], rivals


def _mean_correlation(wrong: NDArray[np.bool_]) -> float | None:
    """By the variance of the sum of standardised columns: T + T (T - 1) times the mean correlation."""
    deviations = wrong - wrong.mean(axis=1, keepdims=True)
    spread = deviations.std(axis=1, keepdims=True)
    count = len(wrong)
    if count < 2 or not spread.all():
        return None
    together = float(((deviations / spread).sum(axis=0) ** 2).mean())
    return (together - count) / (count * (count - 1))


def _breiman(raw: Floats, margins: Floats, strength: float) -> float | None:
    """var(margin) = rho (mean sd)^2 defines rho, and E (sd)^2 <= 1 - s^2."""
    spread = float(raw.std(axis=1).mean())
    if strength <= 0 or spread == 0:
        return None
    rho = float(margins.var()) / spread**2
    return rho * (1 - strength**2) / strength**2
