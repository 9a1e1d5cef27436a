"""Follows the paths of a network through one pass: facts of tensors, the registry of rules, and the watch.

In-place operations are taken apart by ``torch.func.functionalize``, so that each tensor is computed once.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import torch
from torch import Tensor, nn
from torch.func import functionalize
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from gengap.errors import InputError
from gengap.network.operations import MOVES, PRODUCTS, Operation, OperationWatch, storage
from gengap.probes.paths.algebra import Algebra, Move, State

FULL_MOVES = (MOVES - {"clone"}) | {
    *("clone", "lift_fresh", "slice_scatter", "select_scatter", "diagonal_scatter", "as_strided_scatter"),
    *("as_strided", "expand_copy", "view_copy", "squeeze_copy", "contiguous"),
}
COMPARISONS = {"gt", "ge", "lt", "le", "eq", "ne"}
JOINED = {"mul", "logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"}
OUTSIDE = {Tensor.numpy, Tensor.__array__, Tensor.tolist, Tensor.__dlpack__}
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
        steps: Whether it is 0 or 1 for all inputs and constant on pieces: a comparison, or several joined.
        order: Whether it would be a sum over paths if the batch were its first axis.
    """

    cause: str
    steps: bool = False
    order: bool = False


Fact = Signal[Any] | Gate | str


class NoPathsError(Exception):
    """An operation of which the result is no sum over paths; its message says what it does."""


class OrderError(NoPathsError):
    """An operation that takes the batch away from the first axis."""


def no_paths(cause: str) -> InputError:
    """The error of a network that is no sum over paths."""
    return InputError(
        f"{cause}, so that the outputs are no sum over paths.",
        expected="linear layers, convolutions, ReLU and its kin, pooling, sums, products with gates s(x) x",
    )


@dataclass(frozen=True)
class PathsOfOutputs(Generic[State]):
    """What a pass found.

    Attributes:
        outputs: The network's outputs ``[B, C]``.
        state: Of the paths to the outputs.
        real_gates: Where gates are not constant on pieces -> by which operation; empty for a piecewise-linear network.
        bytes: Of all activations and what is noted of them, which the pass holds at its end.
    """

    outputs: Tensor
    state: State
    real_gates: dict[str, str]
    bytes: int


