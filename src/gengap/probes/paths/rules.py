"""What each operation does to sums over paths: moves, sums, products, gates and linear maps."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from gengap.network.operations import NORMALISATIONS, Operation
from gengap.probes.paths.algebra import Convolution, Move
from gengap.probes.paths.watch import FULL_MOVES, WEIGHTS, Fact, Gate, NoPathsError, PathWatch, Signal, rule

VIEWS = {"view", "_unsafe_view", "_reshape_alias", "view_copy"}
SELF_GATES = {"silu": 0.5, "gelu": 0.5, "hardswish": 0.5, "mish": 0.6}  # f(x) = s(x) x, with s(0); s is in [0, 1]


@rule(*FULL_MOVES)
def _move(watch: PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    """Rearrangements, linear in all their tensors of floats together."""
    if operation.name == "constant_pad_nd" and len(operation.args) > 2 and operation.args[2] != 0:
        raise NoPathsError(f"pads with {operation.args[2]}")
    outputs = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
    if not all(output.dtype == torch.float64 for output in outputs):
        raise NoPathsError("changes the type of its input")
    leaves, spec = tree_flatten([operation.args, dict(operation.options)])
    data = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.is_floating_point()]
    if any(isinstance(watch.fact(leaf), Gate) for leaf in leaves if isinstance(leaf, Tensor)):
        raise NoPathsError(f"computes {operation.name!r} of what is no sum over paths")

    def move(source: int, index: int) -> Move:
        def only(t: Tensor) -> Tensor:
            if operation.name in VIEWS:  # of a tensor whose strides need not be those of the activation
                return t.reshape(outputs[index].shape)
            others = {i: torch.zeros_like(leaves[i]) for i in data} | {source: t}
            args, options = tree_unflatten([others.get(i, leaf) for i, leaf in enumerate(leaves)], spec)
            return tree_leaves(operation.function(*args, **options))[index]  # type: ignore[no-any-return]

        return only

    signals = []
    for index, output in enumerate(outputs):
        parts = [
            None if (part := watch.signal(leaves[i], leaves[i].shape)) is None else watch.moved(part, move(i, index))
            for i in data
        ]
        signals.append((output, watch.added(parts)))
    return signals


@rule("add", "sub", "rsub", "neg", "addcmul")
def _sum(watch: PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    args, alpha = operation.args, operation.options.get("alpha", 1)
    if operation.name == "addcmul":
        factor = watch.signal(args[0], result.shape)
        term = _times(watch, operation, args[1], args[2], result.shape)
        return [(result, watch.added([factor, watch.scaled(term, operation.options.get("value", 1), fixed=True)]))]
    factors = {"add": (1, alpha), "sub": (1, -alpha), "rsub": (-alpha, 1), "neg": (-1,)}[operation.name]
    terms = [watch.signal(arg, result.shape) for arg in args[: len(factors)]]
    scaled = [
        term if term is None or factor == 1 else watch.scaled(term, factor, fixed=True)
        for term, factor in zip(terms, factors, strict=True)
    ]
    return [(result, watch.added(scaled))]


@rule("mul", "div")
def _product(watch: PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    if operation.options.get("rounding_mode"):
        raise NoPathsError("rounds")
    first, second = operation.args[:2]
    if operation.name == "mul":
        return [(result, _times(watch, operation, first, second, result.shape))]
    if not isinstance(watch.fact(first), Signal):
        raise NoPathsError("divides by what depends on the input")
    fact = watch.fact(second)
    inverse = 1 / second
    if isinstance(fact, Signal):  # the quotient's numerator carries the paths
        fact = Gate("")
    return [(result, _multiplied(watch, operation, first, (inverse, fact), result.shape))]


def _times(watch: PathWatch[Any], operation: Operation, first: Any, second: Any, shape: torch.Size) -> Signal[Any]:
    kinds = [isinstance(watch.fact(factor), Signal) for factor in (first, second)]
    if all(kinds):
        raise NoPathsError("multiplies two sums over paths")
    signal, factor = (first, second) if kinds[0] else (second, first)
    return _multiplied(watch, operation, signal, (factor, watch.fact(factor)), shape)


def _multiplied(
    watch: PathWatch[Any], operation: Operation, tensor: Tensor, by: tuple[Any, Fact | None], shape: torch.Size
) -> Signal[Any]:
    """A signal times a number, a constant tensor, weights or a gate."""
    factor, fact = by
    signal = watch.spread(watch.fact(tensor), tensor, shape)  # type: ignore[arg-type]
    if not isinstance(factor, Tensor) or (fact is None and factor.numel() == 1):
        return watch.scaled(signal, float(factor), fixed=True)
    full = factor.double().expand(shape)
    if not isinstance(fact, Gate):
        watch.same_for_all(full)
    if fact == WEIGHTS:
        return Signal(watch.algebra.weighted(signal.state, full), signal.examples)
    steps = isinstance(fact, Gate) and fact.steps
    if isinstance(fact, Gate) and not steps:
        watch.real_gate(operation)
    return watch.scaled(signal, full, fixed=fact is None, largest_gate=1.0 if steps else math.inf)


@rule("where")
def _where(watch: PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    condition, *branches = operation.args
    fact = watch.fact(condition)
    if isinstance(fact, Gate) and not fact.steps:
        watch.real_gate(operation)
    if not isinstance(fact, Gate):
        watch.same_for_all(condition.expand(result.shape))
    gates = (condition.double().expand(result.shape), (~condition).double().expand(result.shape))
    terms = [watch.signal(branch, result.shape) for branch in branches]
    fixed = fact is None
    return [(result, watch.added(_gated(watch, terms, gates, fixed=fixed)))]


@rule("relu", "leaky_relu", "abs", "threshold", "clamp_min", "clamp", "_prelu_kernel")
def _rectified(watch: PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    name, x, rest = operation.name, operation.args[0], operation.args[1:]
    signal = watch.fact(x)
    if not isinstance(signal, Signal):
        raise NoPathsError("rectifies what is no sum over paths")
    limits = {"threshold": (0, 0), "clamp_min": (0,), "clamp": (0, None)}.get(name, rest)
    given = (*rest, operation.options.get("max")) if name == "clamp" and len(rest) == 1 else rest
    if name in ("threshold", "clamp_min", "clamp") and tuple(given) != limits:
        raise NoPathsError(f"computes {name!r} with limits other than a minimum of 0")
    positive = (x > 0).double()
    if name == "_prelu_kernel":
        slope = Signal(watch.algebra.weighted(signal.state, rest[0].expand(x.shape)), signal.examples)
        both = [watch.scaled(signal, positive, fixed=False), watch.scaled(slope, 1 - positive, fixed=False)]
        return [(result, watch.added(both))]
    low = {"leaky_relu": rest[0] if rest else 0.01, "abs": -1.0}.get(name, 0.0)
    return [
        (result, watch.scaled(signal, positive + (1 - positive) * low, fixed=False, largest_gate=max(1.0, abs(low))))
    ]


@rule("maximum", "minimum")
def _larger(watch: PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    """The larger or smaller of two, with a gate for each."""
    first = (operation.args[0] == result).double()
    terms = [watch.signal(arg, result.shape) for arg in operation.args[:2]]
    gates = (first, 1 - first)
    return [(result, watch.added(_gated(watch, terms, gates, fixed=False)))]


def _gated(
    watch: PathWatch[Any], terms: Sequence[Signal[Any] | None], gates: Sequence[Tensor], *, fixed: bool
) -> list[Signal[Any] | None]:
    """Each term times its gate."""
    pairs = zip(terms, gates, strict=True)
    return [None if term is None else watch.scaled(term, gate, fixed=fixed) for term, gate in pairs]


@rule(*SELF_GATES)
def _self_gated(watch: PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    x = operation.args[0]
    signal = watch.fact(x)
    if not isinstance(signal, Signal):
        raise NoPathsError(f"computes {operation.name!r} of what is no sum over paths")
    watch.real_gate(operation)
    gate = torch.where(x == 0, SELF_GATES[operation.name], result / x)
    return [(result, watch.scaled(signal, gate, fixed=False))]


@rule("mm", "addmm")
def _linear(watch: PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    x, weight = operation.factors
    signal = watch.fact(x)
    if not isinstance(signal, Signal) or watch.fact(weight) != WEIGHTS:
        raise NoPathsError("multiplies by a matrix that is not one of weights")
    if any(operation.options.get(name, 1) != 1 for name in ("alpha", "beta")):
        raise NoPathsError("computes 'addmm' with factors")
    watch.require_batch(signal, len(x) // watch.batch)
    bias = operation.args[0] if operation.name == "addmm" else None
    return [(result, _with_bias(watch, watch.algebra.dense, (x, signal, weight.T), bias, result))]


@rule("convolution")
def _convolution(watch: PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    x, weight, bias, *rest = operation.args
    signal = watch.fact(x)
    if not isinstance(signal, Signal) or watch.fact(weight) != WEIGHTS:
        raise NoPathsError("convolves with a kernel that is not one of weights")
    watch.require_batch(signal, 1)
    how = Convolution(*rest)

    def convolved(state: Any, weight: Tensor, bias: Tensor | None) -> Any:
        return watch.algebra.convolved(state, weight, bias, how)

    return [(result, _with_bias(watch, convolved, (x, signal, weight), bias, result))]


def _with_bias(
    watch: PathWatch[Any],
    layer: Callable[[Any, Tensor, Tensor | None], Any],
    inputs: tuple[Tensor, Signal[Any], Tensor],
    bias: Tensor | None,
    result: Tensor,
) -> Signal[Any]:
    """What a layer makes of a signal; its bias is one of weights, or is added apart."""
    x, signal, weight = inputs
    plain = bias is None or (watch.fact(bias) == WEIGHTS and bias.ndim == 1)
    rows = len(x) // watch.batch
    number = torch.arange(1.0, watch.batch + 1, dtype=torch.float64).repeat_interleave(rows)
    examples = number.view(-1, *[1] * (result.ndim - 1)).expand(result.shape)
    found = Signal(layer(signal.state, weight, bias if plain else None), examples)
    return found if plain else watch.added([found, watch.signal(bias, result.shape)])


@rule(*NORMALISATIONS)
def _normalised(watch: PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    """Batch norm in evaluation mode: a weight and a bias for each channel."""
    x, scale, offset, mean, variance, *rest = operation.args
    if operation.name != "_native_batch_norm_legit_no_training" and rest[0]:
        raise NoPathsError("normalises by statistics of the batch")
    signal = watch.fact(x)
    if not isinstance(signal, Signal):
        raise NoPathsError("normalises what is no sum over paths")
    shape = (-1, *[1] * (x.ndim - 2))
    weight = (variance + rest[-1]).rsqrt() * (1 if scale is None else scale)
    shift = (0 if offset is None else offset) - mean * weight
    state = watch.algebra.weighted(signal.state, weight.view(shape).expand(x.shape))
    constant = watch.algebra.constant(shift.view(shape).expand(x.shape), weights=True)
    return [(result[0], Signal(watch.algebra.added([state, constant]), signal.examples))]


@rule("sum", "mean")
def _reduced(watch: PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    x, rest = operation.args[0], operation.args[1:]
    dims = rest[0] if rest and rest[0] is not None else list(range(x.ndim))
    dims = sorted(dim % x.ndim for dim in dims)
    others = [dim for dim in range(x.ndim) if dim not in dims]
    signal = watch.fact(x)
    size = x.numel() // max(1, result.numel())
    if not isinstance(signal, Signal) or 0 in dims:
        raise NoPathsError("adds different examples of a batch, or the first axis, where the batch should be")

    def at(index: int) -> Move:
        return lambda t: t.permute(*others, *dims).flatten(len(others))[..., index].reshape(result.shape)

    total = watch.added([watch.moved(signal, at(index)) for index in range(size)])
    return [(result, total if operation.name == "sum" else watch.scaled(total, 1 / size, fixed=True))]
