"""Uniform stability: what it promises, and what is known of it for regularised kernel methods."""

import math

from gengap.arguments import real_number, whole_number
from gengap.bounds.inputs import level


def stability_bound(risk: float, beta: float, n: int, delta: float = 0.05, *, loss_bound: float = 1.0) -> float:
    r"""What uniform stability promises: :math:`R \le \hat R + 2\beta + (4 n \beta + M) \sqrt{\ln(1/\delta) / (2n)}`.

    With probability 1 - delta over n independent examples; not cut. Here beta is for leaving one example out:
    no loss changes by more, whatever the examples. Replacing one changes none by more than 2 beta.

    Source: Bousquet and Elisseeff 2002, Theorem 12.

    Args:
        risk: The mean loss on the n training examples, in [0, M].
        beta: Uniform stability, at least 0.
        n: Examples, at least 1.
        delta: Probability of failure, in (0, 1).
        loss_bound: M, above 0; losses lie in [0, M].

    Raises:
        InputError: An argument is out of its range.

    >>> round(stability_bound(0.0, 0.0, 50_000), 5)
    0.00547
    """
    n, beta = whole_number(n, "n"), real_number(beta, "beta", least=0)
    M = real_number(loss_bound, "loss_bound", above=0)
    risk = real_number(risk, "risk", least=0, most=M)
    deviation = math.sqrt(-math.log(float(level(1, delta))) / (2 * n))
    return risk + 2 * beta + (4 * n * beta + M) * deviation


def kernel_stability(lipschitz: float, kernel_bound: float, regularisation: float, n: int) -> float:
    r"""Uniform stability of regularised learning in a kernel's space: :math:`\sigma^2 \kappa^2 / (2 \lambda n)`.

    Of the minimiser of (1/n) sum of losses + lambda ||f||^2, when one example is left out (the factor 1/n stays).

    Source: Bousquet and Elisseeff 2002, Theorem 22. For ridge regression with targets in [0, B], sigma = 2B.

    Args:
        lipschitz: sigma, above 0; the loss is convex and changes by at most sigma times the change of the prediction.
        kernel_bound: kappa^2, above 0, an upper bound on k(x, x).
        regularisation: lambda, above 0.
        n: Examples, at least 1.

    Raises:
        InputError: An argument is out of its range.
    """
    sigma, bound = real_number(lipschitz, "lipschitz", above=0), real_number(kernel_bound, "kernel_bound", above=0)
    regularisation = real_number(regularisation, "regularisation", above=0)
    stability = sigma * sigma * bound / (2 * regularisation * whole_number(n, "n"))
    return real_number(stability, "the stability", least=0, next_step="rescale the loss or the kernel")