class PathWatch(OperationWatch[Fact], Generic[State]):
    """Translates operations into calls of the algebra; facts belong to single tensors, not to storages."""

    def __init__(self, model: nn.Module, x: Tensor, algebra: Algebra[State], largest: float = math.inf):
        super().__init__(model, RULES.keys() | COMPARISONS)
        self.algebra = algebra
        self.real_gates: dict[str, str] = {}
        self.batch = len(x)
        for parameter in model.parameters():
            self.note(parameter, WEIGHTS)
        number = torch.arange(1.0, len(x) + 1, dtype=torch.float64)
        examples = number.view(-1, *[1] * (x.ndim - 1)).expand(x.shape)
        ones = algebra.constant(torch.ones_like(x), weights=False)
        self.note(x, Signal(algebra.scaled(ones, x, fixed=False, largest_gate=largest), examples))

    def key(self, tensor: Tensor) -> int:
        """Identity of a tensor, which facts belong to."""
        return id(tensor)

    def forward(self, *inputs: Tensor) -> Any:
        """The pass, with in-place operations taken apart."""
        with _InsidePyTorch(self):
            return functionalize(self._model)(*inputs)

    def joined(self, before: Fact, now: Fact) -> Fact:
        """The later fact of a tensor counts."""
        return now

    def after(self, operation: Operation) -> tuple[Any, Fact | None]:
        """Runs an operation; returns its result and what is known of it."""
        facts = [self.fact(tensor) for tensor in operation.tensors]
        if any(isinstance(fact, Signal | Gate) for fact in facts):
            self.require_followable(operation)
        result = operation()
        if any(isinstance(fact, Signal) for fact in facts):
            try:
                if operation.name not in RULES:
                    raise NoPathsError(f"computes {operation.name!r}")
                for tensor, signal in RULES[operation.name](self, operation, result):
                    self.note(tensor, signal)
                return result, None
            except NoPathsError as why:
                order = isinstance(why, OrderError)
                return result, Gate(f"{self.where} {why}", operation.name in COMPARISONS, order)
        gates = [fact for fact in facts if isinstance(fact, Gate)]
        if gates:
            return result, self._followed(operation, result, gates)
        return result, WEIGHTS

    def _followed(self, operation: Operation, result: Any, gates: Sequence[Gate]) -> Gate:
        """What an operation makes of gates; one that no order of axes makes a sum over paths is named as the cause."""
        if all(gate.order for gate in gates):
            if operation.name in RULES.keys() | PRODUCTS:
                return Gate(gates[0].cause, order=True)
            return Gate(f"{self.where} computes {operation.name!r}")
        cause = next(gate.cause for gate in gates if not gate.order)
        return Gate(cause, self._is_step(operation, result))

    def _is_step(self, operation: Operation, result: Any) -> bool:
        """Whether a result is 0 or 1 for all inputs, and constant on pieces: comparisons, moved, negated or joined."""
        facts = [self.fact(leaf) for leaf in (operation.args if operation.name in JOINED else operation.tensors)]
        steps = all(isinstance(fact, Gate) and fact.steps for fact in facts)
        known = operation.name in FULL_MOVES | JOINED | {"logical_not", "bitwise_not"}
        leaves = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        return steps and known and all(bool(((leaf == 0) | (leaf == 1)).all()) for leaf in leaves)

    def require_followable(self, operation: Operation) -> None:
        """Checks that whatever an operation does is in its result.

        Raises:
            InputError: It writes into a tensor that others share, or gives Python a number, which may come back as if
                it were a constant. (A truth value decides which way to go, which blocks of examples are compared by.)
        """
        if operation.function._schema.is_mutable and self._is_shared(operation):
            raise no_paths(f"{self.where} computes {operation.name!r} in place where it cannot be taken apart")
        if operation.name == "_local_scalar_dense" and operation.tensors[0].dtype != torch.bool:
            raise no_paths(f"{self.where} reads a number that depends on the input")

    def _is_shared(self, operation: Operation) -> bool:
        """Whether what is written into is, or has in common with another known tensor, more than a gate."""
        target = operation.args[0]
        others = (other for other, _ in self._facts.values() if other is not target)
        signals = any(isinstance(self.fact(tensor), Signal) for tensor in operation.tensors)
        return signals or any(storage(other) == storage(target) for other in others)

    @property
    def where(self) -> str:
        """The module that is running, in words."""
        name, module = self.module
        return f"Layer {name!r} ({type(module).__name__})" if name else type(module).__name__

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
        constant = self.same_for_all(constant.expand(shape))
        state = self.algebra.constant(constant, weights=fact == WEIGHTS)
        return Signal(state, torch.zeros((), dtype=torch.float64).expand(shape))

    def same_for_all(self, value: Tensor) -> Tensor:
        """A constant ``[B, …]``, which has to be the same for all examples.

        Raises:
            NoPathsError: It is not.
        """
        if value.ndim and not len(value) % self.batch:
            rows = value.reshape(self.batch, -1)
            if not torch.equal(rows, rows[:1].expand_as(rows)):
                raise NoPathsError("uses a constant that differs between the examples of a batch")
        return value

    @property
    def bytes(self) -> int:
        """Of all tensors that something is known of, without the parameters, and of what is known of them."""
        tensors = [tensor for tensor, fact in self._facts.values() if isinstance(fact, Signal)]
        signals = [fact for _, fact in self._facts.values() if isinstance(fact, Signal)]
        tensors += [signal.examples for signal in signals]
        terms = [term for signal in signals if isinstance(signal.state, list) for term in signal.state]
        tensors += [part for term in terms for part in vars(term).values() if isinstance(part, Tensor)]
        sizes = {storage(t): min(t.numel() * t.element_size(), t.untyped_storage().nbytes()) for t in tensors}
        return sum(sizes.values())

    def spread(self, signal: Signal[State], tensor: Tensor, shape: torch.Size) -> Signal[State]:
        """A signal broadcast to a shape."""
        if tensor.shape == shape:
            return signal
        return self.moved(signal, lambda t: t.expand(shape))

    def moved(self, signal: Signal[State], move: Move) -> Signal[State]:
        """A signal whose units, and whose examples with them, are moved; each example stays in one block, in order.

        Raises:
            NoPathsError: The move takes the batch away from the front, where the algebra expects it.
        """
        examples = move(signal.examples)
        if examples.numel() % self.batch or not in_order(examples.reshape(self.batch, -1), self.batch):
            raise OrderError("moves the examples of the batch away from the first axis, or out of their order")
        return Signal(self.algebra.moved(signal.state, move), examples)

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

    def scaled(
        self, signal: Signal[State], factor: Tensor | float, *, fixed: bool, largest_gate: float = 1.0
    ) -> Signal[State]:
        """A signal times fixed multipliers or gates of its shape; no input has a gate above ``largest_gate``."""
        return Signal(
            self.algebra.scaled(signal.state, factor, fixed=fixed, largest_gate=largest_gate), signal.examples
        )

    def real_gate(self, operation: Operation) -> None:
        """Records that a gate is not constant on pieces."""
        self.real_gates.setdefault(self.module[0] or type(self.module[1]).__name__, operation.name)

    def require_batch(self, signal: Signal[State], rows: int) -> None:
        """Checks that the first axis, of so many rows for each example, is the batch.

        Raises:
            NoPathsError: It is not.
        """
        if not in_order(signal.examples.reshape(len(signal.examples), -1), self.batch, rows):
            raise NoPathsError("has no row for each example in its input")


class _InsidePyTorch(TorchFunctionMode):
    """Refuses what hands activations over to other libraries, which the watch does not see.

    Args:
        watch: Of the pass.
    """

    def __init__(self, watch: PathWatch[Any]):
        super().__init__()
        self.watch = watch

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in OUTSIDE and torch._is_functional_tensor(args[0]):
            raise no_paths(f"{self.watch.where} reads activations outside of PyTorch, by {func.__name__!r}")
        return func(*args, **(kwargs or {}))


Rule = Callable[[PathWatch[Any], Operation, Any], list[tuple[Tensor, Signal[Any]]]]
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Decorator that registers what these operations do to sums over paths."""

    def add(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return add


def in_order(examples: Tensor, batch: int, rows: int = 1) -> bool:
    """Whether the first axis holds the examples in their order, each in ``rows`` rows; 0 belongs to any example."""
    number = torch.arange(1.0, batch + 1, dtype=torch.float64).repeat_interleave(rows)
    if len(examples) != len(number):
        return False
    return bool(((examples == number[:, None]) | (examples == 0)).all())
