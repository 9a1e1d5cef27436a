"""Where a piecewise-linear network decides: one forward pass, watched operation by operation.

PyTorch breaks every network down to a small set of operations. Each is linear, or a product with parameters, or takes
a decision by signs, or is refused; so nothing that a ``forward`` does by hand goes unseen. This file needs torch and
is imported where it is used.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gengap.bounds.vc_bound import DecisionStep
from gengap.errors import InputError

# fmt: off
LINEAR = {
    "view", "_unsafe_view", "reshape", "t", "transpose", "permute", "expand", "clone", "alias", "detach", "cat",
    "stack", "add", "add_", "sub", "rsub", "neg", "mean", "sum", "avg_pool1d", "avg_pool2d", "_adaptive_avg_pool2d",
    "slice", "select", "squeeze", "unsqueeze", "constant_pad_nd", "_to_copy", "split", "split_with_sizes", "unbind",
    "unfold", "repeat",
}
# fmt: on
PRODUCTS = {"mm", "addmm", "bmm", "baddbmm", "mv", "dot", "mul", "div", "convolution"}
KINKS = {"relu": 1, "relu_": 1, "leaky_relu": 1, "leaky_relu_": 1, "threshold": 1, "abs": 1, "maximum": 1}
KINKS |= {"minimum": 1, "clamp_min": 1, "clamp_max": 1, "clamp": 2, "hardtanh": 2, "hardtanh_": 2}
EXAMPLES = 2  # in the pass; batch normalisation in training mode would not take a single one
NORMALISATIONS = {"native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm"}


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
        InputError: The network is not piecewise linear, or it cannot be told that it is.
    """
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    x = torch.zeros(EXAMPLES, *input_shape, dtype=like.dtype, device=like.device)
    watch = _Watch(model, x)
    with torch.no_grad(), _layers_told(model, watch.path), watch:
        output = model(x)
    trace = watch.trace(output)
    if not isinstance(output, Tensor) or output.ndim != 2 or not trace.sees_input or not watch.first_use:
        raise InputError(
            "The network's output is no function of input and parameters with a score for each class.",
            expected="one tensor [batch, scores]",
        )
    watch.decide(trace, max(1, output.shape[1] - 1))
    return watch.steps()


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Follows what each operation does to degree, stage and parameters: by storage, which views share.

    What is written in place into a part holds for the whole: a decision may then be put after one that it does not
    depend on, which raises the bound.
    """

    def __init__(self, model: nn.Module, x: Tensor):
        super().__init__()  # type: ignore[no-untyped-call]
        self.path: list[tuple[str, nn.Module]] = [("", model)]
        self.sizes: dict[Hashable, int] = {id(p): p.numel() for p in model.parameters()}
        self.first_use: dict[Hashable, int] = {}  # parameter -> the earliest stage at which it meets the input
        self.decisions: dict[int, list[tuple[int, int]]] = defaultdict(list)  # stage -> (units, degree)
        self._known: dict[int, tuple[Tensor, Trace]] = {}  # holds the tensors, so that a number stays its storage's own
        self._note(x, Trace(sees_input=True))
        for parameter in model.parameters():
            self._note(parameter, Trace(degree=1, parameters=frozenset({id(parameter)})))

    def trace(self, tensor: Any) -> Trace:
        """What is known of a tensor; a constant where nothing is."""
        known = self._known.get(_storage(tensor)) if isinstance(tensor, Tensor) else None
        return known[1] if known else Trace()

    def _note(self, tensor: Tensor, trace: Trace) -> None:
        before = self.trace(tensor)
        both = Trace(
            max(before.degree, trace.degree),
            max(before.stage, trace.stage),
            before.sees_input or trace.sees_input,
            before.parameters | trace.parameters,
        )
        self._known[_storage(tensor)] = (tensor, both)

    def decide(self, trace: Trace, units: int) -> int:
        """Records a decision and returns the stage after it."""
        self.decisions[trace.stage + 1].append((units, trace.degree))
        return trace.stage + 1

    def steps(self) -> list[DecisionStep]:
        """The decisions by stage."""
        found = []
        for stage, decisions in sorted(self.decisions.items()):
            used = sum(self.sizes[p] for p, first in self.first_use.items() if first < stage)
            degree = max(degree for _, degree in decisions)
            found.append(DecisionStep(used, sum(units for units, _ in decisions), degree))
        return found

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves([args, dict(kwargs or {})]) if isinstance(leaf, Tensor)]
        traces = [self.trace(tensor) for tensor in tensors]
        if any(t.sees_input or t.parameters for t in traces):
            name = func.__name__.split(".")[0]
            if (kwargs or {}).get("rounding_mode") or _is_rounded(name, tensors, result):
                raise self._refused(f"rounds ({name!r})")
            after = self._after(name, args, traces, result)
            for leaf in tree_leaves(result):
                if isinstance(leaf, Tensor):
                    self._note(leaf, after)
        return result

    def _after(self, name: str, args: tuple[Any, ...], traces: list[Trace], result: Any) -> Trace:
        if name in NORMALISATIONS:
            return self._normalised(name, args)
        if name in LINEAR:
            return self._joined(traces, max(t.degree for t in traces))
        if name in PRODUCTS:
            return self._product(name, args, traces)
        joined = self._joined(traces, max(t.degree for t in traces))
        if not joined.sees_input:
            raise self._refused(f"computes {name!r} of parameters alone")
        if name in KINKS:
            return _at(joined, self.decide(joined, KINKS[name] * result.numel() // EXAMPLES))
        if name == "max_pool2d_with_indices":
            window = args[1] if len(args[1]) == 2 else args[1] * 2
            comparisons = prod(window) * (prod(window) - 1) // 2
            return _at(joined, self.decide(joined, comparisons * result[0].numel() // EXAMPLES))
        raise self._refused(f"computes {name!r}, which is not among the piecewise-linear operations")

    def _joined(self, traces: list[Trace], degree: int) -> Trace:
        """The trace of a combination; parameters that meet the input here are used from this stage on."""
        sees_input = any(t.sees_input for t in traces)
        stage = max(t.stage for t in traces)
        parameters = frozenset().union(*(t.parameters for t in traces))
        if not sees_input:
            return Trace(degree, stage, False, parameters)
        for parameter in parameters:
            self.first_use[parameter] = min(stage, self.first_use.get(parameter, stage))
        return Trace(degree, stage, True)

    def _product(self, name: str, args: tuple[Any, ...], traces: list[Trace]) -> Trace:
        """A product, with a summand first for addmm and baddbmm and last for a convolution."""
        factors = {"addmm": args[1:3], "baddbmm": args[1:3]}.get(name, args[:2])
        known = [self.trace(factor) for factor in factors]
        if sum(t.sees_input for t in known) > 1:
            raise self._refused(f"multiplies two quantities that both depend on the input ({name!r})")
        if name == "div" and (known[1].sees_input or known[1].parameters):
            raise self._refused("divides by what depends on the input or on parameters")
        summands = (t.degree for t in traces)  # the factors too, whose degrees are no larger than the product's
        return self._joined(traces, max(1, sum(t.degree for t in known), *summands))

    def _normalised(self, name: str, args: tuple[Any, ...]) -> Trace:
        """Batch normalisation: two free parameters a channel, unless its statistics are those of the batch."""
        if name != "_native_batch_norm_legit_no_training" and args[5]:
            raise self._refused("normalises by statistics of the batch it is given", "call eval() on the network first")
        x = self.trace(args[0])
        own = tuple(_storage(leaf) for leaf in args[1:5] if isinstance(leaf, Tensor))  # the same layer called again
        self.sizes[own] = 2 * args[0].shape[1]
        self.first_use[own] = min(x.stage, self.first_use.get(own, x.stage))
        return Trace(x.degree + 1, x.stage, True)

    def _refused(self, why: str, next_step: str = "") -> InputError:
        name, module = self.path[-1]
        where = f"Layer {name!r} ({type(module).__name__})" if name else type(module).__name__
        return InputError(
            f"{where} {why}.",
            expected="linear and convolution layers, pooling, ReLU and its kin, batch normalisation in evaluation mode",
            next_step=next_step or "this bound holds for piecewise-linear networks alone",
        )


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata) if tensor.layout is torch.strided else id(tensor)


def _is_rounded(name: str, tensors: list[Tensor], result: Any) -> bool:
    """Whether floats become whole numbers, or their bits are read as other numbers."""
    if name not in LINEAR and name not in PRODUCTS:
        return False
    found = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
    if name == "view" and found[0].dtype != tensors[0].dtype:
        return True
    return not all(leaf.is_floating_point() for leaf in found)


def _at(trace: Trace, stage: int) -> Trace:
    return Trace(trace.degree, stage, trace.sees_input, trace.parameters)


@contextmanager
def _layers_told(model: nn.Module, path: list[tuple[str, nn.Module]]) -> Iterator[None]:
    """Keeps ``path`` at the modules that are running, the innermost last."""

    def entering(name: str) -> Callable[..., None]:
        return lambda module, inputs: path.append((name, module))

    def leaving(module: nn.Module, inputs: Any, output: Any) -> None:
        path.pop()

    handles = []
    for name, module in model.named_modules():
        handles += [module.register_forward_pre_hook(entering(name)), module.register_forward_hook(leaving)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
