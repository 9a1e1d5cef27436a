"""Preconditioned conjugate gradients for several right-hand sides at once, in float64; extreme eigenvalues."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Linear = Callable[[Tensor], Tensor]  # [n, C] to [n, C]
_COLUMNS = 4  # vectors that are led to the smallest eigenvalues together
_GROWN = 2  # products with K that lead a vector to the largest
ABOVE = 10  # times rounding, or what a preconditioner adds to the diagonal: an eigenvalue above it is resolved


@dataclass(frozen=True)
class Iterates:
    """What conjugate gradients came to.

    Attributes:
        solution: The iterates smoothed, column by column, so that residuals never grow, ``[n, C]``.
        left: y - K x of it, as the recursions carry it, ``[n, C]``.
        iterations: Products with K.
        smallest_ratio: Estimate of the least eigenvalue of the preconditioned matrix, from above.
    """

    solution: Tensor
    left: Tensor
    iterations: int
    smallest_ratio: float


@dataclass(frozen=True)
class Limits:
    """When to stop.

    Attributes:
        tol: Largest ||K x - y|| / ||y|| wanted, above 0.
        max_iter: Most products with K, at least 1.
        patience: Products within which the largest residual has to halve, else nothing more is to be had.
    """

    tol: float
    max_iter: int
    patience: int


def conjugate_gradients(
    product: Linear, precondition: Linear, y: Tensor, limits: Limits, progress: Callable[[float], None]
) -> Iterates:
    """Solves K X = Y for each column of Y, within the limits.

    Columns share the products with K but have step lengths of their own; finished ones stand still. The residual of an
    iterate may grow on the way, by up to the root of the condition number; what is returned is the point of least
    residual between each iterate and the point before (minimal residual smoothing, Schoenauer 1987).

    Args:
        product: V to K V.
        precondition: R to an approximation of K^-1 R, positive definite.
        y: ``[n, C]``, float64.
        limits: When to stop.
        progress: Told the largest residual after each product.
    """
    scale = y.norm(dim=0).clamp(min=torch.finfo(y.dtype).tiny)
    x, residual = torch.zeros_like(y), y.clone()
    smooth, left, least = x.clone(), residual.clone(), residual.norm(dim=0) / scale
    z = precondition(residual)
    direction, inner = z.clone(), (residual * z).sum(0)
    steps: list[Tensor] = []
    turns: list[Tensor] = []
    worst = [float(least.max())]
    while worst[-1] > limits.tol and len(steps) < limits.max_iter and not _stagnates(worst, limits.patience):
        image = product(direction)
        step = _ratio(inner, (direction * image).sum(0)) * (least > limits.tol)
        x.addcmul_(step, direction)
        residual.addcmul_(step, image, value=-1)
        change = residual - left
        part = _ratio(-(left * change).sum(0), change.square().sum(0))
        left.addcmul_(part, change)
        smooth.addcmul_(part, x - smooth)
        least = left.norm(dim=0) / scale
        worst.append(float(least.max()))
        progress(worst[-1])
        steps.append(step)
        if worst[-1] <= limits.tol:
            break
        z = precondition(residual)
        following = (residual * z).sum(0)
        turn = _ratio(following, inner)
        turns.append(turn)
        direction.mul_(turn).add_(z)
        inner = following
    return Iterates(smooth, left, len(steps), _smallest_ritz_value(steps, turns))


def _stagnates(worst: list[float], patience: int) -> bool:
    return len(worst) > patience and worst[-1] > worst[-1 - patience] / 2


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """A / b where b is positive, as it is in exact arithmetic until the end; else 0."""
    return torch.where(b > 0, a / b.clamp(min=torch.finfo(b.dtype).tiny), 0)


def _smallest_ritz_value(steps: list[Tensor], turns: list[Tensor]) -> float:
    """Least eigenvalue, over the columns, of the tridiagonal matrix that the step lengths imply."""
    result = float("inf")
    for column in range(len(steps[0]) if steps else 0):
        alpha = torch.stack([step[column] for step in steps])
        alpha = alpha[: int((alpha > 0).cumprod(0).sum())]
        if not len(alpha):
            continue
        beta = torch.stack([turn[column] for turn in turns])[: len(alpha) - 1] if turns else alpha[:0]
        diagonal = 1 / alpha
        diagonal[1:] += beta / alpha[:-1]
        beside = beta.sqrt() / alpha[:-1]
        matrix = torch.diag(diagonal) + torch.diag(beside, 1) + torch.diag(beside, -1)
        result = min(result, float(torch.linalg.eigvalsh(matrix)[0]))
    return result


@dataclass(frozen=True)
class Spectrum:
    """Extreme eigenvalues of K, and the least of the preconditioner.

    Attributes:
        largest: Of K, from below.
        smallest: Of K, from above; 0 where rounding makes it negative.
        preconditioner: The least eigenvalue of the preconditioner, from above.
    """

    largest: float
    smallest: float
    preconditioner: float

    def condition(self, eps: float) -> float:
        """Of K, from below; at most 1 / eps, the rounding in products with K."""
        return max(1.0, self.largest / (self.smallest + eps * self.largest))


class ProbedInverse:
    """An approximation of K^-1 that takes some vectors of its own along, towards K's extreme eigenvalues.

    A matrix is read as often for a few columns more. So power iteration with the inverse, and a step of it with K, cost
    next to nothing beside conjugate gradients; what they lack of its steps is taken in the end.

    Args:
        precondition: V to an approximation of K^-1 V.
        like: ``[n, …]``: how many numbers, of which type and where.
        steps: Of power iteration, at least 1.
    """

    def __init__(self, precondition: Linear, like: Tensor, steps: int):
        self._precondition, self._left, self._grown = precondition, steps, 1.0
        self._products, self._largest = 0, 0.0
        self._tiny = torch.finfo(like.dtype).tiny
        generator = torch.Generator().manual_seed(0)
        self._small = torch.randn(len(like), _COLUMNS, generator=generator).to(like)
        large = (1 + 0.1 * torch.randn(len(like), 1, generator=generator)).to(like)
        self._large = large / large.norm()

    def __call__(self, vectors: Tensor) -> Tensor:
        """The approximation of K^-1 V."""
        if not self._left:
            return self._precondition(vectors)
        self._left -= 1
        both = self._precondition(torch.cat([vectors, torch.linalg.qr(self._small).Q], dim=1))
        self._small = both[:, vectors.shape[1] :]
        self._grown = float(torch.linalg.matrix_norm(self._small, 2))
        return both[:, : vectors.shape[1]].contiguous()

    def along(self, product: Linear) -> Linear:
        """The product with K, which the first times takes along the vector that K itself leads to."""

        def image(vectors: Tensor) -> Tensor:
            return self._with_large(product, vectors) if self._products < _GROWN else product(vectors)

        return image

    def _with_large(self, product: Linear, vectors: Tensor) -> Tensor:
        """K V, with a step of the vector that K leads to; its Rayleigh quotient grows with every step."""
        both = product(torch.cat([vectors, self._large], dim=1))
        image = both[:, -1:]
        self._largest = float((self._large * image).sum())
        self._large = image / image.norm().clamp(min=self._tiny)
        self._products += 1
        return both[:, :-1].contiguous()

    def spectrum(self, product: Linear, rounding: float = math.inf) -> Spectrum:
        """Rayleigh quotients of K for the vectors of its own, and for one that K itself leads to.

        Few steps are enough for the largest eigenvalue of a kernel matrix, which lies far above the others. Where the
        preconditioner is K up to rounding and its least eigenvalue is far above that, it is K's as well, and K is
        multiplied no more.

        Args:
            product: V to K V.
            rounding: How far the preconditioner may be from K; infinity where that is not known.
        """
        while self._left:
            self(self._small[:, :0])
        inverse = 1 / self._grown if self._grown > 0 else math.inf
        known = inverse > ABOVE * rounding
        while self._products < (_GROWN if known else _GROWN - 1):
            self._with_large(product, self._large[:, :0])
        if known:
            smallest = inverse + rounding
        else:
            basis = torch.linalg.qr(self._small).Q
            quotients = basis.T @ self._with_large(product, basis)
            smallest = float(torch.linalg.eigvalsh((quotients + quotients.T) / 2)[0])
        return Spectrum(max(self._largest, smallest), max(0.0, smallest), inverse)
