"""The sum over paths of a measured network, and what is left out of it."""

import copy
import math
import sys
from dataclasses import replace

import torch

from gengap.measures.finding import Finding, NotDefined, from_log
from gengap.measures.path.path_sum import path_sum
from gengap.measures.subject import Subject

_LEAST = sys.float_info.min  # smaller numbers have fewer digits


def path_finding(subject: Subject, power: int, *, root: float = 1.0, margin: float = 1.0) -> Finding:
    """``(sum over outputs and paths of prod |w|^power)^(1/root) / margin^2``, batch norm folded.

    Args:
        subject: The network.
        power: Of each weight.
        root: Which root is taken, at least 1.
        margin: Greater than 0.

    Raises:
        NotDefined: A function in the network has no sum over paths.
    """
    found = path_sum(subject.folded_model, subject.input_shape, power)
    reason = "; ".join(f"{name}: {why}" if name else why for name, why in found.left_out.items())
    names = tuple(filter(None, found.left_out))
    if found.outputs is None:
        raise NotDefined(reason, *names)
    total = float(found.outputs.sum())
    if total < _LEAST:
        if _has_paths(subject):
            raise NotDefined("the sum over paths is below float64's least number")
        return Finding(0.0, reason="no path has only weights other than zero")
    finding = from_log(math.log(total) / root - 2 * math.log(margin)) if math.isfinite(total) else Finding(total)
    details = {"largest_output": float(found.outputs.max())} if math.isfinite(total) else {}
    finding = replace(finding, details=details)
    return replace(finding, status="partial", reason=reason, not_covered=names) if names else finding


def _has_paths(subject: Subject) -> bool:
    """Whether a path has only weights other than zero, which products that vanish in float64 would hide."""
    scaled = copy.deepcopy(subject.folded_model).double()
    with torch.no_grad():
        for parameter in scaled.parameters():
            parameter.div_(parameter.abs().max().clamp_min(_LEAST))
    found = path_sum(scaled, subject.input_shape, 1)
    return found.outputs is not None and float(found.outputs.sum()) > 0
