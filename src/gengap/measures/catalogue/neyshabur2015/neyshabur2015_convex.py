"""Norm of the convex network that weight decay stands for."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import two_layer


@register(
    name="neyshabur2015_convex",
    formula="sum over hidden units h of ||u_h|| ||v_h||",
    source="Neyshabur et al. 2015 (arXiv:1412.6614), Theorem 1",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def neyshabur2015_convex(subject: Subject) -> float:
    """The least weight decay of all rescalings of the hidden units, which makes it the norm of a convex problem.

    The bias of a hidden unit counts as the weight of an input of one; the output's bias is left out.
    """
    net = subject.once(two_layer)
    incoming = (net.hidden.square().sum(1) + net.hidden_bias.square()).sqrt()
    return float((incoming * net.output.norm(dim=0)).sum())
