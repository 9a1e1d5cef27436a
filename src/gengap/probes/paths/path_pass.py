"""One pass of examples through a network, of which every operation is translated for an ``Algebra`` of paths."""

import math

import torch
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.probes.paths import pooling_rules, rules  # noqa: F401  # importing them registers the rules
from gengap.probes.paths.algebra import Algebra, State
from gengap.probes.paths.watch import Gate, PathsOfOutputs, PathWatch, Signal, in_order, no_paths


def path_pass(
    model: nn.Module, x: Tensor, algebra: Algebra[State], *, largest: float = math.inf
) -> PathsOfOutputs[State]:
    """Follows the paths of a network to its outputs.

    Args:
        model: In evaluation mode and float64; it stays as it is.
        x: Examples as it takes them, float64 ``[B, …]``, at least two.
        algebra: What is computed of the paths.
        largest: No coordinate of any input is above it in absolute value; only bounds on features need it.

    Raises:
        InputError: An operation is no sum over paths; it and the layer are named.
    """
    watch = PathWatch(model, x, algebra, largest)
    with torch.inference_mode(False):
        outputs = watch.run(x)
    fact = watch.fact(outputs)
    if isinstance(fact, Gate):
        raise no_paths(fact.cause)
    if isinstance(outputs, Tensor) and not isinstance(fact, Signal):
        raise InputError(
            "The network's outputs do not depend on its inputs.", expected="sums over paths from the input, [B, C]"
        )
    if not isinstance(fact, Signal) or outputs.ndim != 2 or len(outputs) != len(x):
        shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise InputError(
            f"The network gives {shape} for {len(x)} examples.", expected="sums over paths from the input, [B, C]"
        )
    if not in_order(fact.examples, len(x)):
        raise InputError(
            "The rows of the network's outputs are not the examples in their order.", expected="a row for each example"
        )
    _check_outputs(model, x, outputs)
    return PathsOfOutputs(outputs, fact.state, watch.real_gates, watch.bytes)


ROUNDING = 1e-9  # of the largest output


@torch.no_grad()
def _check_outputs(model: nn.Module, x: Tensor, watched: Tensor) -> None:
    """Whether a pass that is not watched gives the same outputs.

    Raises:
        InputError: It does not, or they are not finite.
    """
    plain = model(x)
    if not bool(plain.isfinite().all()):
        raise InputError("The network's outputs are not finite.", expected="weights and inputs of moderate size")
    if float((watched - plain).abs().max()) > ROUNDING * float(plain.abs().max()):
        raise InputError(
            "The network's outputs are not what its operations make of the input: another pass gives other ones.",
            expected="a forward pass that draws nothing at random and computes all in PyTorch",
        )
