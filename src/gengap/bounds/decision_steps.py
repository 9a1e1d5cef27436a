"""Where a piecewise-linear network decides: one forward pass, watched operation by operation.

Each operation is linear, or a product with parameters, or takes a decision by signs, or is refused. This file needs
torch and is imported where it is used.
"""

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from gengap.bounds.vc_bound import DecisionStep
from gengap.errors import InputError
from gengap.network.operations import (
    DIFFERENCES,
    MOVES,
    NORMALISATIONS,
    PRODUCTS,
    SUMS,
    Operation,
    OperationWatch,
    storage,
)

LINEAR = MOVES | SUMS | DIFFERENCES
KINKS = {"relu": 1, "leaky_relu": 1, "threshold": 1, "abs": 1, "maximum": 1, "minimum": 1}
KINKS |= {"clamp_min": 1, "clamp_max": 1, "clamp": 2, "hardtanh": 2}
MAXIMUM = "max_pool2d_with_indices"
EXAMPLES = 2  # in the pass; of one alone, squeeze() would drop the batch, and batch norm could not train


@dataclass(frozen=True)
class Trace:
    """What is known of a tensor: its degree in the parameters, the decisions before it, whether it sees the input."""

    degree: int = 0
    stage: int = 0
    sees_input: bool = False
    parameters: frozenset[int] = frozenset()  # of tensors made of parameters alone


def decision_steps(model: nn.Module, input_shape: tuple[int, ...]) -> list[DecisionStep]:
    """The decision steps of a network, the last of them that of its output; see ``vc_dimension``.

    Decisions that come after equally many others form one step, to which all parameters used until then belong.

    Raises:
        InputError: The network is not piecewise linear, or this cannot be seen.
    """
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    x = torch.zeros(EXAMPLES, *input_shape, dtype=like.dtype, device=like.device)
    watch = _Decisions(model, x)
    output = watch.run(x)
    trace = watch.trace(output)
    scored = isinstance(output, Tensor) and output.ndim == 2 and len(output) == EXAMPLES
    if not scored or not trace.sees_input or not watch.first_use:
        raise InputError(
            "The network's output is no function of input and parameters with a score for each class.",
            expected="one tensor [batch, scores]",
        )
    watch.decide(trace, max(1, output.shape[1] - 1))
    return watch.steps()


