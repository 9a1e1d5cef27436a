"""Whether an example's scores depend on which other examples are in its batch."""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gengap.network.copies import watched_modules
from gengap.network.inputs import float64_twin

EXACT, ROUNDED = 1e-5, 1e-3  # of the largest output: in float64, some steps perhaps in float32; in another type
MOST = 16  # examples


@dataclass(frozen=True)
class BatchDependence:
    """How an example's scores depend on the others in its batch.

    Attributes:
        share: The largest change of a score over the largest score; 0 where there is none, infinite where the network
            does not take every part of a batch.
        reason: What depends on the batch, and how much; empty where nothing does.
    """

    share: float = 0.0
    reason: str = ""


def batch_dependence(model: nn.Module, x: Tensor) -> BatchDependence:
    """How an example's scores depend on its batch, with the first module at fault.

    The same examples are passed in one batch and in two halves; outputs that differ by more than rounding depend on
    their companions. Where that is in doubt in the network's own type, float64 decides, if the network can run in it.
    Batch norm without running statistics is the usual case; layers that are quantised dynamically, by the largest value
    of a batch, depend on it a little.

    Args:
        model: In evaluation mode, returning one tensor ``[B, C]``.
        x: At least two examples as the network takes them; the first 16 are enough.
    """
    x = x[:MOST]
    if len(x) < 2:
        return BatchDependence()
    if _agrees(model, x):
        return BatchDependence()
    exact, x, doubled = float64_twin(model, x)
    tolerance = EXACT if doubled else ROUNDED
    whole = _recorded(exact, x)
    try:
        halves = [_recorded(exact, part) for part in _halves(x)]
    except Exception as error:  # such as batch norm's, which has no variance of a single value
        message = str(error).strip().partition("\n")[0]
        return BatchDependence(math.inf, f"the network takes a batch, but not a part of it: {message}")
    joined = {
        name: torch.cat([part[name] for part in halves]) for name in whole if all(name in part for part in halves)
    }
    share = _change(whole[""], joined.get(""))
    if share <= tolerance:
        return BatchDependence()
    culprit = next((name for name in whole if name and _change(whole[name], joined.get(name)) > tolerance), "")
    where = f" ({culprit}: {type(model.get_submodule(culprit)).__name__})" if culprit else ""
    size = f"by up to {share:.2g} of the largest score"
    return BatchDependence(share, f"scores depend on which other examples are in the batch{where}, {size}")


@torch.no_grad()
def _agrees(model: nn.Module, x: Tensor) -> bool:
    """Whether scores in the network's own type, which is far faster than float64, show that there is no dependence."""
    try:
        model = deepcopy(model)  # passes may leave something in a network
        whole = model(x.clone())
        halves = torch.cat([model(part.clone()) for part in _halves(x)])
    except Exception:  # such as batch norm's, which has no variance of a single value
        return False
    return bool(whole.isfinite().all() and whole.any()) and _change(whole, halves) <= EXACT


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    half = (len(x) + 1) // 2
    return x[:half], x[half:]


def _recorded(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """Name of each module, in the order in which they end -> its first output with a row for each example."""
    outputs: dict[str, Tensor] = {}

    def hook(name: str) -> Callable[..., None]:
        def record(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim and len(output) == len(x):
                outputs.setdefault(name, output.detach().clone())

        return record

    handles = [module.register_forward_hook(hook(name)) for name, module in watched_modules(model)]
    try:
        with torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    return outputs


def _change(one: Tensor, other: Tensor | None) -> float:
    """The largest difference over the largest value; 0 where the two cannot be compared."""
    if other is None or one.shape != other.shape or not one.is_floating_point():
        return 0.0
    scale, difference = float(one.abs().max()), float((one - other).abs().max())
    return difference / scale if math.isfinite(scale) and math.isfinite(difference) and scale > 0 else 0.0
