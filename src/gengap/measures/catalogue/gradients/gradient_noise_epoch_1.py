"""Noise of minibatch gradients after the first epoch."""

from gengap.measures.finding import Finding, skipped
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="gradient_noise_epoch_1",
    formula="gradient_noise_final of the network as it was after one epoch",
    source="Jiang et al. 2020 (arXiv:1912.02178), section 7: variance of the gradients after one epoch",
    sign=1,
    needs=frozenset(),
    rescaling_invariant=False,
)
def gradient_noise_epoch_1(subject: Subject) -> Finding:
    """Always skipped: neither the final weights nor a history hold those after the first epoch.

    A snapshot of them gives the value: ``measure(snapshot, problem, measures=["gradient_noise_final"])``, or
    ``gengap measure`` with its file as the weights.
    """
    return skipped("needs the weights after the first epoch: measure gradient_noise_final of that snapshot")
