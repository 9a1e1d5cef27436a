"""Uniform stability: what it promises, and what is known of it for regularised kernel methods."""

import math

from gengap.bounds.inputs import level
from gengap.errors import InputError


def stability_bound(risk: float, beta: float, n: int, delta: float = 0.05, *, loss_bound: float = 1.0) -> float:
    r"""What uniform stability promises: :math:`R \le \hat R + 2\beta + (4 n \beta + M) \sqrt{\ln(1/\delta) / (2n)}`.

    With probability 1 - delta over n independent examples; not cut. Here beta is for leaving one example out:
    no loss changes by more, whatever the examples. Replacing one changes none by more than 2 beta.

    Source: Bousquet and Elisseeff 2002, Theorem 12.

    Args:
        risk: The mean loss on the n training examples.
        beta: Uniform stability, at least 0.
        n: Examples, at least 1.
        delta: Probability of failure, in (0, 1).
        loss_bound: M; losses lie in [0, M].

    Raises:
        InputError: An argument is out of its range.

    >>> round(stability_bound(0.0, 0.0, 50_000), 5)
    0.00547
    """
    if n < 1 or not (risk >= 0 and beta >= 0 and loss_bound > 0):
        raise InputError(
            f"risk = {risk:g}, beta = {beta:g}, n = {n}, loss_bound = {loss_bound:g}.",
            expected="risk >= 0, beta >= 0, n >= 1, M > 0",
        )
    deviation = math.sqrt(-math.log(float(level(1, delta))) / (2 * n))
    return risk + 2 * beta + (4 * n * beta + loss_bound) * deviation


def kernel_stability(lipschitz: float, kernel_bound: float, regularisation: float, n: int) -> float:
    r"""Uniform stability of regularised learning in a kernel's space: :math:`\sigma^2 \kappa^2 / (2 \lambda n)`.

    Of the minimiser of (1/n) sum of losses + lambda ||f||^2, when one example is left out (the factor 1/n stays).

    Source: Bousquet and Elisseeff 2002, Theorem 22. For ridge regression with targets in [0, B], sigma = 2B.

    Args:
        lipschitz: sigma; the loss is convex and changes by at most sigma times the change of the prediction.
        kernel_bound: kappa^2, an upper bound on k(x, x).
        regularisation: lambda, above 0.
        n: Examples, at least 1.

    Raises:
        InputError: An argument is out of its range.
    """
    if n < 1 or not (lipschitz > 0 and kernel_bound > 0 and regularisation > 0):
        raise InputError(
            f"lipschitz = {lipschitz:g}, kernel_bound = {kernel_bound:g}, lambda = {regularisation:g}, n = {n}.",
            expected="numbers above 0",
        )
    return lipschitz**2 * kernel_bound / (2 * regularisation * n)
