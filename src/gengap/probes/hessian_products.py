"""Products with Hessians: how many are done, and how many are to be expected."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from gengap.errors import InputError
from gengap.network.second_derivatives import gradient_of, product

Progress = Callable[[int, int, str], None]
"""``progress(done, expected, what)``: products with vectors done and expected in all, and what is being computed."""


class Products:
    """Counts products over several pieces of work, each with an expected number.

    Args:
        expected: Name of a piece -> products expected of it, in the order of the pieces.
        report: Called at the beginning of each piece and after each product; None for nothing.

    >>> products = Products({"a": 2, "b": 3}, lambda *shown: print(*shown))
    >>> products.begin("a")
    0 5 a
    >>> products.add(4)
    4 7 a
    >>> products.begin("b")
    4 7 b
    """

    def __init__(self, expected: Mapping[str, int], report: Progress | None):
        self._expected, self._report = dict(expected), report
        self._done = 0
        self._current: str | None = None
        self._in_current = 0

    def begin(self, name: str) -> None:
        """A piece begins; the one before it is done, however many products it took."""
        if self._current is not None:
            self._expected.pop(self._current)
        self._current, self._in_current = name, 0
        self._tell()

    def add(self, count: int) -> None:
        """So many products more are done."""
        self._done += count
        self._in_current += count
        self._tell()

    def _tell(self) -> None:
        if self._report is not None and self._current is not None:
            left = sum(count for name, count in self._expected.items() if name != self._current)
            left += max(0, self._expected[self._current] - self._in_current)
            self._report(self._done, self._done + left, self._current)


def counting_hessian(products: Products) -> Any:
    """The class of curvlinops' Hessians, counting its products, which are made by two backward passes.

    Raises:
        InputError: curvlinops is not installed.
    """
    try:
        from curvlinops import HessianLinearOperator
    except ImportError as error:
        raise InputError(
            "Curvature needs curvlinops, which is not installed.", next_step='pip install "gengap[curvature]"'
        ) from error

    class CountingHessian(HessianLinearOperator):  # type: ignore[misc]  # curvlinops has no types
        def _matmat(self, M: Any) -> Any:
            result = super()._matmat(M)
            products.add(M[0].shape[-1])
            return result

        def _matmat_batch(self, X: Any, y: Any, M: Any) -> Any:
            """By two backward passes, as more operations have a second one than the forward derivative of the first."""
            with torch.enable_grad():
                gradient = gradient_of(self._loss_func(self._model_func(X), y), self._params)
            columns = [[block[..., j] for block in M] for j in range(M[0].shape[-1])]
            rows = [product(gradient, self._params, column, again=True) for column in columns]
            return [torch.stack(blocks, -1) for blocks in zip(*rows, strict=True)]

    return CountingHessian
