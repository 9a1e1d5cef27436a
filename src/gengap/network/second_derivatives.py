"""Second derivatives: the kernels that lack them, the operations that have none, and whether those there are right."""

import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import parametrizations
from torch.nn.utils.weight_norm import WeightNorm
from torch.overrides import TorchFunctionMode

from gengap.errors import InputError, listed
from gengap.network.inputs import float64_twin
from gengap.network.through_detach import is_cut

EXAMPLES = 4  # on which second derivatives are checked
SHIFTS = (1e-7, 1e-9)  # of parameters, relative: the best one counts, since ReLUs have kinks
AGREEMENT = 1e-4  # of a product with the Hessian and a difference of gradients, relative to them
ROUGH = 0.1  # the same for a network that does not run in float64, with SHIFTS a thousand times as large
NEGLIGIBLE = 1e-9  # of a direction: what rounding leaves of second derivatives of zero
_NAMED = re.compile(r"derivative for '?(?:aten::)?_?(\w+?)_(?:double_)?backward\b")

OfTensors = Callable[[Sequence[Tensor]], Tensor]


@contextmanager
def plain_attention() -> Iterator[None]:
    """Attention without its fused kernels, which have neither second nor forward derivatives."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


@contextmanager
def plain_recurrence() -> Iterator[None]:
    """Recurrent layers without their fused kernels, which have neither second nor forward derivatives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that this processor has no TF32, as the flags are set back
        with torch.backends.mkldnn.flags(enabled=False), torch.backends.cudnn.flags(enabled=False):
            yield


class _PlainWeightNorm(TorchFunctionMode):
    """Weight norm in plain operations: its kernel's second derivatives leave out that norms depend on weights."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return (_weight_norm if func is torch._weight_norm else func)(*args, **(kwargs or {}))


def _weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    return v * (g / torch.norm_except_dim(v, 2, dim))


def _normed(module: nn.Module) -> bool:
    return isinstance(module, parametrizations._WeightNorm) or any(
        isinstance(hook, WeightNorm) for hook in module._forward_pre_hooks.values()
    )


@contextmanager
def twice_differentiable(model: nn.Module) -> Iterator[None]:
    """Passes of a network without the fused kernels that have no second derivatives, or wrong ones."""
    with ExitStack() as stack:
        stack.enter_context(plain_attention())
        if any(_normed(module) for module in model.modules()):
            stack.enter_context(_PlainWeightNorm())
        if any(isinstance(module, nn.RNNBase) for module in model.modules()):  # convolutions keep theirs elsewhere
            stack.enter_context(plain_recurrence())
        yield


def gradient_of(value: Tensor, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The gradient of a number, which can be differentiated again.

    Raises:
        InputError: An operation does not allow that.
    """
    with _named_operation():
        return torch.autograd.grad(value, tensors, create_graph=True, materialize_grads=True)


def product(
    gradient: Sequence[Tensor], tensors: Sequence[Tensor], direction: Sequence[Tensor], *, again: bool = False
) -> tuple[Tensor, ...]:
    """The derivative of the inner product of a gradient and a direction: a product with the Hessian.

    Args:
        gradient: Of ``gradient_of``.
        tensors: What to differentiate by.
        direction: One tensor for each of the gradient.
        again: Whether the gradient will be differentiated once more.

    Raises:
        InputError: An operation has no second derivative; the message names it.
    """
    live = [(g, v) for g, v in zip(gradient, direction, strict=True) if g.requires_grad]
    if not live:
        return tuple(torch.zeros_like(tensor) for tensor in tensors)
    outputs, vectors = zip(*live, strict=True)
    with _named_operation():
        return torch.autograd.grad(outputs, tensors, vectors, retain_graph=again, materialize_grads=True)


