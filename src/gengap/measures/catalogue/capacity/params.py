"""PARAMS."""

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="params",
    formula="number of weights of all layers",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 20, as counted by Dziugaite et al. 2020 (arXiv:2010.11924)",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def params(subject: Subject) -> Finding:
    """Number of weights; equation 20 counts a bias for each channel too: that number is in ``details``."""
    weights = sum(layer.weight.numel() for layer in subject.layers)
    biases = sum(layer.bias.numel() for layer in subject.layers if layer.bias is not None)
    return Finding(float(weights), details={"weights_and_biases": weights + biases})
