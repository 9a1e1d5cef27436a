"""Margins, losses and entropy of the outputs on the training split."""

import math

import torch
from torch import Tensor

from gengap.measures.products import positive_margin
from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.values import Finding, from_log, scaled, skipped
from gengap.network.cross_entropy import log_losses, log_probabilities
from gengap.network.passes import LayerInput, low_margin

PERCENTS = (5, 10, 25, 50, 75)


@register(
    name="margin_mean",
    formula="mean of f_y - max_{j != y} f_j over the training examples",
    source="Neyshabur et al. 2017 (arXiv:1706.08947), section 2",
    sign=-1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def margin_mean(subject: Subject) -> float:
    """The mean of the signed margins."""
    return float(subject.pass_.margins.mean())


@register(
    name="margin_median",
    formula="median of f_y - max_{j != y} f_j over the training examples",
    source="Neyshabur et al. 2017 (arXiv:1706.08947), section 2",
    sign=-1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def margin_median(subject: Subject) -> float:
    """The median of the signed margins; the mean of the two in the middle of an even number."""
    return float(subject.pass_.margins.quantile(0.5))


@register(
    name="margin_5th_percentile",
    formula="the 5th percentile of f_y - max_{j != y} f_j: the value of rank m // 20 from below, where the authors' "
    "code interpolates",
    source="Neyshabur et al. 2019 (arXiv:1805.12076), section 5, whose margin this is",
    sign=-1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def margin_5th_percentile(subject: Subject) -> float:
    """With its sign; rank m // 20 from below."""
    return low_margin(subject.pass_.margins, 5)


@register(
    name="margin_10th_percentile",
    formula="gamma: the 10th percentile of f_y - max_{j != y} f_j",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 22, whose gamma this is",
    sign=-1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def margin_10th_percentile(subject: Subject) -> float:
    """With its sign; rank m // 10 from below."""
    return low_margin(subject.pass_.margins, 10)


@register(
    name="inverse_margin",
    formula="1 / gamma^2, gamma the 10th percentile of f_y - max_{j != y} f_j",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 22",
    sign=1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def inverse_margin(subject: Subject) -> Finding:
    """Skipped where gamma is not above 0: the network gets a tenth of its training examples wrong."""
    gamma = positive_margin(subject)
    return from_log(-2 * math.log(gamma), details={"gamma": gamma})


@register(
    name="cross_entropy",
    formula="mean of -ln softmax(f)_y over the training examples, in nats",
    source="Jiang et al. 2020 (arXiv:1912.02178), section 4: where training stops",
    sign=1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def cross_entropy(subject: Subject) -> Finding:
    """The mean cross-entropy, also where softmax would round the label's probability to 1."""
    return _mean_of_exponentials(log_losses(subject.pass_.logits, subject.pass_.labels))


@register(
    name="negative_entropy",
    formula="mean over the training examples of sum_j p_j ln p_j, p = softmax(f), in nats",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 21",
    sign=1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def negative_entropy(subject: Subject) -> float:
    """From -ln C, no confidence, to 0, all of it."""
    log_p = log_probabilities(subject.pass_.logits)
    return float((log_p.exp() * log_p).sum(1).mean())


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
    An example whose margin does not change with the layer's input is infinitely far from the boundary, on the side of
    its margin: such a percentile is null. Layers are not covered whose input was not seen or is no tensor of floats
    with a row an example, and those whose median is infinite.
    """
    seen = subject.gradient_pass
    layers = {name: _percentiles(seen.margins, layer) for name, layer in seen.layer_inputs.items()}
    infinite = [name for name, percentiles in layers.items() if percentiles["50"] is None]
    unwatched = [name for name in subject.layer_modules if name not in layers]
    unseen = [layer.name for layer in subject.layers if layer.input_shape is None]
    medians = [result["50"] for result in layers.values() if result["50"] is not None]
    reasons = []
    if missing := [*unwatched, *unseen]:
        reasons.append(f"no margins in the input of {', '.join(missing)}")
    if infinite:
        reasons.append(
            f"the median margin in the input of {', '.join(infinite)} is infinite: no gradients, or no variance"
        )
    if not medians:
        return skipped("; ".join(reasons) or "no layer has an input with gradients", *missing, *infinite)
    value = sum(medians) / len(medians)
    if reasons:
        return Finding(value, "partial", "; ".join(reasons), (*infinite, *missing), details={"layers": layers})
    return Finding(value, details={"layers": layers})


def _percentiles(margins: Tensor, layer: LayerInput) -> dict[str, float | None]:
    distances = margins / (layer.gradient_norms * layer.total_variance**0.5)
    distances = torch.where(margins == 0, 0.0, distances)  # on the boundary, whatever the gradient
    result = {str(percent): low_margin(distances, percent) for percent in PERCENTS}
    return {percent: value if math.isfinite(value) else None for percent, value in result.items()}


def _mean_of_exponentials(logarithms: Tensor) -> Finding:
    """The Finding of ``mean exp(l_i)``, for logarithms that may be far below those of float64's least number."""
    top = float(logarithms.max())
    return scaled(float((logarithms - top).exp().mean()), top)