def check_second_derivatives(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    names: Sequence[str],
    *,
    by_inputs: bool = False,
) -> None:
    """Sees that products with the Hessian, as PyTorch computes them, are derivatives of the gradient.

    They are not where the backward pass of a ``torch.autograd.Function`` gives a right gradient from numbers that its
    forward pass has kept, of which PyTorch knows no derivative; nor, in general, where ``detach()`` makes the gradient
    one of no function. So with any of these, and where the Hessian is not symmetric, a product with a random vector is
    compared with a difference of gradients, on a few examples, in float64 where the network runs in it.

    Args:
        model: In the mode that it will be in; it stays as it is.
        x: Examples as the network takes them.
        y: Their labels.
        loss: From scores and labels to one number.
        names: Parameters by which the loss is differentiated.
        by_inputs: Whether it is differentiated by the inputs too; that ``detach()`` cuts these off is no fault then.

    Raises:
        InputError: They are not, or an operation has no second derivative.
    """
    network, inputs, exact = float64_twin(model, x[:EXAMPLES])
    parameters = dict(network.named_parameters())
    start = [parameters[name].detach() for name in names] + ([inputs.detach()] if by_inputs else [])

    def value(tensors: Sequence[Tensor]) -> Tensor:
        weights = dict(zip(names, tensors, strict=False))
        fed = tensors[-1] if by_inputs else inputs
        return loss(functional_call(network, weights, (fed,), tie_weights=True), y[: len(fed)])

    random = torch.Generator().manual_seed(0)
    # Relative changes: a bias of 0 stays, and so does a ReLU's input that is 0, where it has a kink.
    direction = [torch.randn(t.shape, generator=random, dtype=torch.float64).to(t) * t for t in start]
    with _Cuts() as cuts:
        once, functions = _second_derivative(value, start, direction)
    if not NEGLIGIBLE * _norm(direction) < _norm(once) < torch.inf:
        return
    twice, _ = _second_derivative(value, start, once)
    sizes = _norm(once) ** 2, float(sum((v * h).sum() for v, h in zip(direction, twice, strict=True)))
    symmetric = abs(sizes[0] - sizes[1]) <= (AGREEMENT if exact else ROUGH) * max(map(abs, sizes))
    suspicious = bool(functions) or (not by_inputs and (cuts.there or not symmetric))
    if not suspicious or _agree(value, start, direction, once, exact):
        return
    if functions:
        raise InputError(
            f"The second derivatives that PyTorch computes with the backward pass of {listed(functions)} are not those "
            "of the loss.",
            expected="backward passes that can be differentiated: from what save_for_backward keeps of the inputs",
            next_step="write the operation with functions of PyTorch's in its place",
        )
    raise InputError(
        f"The second derivatives that PyTorch computes{' around detach() or no_grad()' if cuts.there else ''} are not "
        "those of the loss.",
        expected="a gradient that is the loss's: without detach(), no_grad() or straight-through estimators between "
        "a network's parameters",
        next_step="ask for gradients, which are those of training all the same: gengap.probes.gradient_norms",
    )


class _Cuts(TorchFunctionMode):
    """Notes whether a pass cuts something off from its derivatives."""

    there = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.there |= is_cut(func, args)
        return func(*args, **(kwargs or {}))


def _second_derivative(
    value: OfTensors, start: Sequence[Tensor], direction: Sequence[Tensor]
) -> tuple[tuple[Tensor, ...], list[str]]:
    """The product with the Hessian, and the names of the user's own functions on the way."""
    live = [tensor.detach().requires_grad_() for tensor in start]
    with torch.enable_grad():
        number = value(live)
        return product(gradient_of(number, live), live, direction), _own_functions(number)


def _own_functions(value: Tensor) -> list[str]:
    """Names of the ``torch.autograd.Function``s by which a tensor was computed."""
    names: set[str] = set()
    seen, waiting = set(), [value.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, BackwardCFunction):
            names.add(type(node).__name__.removesuffix("Backward"))
        waiting += [before for before, _ in node.next_functions]
    return sorted(names)


def _agree(
    value: OfTensors, start: Sequence[Tensor], direction: Sequence[Tensor], found: Sequence[Tensor], exact: bool
) -> bool:
    """Whether a product with the Hessian is what a central difference of gradients says."""

    def gradient(step: float) -> tuple[Tensor, ...]:
        moved = [(t + step * v).requires_grad_() for t, v in zip(start, direction, strict=True)]
        with torch.enable_grad():
            return torch.autograd.grad(value(moved), moved, materialize_grads=True)

    for shift in SHIFTS:
        step = (shift if exact else 1e3 * shift) * (_norm(start) or 1.0) / _norm(direction)
        pairs = zip(gradient(step), gradient(-step), strict=True)
        difference = [(above - below) / (2 * step) for above, below in pairs]
        apart = _norm([d - f for d, f in zip(difference, found, strict=True)])
        if apart <= (AGREEMENT if exact else ROUGH) * max(_norm(difference), _norm(found)):
            return True
    return False


def _norm(tensors: Sequence[Tensor]) -> float:
    return math.sqrt(sum(float(tensor.double().square().sum()) for tensor in tensors))


@contextmanager
def _named_operation() -> Iterator[None]:
    """Makes an error of PyTorch's, or of a user's backward pass, one that names the operation."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        message = (str(error).strip().splitlines() or [""])[0]
        if isinstance(error, torch.OutOfMemoryError) or "memory" in message:
            raise
        operation = _NAMED.search(message)
        raise InputError(
            f"PyTorch has no second derivative of {operation[1]}, which the network uses."
            if operation
            else f"The network cannot be differentiated twice: {type(error).__name__}: {message}",
            expected="operations that can be differentiated twice",
            next_step="use another operation in its place, or ask for gradients alone, as gengap probe coherence does",
        ) from error
