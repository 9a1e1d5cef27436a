"""Margins as distances to the decision boundary in each layer's input."""

import math

from torch import Tensor

from gengap.measures.finding import Finding, skipped
from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.network.passes import LayerInput, low_margin

PERCENTS = (5, 10, 25, 50, 75)


@register(
    name="normalised_margins_by_layer",
    formula="mean over the layers l of the median of (f_y - f_j) / (||grad_{x_l} (f_y - f_j)||_2 sqrt(nu_l)),"
    " j the greatest other class, nu_l the total variance of the layer's input x_l",
    source="Jiang et al. 2019 (arXiv:1810.00113), equations 3 and 5; baseline of the NeurIPS 2020 PGDL competition",
    sign=-1,
    needs=frozenset({"weights", "data", "gradients"}),
    rescaling_invariant=True,
)
def normalised_margins_by_layer(subject: Subject) -> Finding:
    """Percentiles of every layer in the details, of rank m * percent // 100 from below.

    The paper fits a regression to percentiles of four layers; the mean of medians is a number that needs no fit.
    Layers whose input was not seen, does not change the outputs, or is no tensor of floats with a row an example, are
    not covered.
    """
    seen = subject.gradient_pass
    layers = {name: _percentiles(seen.margins, layer) for name, layer in seen.layer_inputs.items()}
    layers = {name: found for name, found in layers.items() if all(map(math.isfinite, found.values()))}
    unseen = [layer.name for layer in subject.layers if layer.input_shape is None]
    missing = (*(name for name in subject.layer_modules if name not in layers), *unseen)
    if not layers:
        return skipped("no layer has an input with gradients", *missing)
    value = sum(found["50"] for found in layers.values()) / len(layers)
    if missing:
        reason = f"no margins in the input of {', '.join(missing)}"
        return Finding(value, "partial", reason, missing, details={"layers": layers})
    return Finding(value, details={"layers": layers})


def _percentiles(margins: Tensor, layer: LayerInput) -> dict[str, float]:
    distances = margins / (layer.gradient_norms * layer.total_variance**0.5)
    return {str(percent): low_margin(distances, percent) for percent in PERCENTS}