class _Decisions(OperationWatch[Trace]):
    """What each operation does to degree, stage and parameters.

    Since what is written in place into a part holds for the whole, a decision may be put after one that it does not
    depend on, which raises the bound.
    """

    def __init__(self, model: nn.Module, x: Tensor):
        super().__init__(model, LINEAR | PRODUCTS | NORMALISATIONS | KINKS.keys() | {MAXIMUM})
        self.sizes: dict[Hashable, int] = {id(p): p.numel() for p in model.parameters()}
        self.first_use: dict[Hashable, int] = {}  # parameter -> the earliest stage at which it meets the input
        self.decisions: dict[int, list[tuple[int, int]]] = defaultdict(list)  # stage -> (units, degree)
        self.note(x, Trace(sees_input=True))
        for parameter in model.parameters():
            self.note(parameter, Trace(degree=1, parameters=frozenset({id(parameter)})))

    def trace(self, value: Any) -> Trace:
        """What is known of a tensor; a constant where nothing is."""
        return self.fact(value) or Trace()

    def joined(self, before: Trace, now: Trace) -> Trace:
        return Trace(
            max(before.degree, now.degree),
            max(before.stage, now.stage),
            before.sees_input or now.sees_input,
            before.parameters | now.parameters,
        )

    def decide(self, trace: Trace, units: int) -> int:
        """Records a decision and returns the stage after it."""
        self.decisions[trace.stage + 1].append((units, trace.degree))
        return trace.stage + 1

    def steps(self) -> list[DecisionStep]:
        """The decisions by stage."""
        result = []
        for stage, decisions in sorted(self.decisions.items()):
            used = sum(self.sizes[p] for p, first in self.first_use.items() if first < stage)
            degree = max(degree for _, degree in decisions)
            result.append(DecisionStep(used, sum(units for units, _ in decisions), degree))
        return result

    def after(self, operation: Operation) -> tuple[Any, Trace | None]:
        traces = [self.trace(tensor) for tensor in operation.tensors]
        if not any(t.sees_input or t.parameters for t in traces):
            return operation(), None
        result = operation()
        if operation.options.get("rounding_mode") or _is_rounded(operation, result):
            raise self._refused(f"rounds ({operation.name!r})")
        return result, self._after(operation, traces, result)

    def _after(self, operation: Operation, traces: list[Trace], result: Any) -> Trace:
        name = operation.name
        if name in NORMALISATIONS:
            return self._normalised(operation)
        if name in LINEAR:
            return self._combined(traces, max(t.degree for t in traces))
        if name in PRODUCTS:
            return self._product(operation, traces)
        combined = self._combined(traces, max(t.degree for t in traces))
        if not combined.sees_input:
            raise self._refused(f"computes {name!r} of parameters alone")
        if name in KINKS:
            return replace(combined, stage=self.decide(combined, KINKS[name] * result.numel() // EXAMPLES))
        if name == MAXIMUM:
            sides = operation.args[1]
            window = prod(sides if len(sides) == 2 else sides * 2)
            comparisons = window * (window - 1) // 2
            return replace(combined, stage=self.decide(combined, comparisons * result[0].numel() // EXAMPLES))
        raise self._refused(f"computes {name!r}, which is not among the piecewise-linear operations")

    def _combined(self, traces: list[Trace], degree: int) -> Trace:
        """The trace of a combination; parameters that meet the input here are used from this stage on."""
        sees_input = any(t.sees_input for t in traces)
        stage = max(t.stage for t in traces)
        parameters = frozenset().union(*(t.parameters for t in traces))
        if not sees_input:
            return Trace(degree, stage, False, parameters)
        for parameter in parameters:
            self.first_use[parameter] = min(stage, self.first_use.get(parameter, stage))
        return Trace(degree, stage, True)

    def _product(self, operation: Operation, traces: list[Trace]) -> Trace:
        factors = [self.trace(factor) for factor in operation.factors]
        if sum(t.sees_input for t in factors) > 1:
            raise self._refused(f"multiplies two quantities that both depend on the input ({operation.name!r})")
        if operation.name == "div" and (factors[1].sees_input or factors[1].parameters):
            raise self._refused("divides by what depends on the input or on parameters")
        summands = (t.degree for t in traces)  # the factors too, whose degrees are no larger than the product's
        return self._combined(traces, max(1, sum(t.degree for t in factors), *summands))

    def _normalised(self, operation: Operation) -> Trace:
        """Batch normalisation: two free parameters a channel, unless its statistics are those of the batch."""
        args = operation.args
        if operation.name != "_native_batch_norm_legit_no_training" and args[5]:
            raise self._refused("normalises by statistics of the batch it is given", "call eval() on the network first")
        x = self.trace(args[0])
        layer = tuple(storage(leaf) for leaf in args[1:5] if isinstance(leaf, Tensor))  # one layer may be called twice
        self.sizes[layer] = 2 * args[0].shape[1]
        self.first_use[layer] = min(x.stage, self.first_use.get(layer, x.stage))
        return Trace(x.degree + 1, x.stage, True)

    def _refused(self, why: str, next_step: str = "") -> InputError:
        name, module = self.module
        where = f"Layer {name!r} ({type(module).__name__})" if name else type(module).__name__
        return InputError(
            f"{where} {why}.",
            expected="linear and convolution layers, pooling, ReLU and its kin, batch normalisation in evaluation mode",
            next_step=next_step or "this bound holds for piecewise-linear networks alone",
        )


def _is_rounded(operation: Operation, result: Any) -> bool:
    """Whether floats become whole numbers, or their bits are read as other numbers."""
    if operation.name not in LINEAR and operation.name not in PRODUCTS:
        return False
    results = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
    if operation.name == "view" and results[0].dtype != operation.tensors[0].dtype:
        return True
    return not all(leaf.is_floating_point() for leaf in results)
