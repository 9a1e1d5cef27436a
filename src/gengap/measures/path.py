"""Sums over all paths of a network, by one pass of ones through a copy with powered weights."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from gengap.measures.subject import Subject
from gengap.measures.values import Finding, NotDefined, from_log
from gengap.models.layers import LocalResponseNorm
from gengap.network.copies import in_float64
from gengap.network.homogeneity import not_homogeneous
from gengap.network.operations import DIFFERENCES, MOVES, PRODUCTS, SUMS, Operation, OperationWatch
from gengap.network.rules import has_own_forward, has_running_statistics

EXAMPLES = 2  # in the pass: of one alone, squeeze() would drop the batch
RECTIFIERS = {  # the identity where inputs are nonnegative, or a constant times it, or a maximum
    *("relu", "leaky_relu", "rrelu_with_noise", "_prelu_kernel", "threshold", "clamp", "clamp_min", "abs", "elu"),
    *("celu", "maximum", "amax", "max", "max_pool2d_with_indices", "max_pool3d_with_indices"),
    *("adaptive_max_pool2d", "adaptive_max_pool3d"),
}
KNOWN = MOVES | SUMS | PRODUCTS | RECTIFIERS | DIFFERENCES
WITH_CONSTANTS = SUMS | PRODUCTS | {"cat", "stack", "copy"}  # these put constants beside what depends on the input
WITH_NUMBERS = {"add", "mul", "div"}  # these may do so with a Python number
CONSTANT, WEIGHTS, SIGNAL = range(3)  # what a tensor depends on: nothing, parameters alone, the input
_LEAST = sys.float_info.min  # smaller numbers have fewer digits


@dataclass(frozen=True)
class PathSum:
    """The sum over paths to each output.

    Attributes:
        outputs: Float64 ``[C]``; None where the network has no such sum.
        left_out: Name -> why, of layers that the identity replaced, or that forbid the sum.
    """

    outputs: Tensor | None
    left_out: dict[str, str]


def path_sum(model: nn.Module, input_shape: tuple[int, ...], power: int) -> PathSum:
    r"""For each output k, :math:`\sum_{\text{paths to } k} \prod_{w \in \text{path}} |w|^p`.

    Every weight w is replaced by :math:`|w|^p` and an input of ones passed through, in float64; ReLUs then let all
    pass. A bias is the weight of paths that start at it, as in the code of Dziugaite et al. 2020, which squares all
    parameters. Pools and constants, buffers among them, stay as they are: of a window, a maximum takes the largest
    sum alone. A batch norm that is still there counts as the weight and the bias of each channel that it is.

    Response normalisation is left out (the identity takes its place), by name. Attention, layer norm and the like, or
    any other function that is not homogeneous on nonnegative inputs, have no sum over paths. Neither has a layer like
    one of PyTorch's with another forward pass, since its parameters need not be the weights that it applies. Of
    everything else, a watched pass shows whether it adds up paths: a difference of two branches, a negative constant
    or a weight computed from parameters, as a normalised one, does not.

    Args:
        model: In evaluation mode, with batch norm folded; it stays as it is.
        input_shape: Of one example.
        power: p, at least 1.
    """
    overridden = {
        name: f"{type(m).__name__} has a forward pass of its own"
        for name, m in model.named_modules()
        if has_own_forward(m)
    }
    if overridden:
        return PathSum(None, overridden)
    powered, left_out = _powered(model, power)
    ones = torch.ones(EXAMPLES, *input_shape, dtype=torch.float64)
    forbids = not_homogeneous(powered, ones)
    if forbids:
        return PathSum(None, forbids)
    watch = _PathsAdded(powered, ones)
    outputs = watch.run(ones)
    forbids = watch.refused or _not_one_by_one(powered, outputs, ones)
    return PathSum(None, forbids) if forbids else PathSum(outputs[0].detach().reshape(-1), left_out)


def path_finding(subject: Subject, power: int, *, root: float = 1.0, margin: float = 1.0) -> Finding:
    """``(sum over outputs and paths of prod |w|^power)^(1/root) / margin^2``, batch norm folded.

    It is partial where layers are left out, and where a parameter counts as a weight of paths that no rule covers.

    Args:
        subject: The network.
        power: Of each weight.
        root: Which root is taken, at least 1.
        margin: Greater than 0.

    Raises:
        NotDefined: A function in the network has no sum over paths.
    """
    if subject.problem.vocabulary is not None:
        raise NotDefined("inputs are tokens, which are looked up and not multiplied along paths")
    paths: PathSum = subject.once(_sum_of(power))
    if paths.outputs is None:
        raise NotDefined(_sentence(paths.left_out), *filter(None, paths.left_out))
    not_covered = paths.left_out | _uncovered(subject)
    total = float(paths.outputs.sum())
    if total < _LEAST and _has_paths(subject):
        raise NotDefined("the sum over paths is below float64's least number")
    finding = Finding(total)
    if total < _LEAST:
        finding = Finding(0.0, reason="no path has only weights other than zero")
    elif math.isfinite(total):
        finding = from_log(
            math.log(total) / root - 2 * math.log(margin), details={"largest_output": float(paths.outputs.max())}
        )
    if not not_covered:
        return finding
    reason = "; ".join(filter(None, (finding.reason, _sentence(not_covered))))
    return replace(finding, status="partial", reason=reason, not_covered=tuple(not_covered))


@cache
def _sum_of(power: int) -> Callable[[Subject], PathSum]:
    """The same function for the same power, so that measures share what a Subject computes by it."""
    return lambda subject: path_sum(subject.folded_model, subject.input_shape, power)


def _sentence(reasons: dict[str, str]) -> str:
    return "; ".join(f"{name}: {why}" if name else why for name, why in reasons.items())


def _uncovered(subject: Subject) -> dict[str, str]:
    """What no rule covers, but for batch norms that are not folded: ``path_sum`` takes them as what they are."""
    modules = dict(subject.folded_model.named_modules())
    return {
        name: why
        for name, why in subject.uncovered.items()
        if name not in modules or not has_running_statistics(modules[name])
    }


def _has_paths(subject: Subject) -> bool:
    """Whether a path has only weights other than zero, which products that vanish in float64 would hide."""
    scaled = in_float64(subject.folded_model)
    with torch.no_grad():
        for parameter in scaled.parameters():
            parameter.div_(parameter.abs().max().clamp_min(_LEAST))
    paths = path_sum(scaled, subject.input_shape, 1)
    return paths.outputs is not None and float(paths.outputs.sum()) > 0


def _powered(model: nn.Module, power: int) -> tuple[nn.Module, dict[str, str]]:
    """A float64 copy with powered weights and without response normalisation, and why layers are left out."""
    powered = in_float64(model).cpu()
    left_out = {}
    for name, module in list(powered.named_modules()):
        if isinstance(module, LocalResponseNorm | nn.LocalResponseNorm):
            left_out[name] = "response normalisation is left out"
            powered.set_submodule(name, nn.Identity())
        elif has_running_statistics(module) and module.running_mean is not None:
            powered.set_submodule(name, _ByChannel(module))
    with torch.no_grad():
        for parameter in powered.parameters():
            parameter.copy_(parameter.abs() ** power)
    return powered, left_out


class _ByChannel(nn.Module):
    """A batch norm in evaluation mode as what it is: a weight and a bias for each channel."""

    def __init__(self, norm: nn.Module):
        super().__init__()
        mean: Any = norm.running_mean
        scale, offset = getattr(norm, "weight", None), getattr(norm, "bias", None)
        weight = (norm.running_var + norm.eps).rsqrt()  # type: ignore[operator]
        weight = weight if scale is None else weight * scale
        bias = -mean * weight if offset is None else offset - mean * weight
        self.weight, self.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1, *[1] * (x.ndim - 2))
        return x * self.weight.view(shape) + self.bias.view(shape)


def _not_one_by_one(model: nn.Module, outputs: Tensor, ones: Tensor) -> dict[str, str]:
    """Why a row of outputs is not what one example gives: rows are no examples, or depend on the other examples."""
    if not outputs.ndim or len(outputs) != EXAMPLES:
        return {"": f"{EXAMPLES} examples give outputs of shape {tuple(outputs.shape)}, without a row for each"}
    other = ones.clone()
    other[1:] = 0
    with torch.no_grad():
        alone = model(other)[0]
    if not torch.equal(alone, outputs[0]):
        return {"": "the outputs of an example depend on the other examples of its batch"}
    return {}


class _PathsAdded(OperationWatch[int]):
    """Whether every operation of a network with nonnegative weights adds up paths.

    Sums, rearrangements, maxima and products of at most one factor that depends on the input turn sums over paths
    into sums over paths, as long as constants are not negative: the outputs are then a polynomial in the parameters
    with nonnegative coefficients. What is a difference may cancel paths; what is made of parameters by anything but
    sums and products is no weight of a path.

    Attributes:
        refused: Name of a module -> why an operation in it does not add up paths; empty for the network itself.
    """

    def __init__(self, model: nn.Module, x: Tensor):
        super().__init__(model, KNOWN)
        self.refused: dict[str, str] = {}
        for parameter in model.parameters():
            self.note(parameter, WEIGHTS)
        self.note(x, SIGNAL)

    def joined(self, before: int, now: int) -> int:
        return max(before, now)

    def after(self, operation: Operation) -> tuple[Any, int | None]:
        depends = max(self._depends(tensor) for tensor in operation.tensors)
        objection = self._objection(operation, depends)
        if objection:
            self.refused.setdefault(self.module[0], objection)
        return operation(), depends

    def _objection(self, operation: Operation, depends: int) -> str:
        name = operation.name
        if name in DIFFERENCES or any(_is_negative(option) for option in operation.options.values()):
            return f"computes {name!r}, a difference, in which paths cancel"
        if name in WITH_CONSTANTS and self._has_negative_constant(operation):
            return f"computes {name!r} with constants of which some are negative"
        if name in PRODUCTS:
            return self._objection_to_factors(operation)
        if name in RECTIFIERS and depends == WEIGHTS:
            return f"computes {name!r} of parameters alone, which depends on their signs"
        return "" if name in KNOWN else f"computes {name!r}, which is not known to add up paths"

    def _objection_to_factors(self, operation: Operation) -> str:
        depends = [self._depends(factor) for factor in operation.factors]
        if depends.count(SIGNAL) > 1:
            return f"multiplies two quantities that both depend on the input ({operation.name!r})"
        if operation.name == "div" and depends[1] != CONSTANT:
            return "divides by what depends on the input or on parameters"
        return ""

    def _has_negative_constant(self, operation: Operation) -> bool:
        tensors = [tensor for tensor in operation.tensors if self._depends(tensor) == CONSTANT]
        with_numbers = operation.name in WITH_NUMBERS
        numbers = [arg for arg in operation.args if not isinstance(arg, Tensor)] if with_numbers else []
        return any(map(_is_negative, (*tensors, *numbers)))

    def _depends(self, value: Any) -> int:
        return self.fact(value) or CONSTANT


def _is_negative(value: Any) -> bool:
    if isinstance(value, Tensor):
        return bool((value < 0).any())
    return isinstance(value, int | float) and value < 0
