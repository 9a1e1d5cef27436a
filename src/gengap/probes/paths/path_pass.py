"""One pass of examples through a network, of which every operation is translated for an ``Algebra`` of paths.

In-place operations are taken apart by ``torch.func.functionalize``, so that each tensor is computed once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Generic

import torch
from torch import Tensor, nn
from torch.func import functionalize
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from gengap.errors import InputError
from gengap.network.operations import MOVES, NORMALISATIONS, Operation, OperationWatch
from gengap.probes.paths.algebra import Algebra, Convolution, Move, State

FULL_MOVES = (MOVES - {"clone"}) | {
    *("clone", "lift_fresh", "slice_scatter", "select_scatter", "diagonal_scatter", "as_strided_scatter"),
    *("as_strided", "expand_copy", "view_copy", "squeeze_copy", "contiguous"),
}
VIEWS = {"view", "_unsafe_view", "_reshape_alias", "view_copy"}
COMPARISONS = {"gt", "ge", "lt", "le", "eq", "ne"}
SELF_GATES = {"silu": 0.5, "gelu": 0.5, "hardswish": 0.5, "mish": 0.6}  # f(x) = s(x) x, with s(0)
WEIGHTS = "weights"


@dataclass(frozen=True)
class Signal(Generic[State]):
    """A tensor that is a sum over paths: their state, and of which example each entry is (from 1; 0 for any)."""

    state: State
    examples: Tensor


@dataclass(frozen=True)
class Gate:
    """A tensor that depends on the input as no sum over paths does.

    Attributes:
        cause: What computed it, and where.
        steps: Whether it is a comparison, constant on pieces.
    """

    cause: str
    steps: bool = False


Fact = Signal[Any] | Gate | str


class NoPathsError(Exception):
    """An operation of which the result is no sum over paths; its message says what it does."""


@dataclass(frozen=True)
class PathsOfOutputs(Generic[State]):
    """What a pass found.

    Attributes:
        outputs: The network's outputs ``[B, C]``.
        state: Of the paths to the outputs.
        real_gates: Where gates are not constant on pieces -> by which operation; empty for a piecewise-linear network.
    """

    outputs: Tensor
    state: State
    real_gates: dict[str, str]


def path_pass(model: nn.Module, x: Tensor, algebra: Algebra[State]) -> PathsOfOutputs[State]:
    """Follows the paths of a network to its outputs.

    Args:
        model: In evaluation mode and float64; it stays as it is.
        x: Examples as it takes them, float64 ``[B, …]``, at least two.
        algebra: What is computed of the paths.

    Raises:
        InputError: An operation is no sum over paths; it and the layer are named.
    """
    watch = _PathWatch(model, x, algebra)
    with torch.inference_mode(False):
        outputs = watch.run(x)
    fact = watch.fact(outputs)
    if isinstance(fact, Gate):
        raise InputError(
            f"{fact.cause}, so that the outputs are no sum over paths.",
            expected="linear layers, convolutions, ReLU and its kin, pooling, sums, products with gates s(x) x",
        )
    if not isinstance(fact, Signal) or outputs.ndim != 2 or len(outputs) != len(x):
        shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise InputError(
            f"The network gives {shape} for {len(x)} examples.", expected="sums over paths from the input, [B, C]"
        )
    if not _in_order(fact.examples, len(x)):
        raise InputError(
            "The rows of the network's outputs are not the examples in their order.", expected="a row for each example"
        )
    return PathsOfOutputs(outputs, fact.state, watch.real_gates)


class _PathWatch(OperationWatch[Fact], Generic[State]):
    """Translates operations into calls of the algebra; facts belong to single tensors, not to storages."""

    def __init__(self, model: nn.Module, x: Tensor, algebra: Algebra[State]):
        super().__init__(model, RULES.keys() | COMPARISONS)
        self.algebra = algebra
        self.real_gates: dict[str, str] = {}
        self.batch = len(x)
        for parameter in model.parameters():
            self.note(parameter, WEIGHTS)
        number = torch.arange(1.0, len(x) + 1, dtype=torch.float64)
        examples = number.view(-1, *[1] * (x.ndim - 1)).expand(x.shape)
        ones = algebra.constant(torch.ones_like(x), weights=False)
        self.note(x, Signal(algebra.scaled(ones, x, fixed=False), examples))

    def key(self, tensor: Tensor) -> int:
        return id(tensor)

    def forward(self, *inputs: Tensor) -> Any:
        return functionalize(self._model)(*inputs)

    def joined(self, before: Fact, now: Fact) -> Fact:
        return now

    def after(self, operation: Operation) -> tuple[Any, Fact | None]:
        facts = [self.fact(tensor) for tensor in operation.tensors]
        result = operation()
        if any(isinstance(fact, Signal) for fact in facts):
            try:
                if operation.name not in RULES:
                    raise NoPathsError(f"computes {operation.name!r}")
                for tensor, signal in RULES[operation.name](self, operation, result):
                    self.note(tensor, signal)
                return result, None
            except NoPathsError as why:
                name, module = self.module
                where = f"Layer {name!r} ({type(module).__name__})" if name else type(module).__name__
                return result, Gate(f"{where} {why}", operation.name in COMPARISONS)
        gates = [fact for fact in facts if isinstance(fact, Gate)]
        if gates:
            steps = all(gate.steps for gate in gates) and operation.name in FULL_MOVES | {"logical_not", "bitwise_not"}
            return result, Gate(gates[0].cause, steps)
        return result, WEIGHTS

    def signal(self, value: Any, shape: torch.Size) -> Signal[State] | None:
        """The signal that a summand is, spread to this shape; None for the number 0.

        Raises:
            NoPathsError: It depends on the input in another way.
        """
        fact = self.fact(value)
        if isinstance(fact, Signal):
            return self.spread(fact, value, shape)
        if isinstance(fact, Gate):
            raise NoPathsError(f"adds what is no sum over paths ({fact.cause})")
        constant = torch.as_tensor(value, dtype=torch.float64)
        if fact is None and not constant.any():
            return None
        state = self.algebra.constant(constant.expand(shape), weights=fact == WEIGHTS)
        return Signal(state, torch.zeros((), dtype=torch.float64).expand(shape))

    def spread(self, signal: Signal[State], tensor: Tensor, shape: torch.Size) -> Signal[State]:
        """A signal broadcast to a shape."""
        if tensor.shape == shape:
            return signal
        return self.moved(signal, lambda t: t.expand(shape))

    def moved(self, signal: Signal[State], move: Move) -> Signal[State]:
        """A signal whose units, and whose examples with them, are moved."""
        return Signal(self.algebra.moved(signal.state, move), move(signal.examples))

    def added(self, signals: Sequence[Signal[State] | None]) -> Signal[State]:
        """The sum of signals of one shape."""
        present = [signal for signal in signals if signal is not None]
        examples = present[0].examples
        for other in present[1:]:
            if bool(((examples != other.examples) & (examples > 0) & (other.examples > 0)).any()):
                raise NoPathsError("adds different examples of a batch")
            examples = torch.maximum(examples, other.examples)
        if len(present) == 1:
            return present[0]
        return Signal(self.algebra.added([signal.state for signal in present]), examples)

    def scaled(self, signal: Signal[State], factor: Tensor | float, *, fixed: bool) -> Signal[State]:
        """A signal times fixed multipliers or gates of its shape."""
        return Signal(self.algebra.scaled(signal.state, factor, fixed=fixed), signal.examples)

    def real_gate(self, operation: Operation) -> None:
        """Records that a gate is not constant on pieces."""
        self.real_gates.setdefault(self.module[0] or type(self.module[1]).__name__, operation.name)

    def require_batch(self, signal: Signal[State], rows: int) -> None:
        """Checks that the first axis, of so many rows for each example, is the batch.

        Raises:
            NoPathsError: It is not.
        """
        if not _in_order(signal.examples.reshape(len(signal.examples), -1), self.batch, rows):
            raise NoPathsError("has no row for each example in its input")


Rule = Callable[[_PathWatch[Any], Operation, Any], list[tuple[Tensor, Signal[Any]]]]
RULES: dict[str, Rule] = {}


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def add(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return add


def _in_order(examples: Tensor, batch: int, rows: int = 1) -> bool:
    number = torch.arange(1.0, batch + 1, dtype=torch.float64).repeat_interleave(rows)
    if len(examples) != len(number):
        return False
    return bool(((examples == number[:, None]) | (examples == 0)).all())


@_rule(*FULL_MOVES)
def _move(watch: _PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
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


@_rule("add", "sub", "rsub", "neg", "addcmul")
def _sum(watch: _PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
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


@_rule("mul", "div")
def _product(watch: _PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
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


def _times(watch: _PathWatch[Any], operation: Operation, first: Any, second: Any, shape: torch.Size) -> Signal[Any]:
    kinds = [isinstance(watch.fact(factor), Signal) for factor in (first, second)]
    if all(kinds):
        raise NoPathsError("multiplies two sums over paths")
    signal, factor = (first, second) if kinds[0] else (second, first)
    return _multiplied(watch, operation, signal, (factor, watch.fact(factor)), shape)


def _multiplied(
    watch: _PathWatch[Any], operation: Operation, tensor: Tensor, by: tuple[Any, Fact | None], shape: torch.Size
) -> Signal[Any]:
    """A signal times a number, a constant tensor, weights or a gate."""
    factor, fact = by
    signal = watch.spread(watch.fact(tensor), tensor, shape)  # type: ignore[arg-type]
    if not isinstance(factor, Tensor) or (fact is None and factor.numel() == 1):
        return watch.scaled(signal, float(factor), fixed=True)
    full = factor.double().expand(shape)
    if fact == WEIGHTS:
        return Signal(watch.algebra.weighted(signal.state, full), signal.examples)
    if isinstance(fact, Gate) and not fact.steps:
        watch.real_gate(operation)
    return watch.scaled(signal, full, fixed=fact is None)


@_rule("where")
def _where(watch: _PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    condition, *branches = operation.args
    fact = watch.fact(condition)
    if isinstance(fact, Gate) and not fact.steps:
        watch.real_gate(operation)
    gates = (condition.double().expand(result.shape), (~condition).double().expand(result.shape))
    terms = [watch.signal(branch, result.shape) for branch in branches]
    fixed = fact is None
    return [(result, watch.added(_gated(watch, terms, gates, fixed=fixed)))]


@_rule("relu", "leaky_relu", "abs", "threshold", "clamp_min", "clamp", "_prelu_kernel")
def _rectified(watch: _PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
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
    return [(result, watch.scaled(signal, positive + (1 - positive) * low, fixed=False))]


@_rule("maximum", "minimum")
def _larger(watch: _PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    """The larger or smaller of two, with a gate for each."""
    first = (operation.args[0] == result).double()
    terms = [watch.signal(arg, result.shape) for arg in operation.args[:2]]
    gates = (first, 1 - first)
    return [(result, watch.added(_gated(watch, terms, gates, fixed=False)))]


def _gated(
    watch: _PathWatch[Any], terms: Sequence[Signal[Any] | None], gates: Sequence[Tensor], *, fixed: bool
) -> list[Signal[Any] | None]:
    """Each term times its gate."""
    pairs = zip(terms, gates, strict=True)
    return [None if term is None else watch.scaled(term, gate, fixed=fixed) for term, gate in pairs]


@_rule(*SELF_GATES)
def _self_gated(watch: _PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    x = operation.args[0]
    signal = watch.fact(x)
    if not isinstance(signal, Signal):
        raise NoPathsError(f"computes {operation.name!r} of what is no sum over paths")
    watch.real_gate(operation)
    gate = torch.where(x == 0, SELF_GATES[operation.name], result / x)
    return [(result, watch.scaled(signal, gate, fixed=False))]


@_rule("mm", "addmm")
def _linear(watch: _PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    x, weight = operation.factors
    signal = watch.fact(x)
    if not isinstance(signal, Signal) or watch.fact(weight) != WEIGHTS:
        raise NoPathsError("multiplies by a matrix that is not one of weights")
    if any(operation.options.get(name, 1) != 1 for name in ("alpha", "beta")):
        raise NoPathsError("computes 'addmm' with factors")
    watch.require_batch(signal, len(x) // watch.batch)
    bias = operation.args[0] if operation.name == "addmm" else None
    return [(result, _with_bias(watch, watch.algebra.dense, (x, signal, weight.T), bias, result))]


@_rule("convolution")
def _convolution(watch: _PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
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
    watch: _PathWatch[Any],
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


@_rule(*NORMALISATIONS)
def _normalised(watch: _PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
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


@_rule("sum", "mean")
def _reduced(watch: _PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    x, rest = operation.args[0], operation.args[1:]
    dims = rest[0] if rest and rest[0] is not None else list(range(x.ndim))
    dims = sorted(dim % x.ndim for dim in dims)
    others = [dim for dim in range(x.ndim) if dim not in dims]
    signal = watch.fact(x)
    size = x.numel() // max(1, result.numel())
    if not isinstance(signal, Signal) or 0 in dims:
        raise NoPathsError("adds different examples of a batch")

    def at(index: int) -> Move:
        return lambda t: t.permute(*others, *dims).flatten(len(others))[..., index].reshape(result.shape)

    total = watch.added([watch.moved(signal, at(index)) for index in range(size)])
    return [(result, total if operation.name == "sum" else watch.scaled(total, 1 / size, fixed=True))]


def _windows(side: Sequence[int], out: Sequence[int], pool: Sequence[Sequence[int]]) -> list[tuple[Move, Tensor]]:
    """For each place in a window: the move that takes it from every window, and its index in the image (-1 outside).

    Args:
        side: Lengths of the image.
        out: Numbers of windows.
        pool: Sides of the window, strides, paddings and dilations.
    """
    windows = []
    for offset in product(*(range(k) for k in pool[0])):
        at = [
            torch.arange(n) * s + o * d - p
            for n, o, (_, s, p, d) in zip(out, offset, zip(*pool, strict=True), strict=True)
        ]
        valid = torch.ones(tuple(out), dtype=torch.bool)
        flat = torch.zeros(tuple(out), dtype=torch.long)
        for axis, (index, length) in enumerate(zip(at, side, strict=True)):
            shape = [-1 if a == axis else 1 for a in range(len(out))]
            valid &= ((index >= 0) & (index < length)).view(shape)
            flat = flat * length + index.view(shape)
        windows.append((_taken(at, side, valid), torch.where(valid, flat, -1)))
    return windows


def _taken(at: Sequence[Tensor], side: Sequence[int], valid: Tensor) -> Move:
    inside = [index.clamp(0, length - 1) for index, length in zip(at, side, strict=True)]

    def move(t: Tensor) -> Tensor:
        first = t.ndim - len(inside)
        for axis, index in enumerate(inside):
            t = t.index_select(first + axis, index)
        return t if bool(valid.all()) else t * valid

    return move


def _pool(args: Sequence[Any], axes: int) -> list[list[int]]:
    """Sides of the window, strides and paddings, each for every axis."""
    sides, stride, padding = (list(args) + [None] * 3)[:3]
    kernel = list(sides) * axes if len(sides) == 1 else list(sides)
    strides = list(stride) * axes if stride and len(stride) == 1 else list(stride or kernel)
    pads = list(padding) * axes if isinstance(padding, list | tuple) and len(padding) == 1 else padding
    return [kernel, strides, [0] * axes if pads in (None, 0) else list(pads)]


@_rule("max_pool2d_with_indices", "max_pool3d_with_indices")
def _maximum(watch: _PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    """A gate for each edge into a window's maximum."""
    x, axes = operation.args[0], 2 if "2d" in operation.name else 3
    signal = watch.fact(x)
    if not isinstance(signal, Signal):
        raise NoPathsError("pools what is no sum over paths")
    dilation = list(operation.args[4]) if len(operation.args) > 4 else [1] * axes
    pool = [*_pool(operation.args[1:4], axes), dilation * axes if len(dilation) == 1 else dilation]
    values, chosen = result
    parts = [
        watch.scaled(watch.moved(signal, move), (chosen == index).double(), fixed=False)
        for move, index in _windows(x.shape[-axes:], values.shape[-axes:], pool)
    ]
    return [(values, watch.added(parts))]


