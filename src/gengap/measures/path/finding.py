"""The sum over paths of a measured network, and what is left out of it."""

import copy
import math
import sys
from dataclasses import replace

import torch

from gengap.measures.finding import Finding, NotDefined, from_log
from gengap.measures.path.path_sum import path_sum
from gengap.measures.subject import Subject
from gengap.network.rules import has_running_statistics

_LEAST = sys.float_info.min  # smaller numbers have fewer digits


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
    found = path_sum(subject.folded_model, subject.input_shape, power)
    if found.outputs is None:
        raise NotDefined(_told(found.left_out), *filter(None, found.left_out))
    not_covered = found.left_out | _uncovered(subject)
    total = float(found.outputs.sum())
    if total < _LEAST and _has_paths(subject):
        raise NotDefined("the sum over paths is below float64's least number")
    finding = Finding(total)
    if total < _LEAST:
        finding = Finding(0.0, reason="no path has only weights other than zero")
    elif math.isfinite(total):
        finding = from_log(
            math.log(total) / root - 2 * math.log(margin), details={"largest_output": float(found.outputs.max())}
        )
    if not not_covered:
        return finding
    reason = "; ".join(filter(None, (finding.reason, _told(not_covered))))
    return replace(finding, status="partial", reason=reason, not_covered=tuple(not_covered))


def _told(reasons: dict[str, str]) -> str:
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
    scaled = copy.deepcopy(subject.folded_model).double()
    with torch.no_grad():
        for parameter in scaled.parameters():
            parameter.div_(parameter.abs().max().clamp_min(_LEAST))
    found = path_sum(scaled, subject.input_shape, 1)
    return found.outputs is not None and float(found.outputs.sum()) > 0
