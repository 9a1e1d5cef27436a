"""Every parameter."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="all_params",
    formula="number of all parameters",
    source="the network itself",
    sign=1,
    needs=frozenset(),
    rescaling_invariant=True,
    complexity="sqrt",
)
def all_params(subject: Subject) -> float:
    """Number of parameters of any kind, biases and norms' vectors too; shared ones count once."""
    return float(sum(parameter.numel() for parameter in subject.model.parameters()))
