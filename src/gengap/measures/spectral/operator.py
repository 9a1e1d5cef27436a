"""The spectral norm of a convolution as the operator it is on its real input."""

import copy
import warnings
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gengap import seeds
from gengap.measures.spectral.matrix import SpectralNorm, matrix_norm

TOLERANCE = 1e-4
_DENSE = 128  # inputs up to this many values: the operator is written out as a matrix

Map = Callable[[Tensor], Tensor]


def operator_norm(
    module: nn.Module, weight: Tensor, input_shape: tuple[int, ...], *, max_restarts: int = 100
) -> SpectralNorm:
    r"""The largest singular value of :math:`x \mapsto` ``module(x)`` without its bias, on inputs of the given shape.

    The module itself is the operator, so stride, dilation, groups, padding of any kind, transposed convolutions and
    subclasses that pad by themselves all count as they compute. Its transpose is what backpropagation applies.

    Lanczos iteration (ARPACK) on the symmetric operator :math:`A^T A` in float32 finds the top vector; the value and
    the residual are then computed in float64. It has converged where the residual is at most 1e-4, which bounds the
    relative error of the norm by 5e-5; near the top the error is about the residual's square.

    Args:
        module: A linear layer: any convolution of ``torch.nn``, or ``nn.Linear``.
        weight: Used in place of the module's, e.g. with batch normalisation folded in; same shape, finite.
        input_shape: Of one example, e.g. ``(3, 28, 28)``.
        max_restarts: Restarts of the iteration after which it ends, converged or not.
    """
    scale = float(weight.abs().max())
    if scale == 0 or prod(input_shape) == 0:
        return SpectralNorm(0.0)
    forward, backward = _operator(module, weight.double() / scale, input_shape)
    if prod(input_shape) <= _DENSE:
        eye = torch.eye(prod(input_shape), dtype=torch.float64).reshape(-1, *input_shape)
        return SpectralNorm(scale * matrix_norm(forward(eye).flatten(1)).value)
    top = _top_vector(*_operator(module, (weight / scale).float(), input_shape), input_shape, max_restarts)
    image = forward(top)
    square = float(image.square().sum())
    if square == 0:
        return SpectralNorm(0.0)
    residual = float((backward(image) - square * top).norm()) / square
    return SpectralNorm(scale * square**0.5, residual, residual <= TOLERANCE)


def _operator(module: nn.Module, weight: Tensor, input_shape: tuple[int, ...]) -> tuple[Map, Map]:
    """The module as a linear map in the weight's precision, and its transpose, both on batches of one or more."""
    linear = copy.deepcopy(module)
    linear.register_parameter("bias", None)
    weights = {"weight": weight}

    def forward(x: Tensor) -> Tensor:
        return torch.func.functional_call(linear, weights, (x,))  # type: ignore[no-any-return]

    point = torch.zeros(1, *input_shape, dtype=weight.dtype, requires_grad=True)
    image = forward(point)

    def backward(y: Tensor) -> Tensor:
        return torch.autograd.grad(image, point, y, retain_graph=True)[0]

    return torch.no_grad()(forward), backward


def _top_vector(forward: Map, backward: Map, shape: tuple[int, ...], max_restarts: int) -> Tensor:
    """A unit vector near the top eigenvector of A^T A, float64 ``[1, *shape]``."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh, lobpcg
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    def gram(v: NDArray[Any]) -> NDArray[Any]:
        x = torch.from_numpy(np.ascontiguousarray(v, dtype=np.float32)).reshape(1, *shape)
        return backward(forward(x)).numpy().reshape(-1)

    size = prod(shape)
    operator = LinearOperator((size, size), matvec=gram, dtype=np.float32)
    start = seeds.generator(0, "spectral norm").standard_normal(size).astype(np.float32)
    if not gram(start).any():  # a kernel of which no used entry is other than zero
        return torch.zeros(1, *shape, dtype=torch.float64)
    vectors: NDArray[Any]
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():  # short vectors: threads would only wait
        warnings.simplefilter("ignore", UserWarning)  # of LOBPCG, that it has not converged: the residual shows it
        try:
            _, vectors = eigsh(operator, k=1, which="LA", v0=start, tol=TOLERANCE / 2, maxiter=max_restarts)
        except ArpackNoConvergence:  # which gives nothing; a few steps of LOBPCG give a lower bound
            _, vectors = lobpcg(operator, start[:, None].astype(np.float64), largest=True, maxiter=20)
    top: Tensor = torch.from_numpy(vectors[:, 0].astype(np.float64)).reshape(1, *shape)
    return top.div(top.norm())
