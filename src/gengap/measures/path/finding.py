"""The sum over paths of a measured network, and what is left out of it."""

import math
from dataclasses import replace

from gengap.measures.finding import Finding, NotDefined, from_log
from gengap.measures.path.path_sum import path_sum
from gengap.measures.subject import Subject


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
    if total == 0:
        return Finding(0.0, reason="no path has only weights other than zero")
    finding = from_log(math.log(total) / root - 2 * math.log(margin)) if math.isfinite(total) else Finding(total)
    details = {"largest_output": float(found.outputs.max())} if math.isfinite(total) else {}
    finding = replace(finding, details=details)
    return replace(finding, status="partial", reason=reason, not_covered=names) if names else finding