@_rule("avg_pool2d", "avg_pool3d", "avg_pool1d", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d")
def _average(watch: _PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    """Fixed multipliers, one for each place of a window."""
    x, axes = operation.args[0], int(operation.name.removesuffix("d")[-1])
    signal = watch.fact(x)
    if not isinstance(signal, Signal):
        raise NoPathsError("pools what is no sum over paths")
    side, out = x.shape[-axes:], result.shape[-axes:]
    if operation.name.startswith("_adaptive"):
        if any(length % n for length, n in zip(side, out, strict=True)):
            raise NoPathsError(f"averages {tuple(side)} to {tuple(out)}, over windows of different sizes")
        kernel = [length // n for length, n in zip(side, out, strict=True)]
        pool = [kernel, kernel, [0] * axes]
    else:
        pool = _pool(operation.args[1:4], axes)
    windows = _windows(side, out, [*pool, [1] * axes])
    inside = sum((index >= 0).double() for _, index in windows)
    ones = operation.function(torch.ones(1, 1, *side, dtype=torch.float64), *operation.args[1:], **operation.options)
    factor = ones[0, 0] / inside  # 1 / the divisor, at every window
    equal = bool((factor == factor.flatten()[0]).all())
    total = watch.added([watch.moved(signal, move) for move, _ in windows])
    by = float(factor.flatten()[0]) if equal else factor.expand(result.shape)
    return [(result, watch.scaled(total, by, fixed=True))]
