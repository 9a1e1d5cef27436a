"""Variance of minibatch gradients."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.values import Finding, scaled, skipped


@register(
    name="gradient_noise_final",
    formula="sum_k ||g_k - mean_k g_k||^2 / (K - 1), g_k the gradient of minibatch k's mean cross-entropy",
    source="Jiang et al. 2020 (arXiv:1912.02178), section 7: variance of the gradients at the end",
    sign=1,
    needs=frozenset({"data", "gradients"}),
    rescaling_invariant=False,
)
def gradient_noise_final(subject: Subject) -> Finding:
    """Over one epoch of minibatches, whose size is in the details, with respect to every parameter.

    Parameters are the network's, as it was given: those of parametrizations too. Batch norm uses its running
    statistics. Minibatches do not overlap, so the variance of a minibatch's mean is estimated without bias as if
    examples were drawn anew. Jiang et al. divide by K. They measure it after the first epoch too: for that, measure a
    snapshot of the weights of that time. The gradients of the loss by the scores are float64, also where softmax
    would round them to 0.
    """
    sums = subject.gradient_pass.gradients
    if sums is None or sums.minibatches < 2:
        return skipped("needs at least two minibatches of one size")
    norm = scaled(sums.scaled_mean_squared_norm, 2 * sums.log_unit)
    details = {"minibatches": sums.minibatches, "minibatch_size": sums.size, "mean_squared_norm": norm.value}
    return scaled(sums.scaled_variance, 2 * sums.log_unit, details=details)
