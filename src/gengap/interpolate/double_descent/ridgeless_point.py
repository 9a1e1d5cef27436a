"""One point of a double-descent curve, and whether float64 resolves it."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

LARGEST_ROUNDING = 1e-2


@dataclass(frozen=True)
class RidgelessPoint:
    """One point of a double-descent curve; see ``reliable`` and ``reason`` before its numbers are used.

    Attributes:
        n_features: N, real feature columns.
        train_loss, test_loss: Mean over examples of the squared error, summed over outputs; NaN where float64 does not
            hold it.
        train_error, test_error: Fraction of examples whose largest output is not that of y; None for one output.
        norm: Euclidean norm of the coefficients of the normalised features, which approaches the norm of the
            kernel machine as N grows.
        unscaled_norm: That of the features before normalisation. It never grows from one N >= n to the next.
        residual: Largest error at a training point, in units of y.
        condition: Estimated condition number of the features' matrix in the 1-norm; with ``solver`` ``"svd"`` the ratio
            of its largest singular value to its least that is not rounding of 0. Infinite where there is no such gap.
        rounding: Bound, up to a modest factor, on the relative error that rounding makes in the solution: with eps of
            float64, eps (condition + condition^2 tan t) for N <= n, where tan t is the residual's length over the
            fit's (Golub and Van Loan, "Matrix Computations", section 5.3), and eps condition^2 for N > n.
        reliable: Whether ``rounding`` is at most ``LARGEST_ROUNDING``; else float64 does not resolve the minimum-norm
            solution, and the point's numbers are only what this algorithm gave.
        solver: ``"qr"``; ``"cholesky"`` where Z Z^T was factored; ``"svd"`` where features are linearly dependent,
            as ReLUs do that are 0, or positive, at all training points.
        rank: Rank of the features' matrix: min(n, N) but for ``"svd"``. It is the effective number of parameters on
            the training points (``gengap.interpolate.smoothers``), whose weights are a projection.
        test_parameters: That on the test points, n times the mean squared norm of the weights of the training values
            in a prediction; None unless it was asked for.
    """

    n_features: int
    train_loss: float
    test_loss: float
    train_error: float | None
    test_error: float | None
    norm: float
    unscaled_norm: float
    residual: float
    condition: float
    rounding: float
    reliable: bool
    solver: str
    rank: int
    test_parameters: float | None = None

    @property
    def reason(self) -> str | None:
        """Why the point's numbers, or some of its losses, are not to be used; None where they are."""
        if self.reliable:
            finite = np.isfinite([self.train_loss, self.test_loss]).all()
            return None if finite else "the square of an error is beyond what float64 holds: rescale the values y"
        return (
            f"the features' matrix has condition {self.condition:.2g}, with which rounding may change the solution by "
            f"more than {LARGEST_ROUNDING:g} of it"
        )

    def record(self) -> dict[str, Any]:
        """The fields and ``reason``; None in place of what is not finite, and of all but N where it is not reliable."""
        fields = asdict(self)
        if not self.reliable:
            known = {"n_features": self.n_features, "condition": self.condition, "reliable": False}
            fields = dict.fromkeys(fields) | known
        finite = {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in fields.items()
        }
        return finite | {"reason": self.reason}
