"""Half the squared weights of one hidden layer."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import two_layer


@register(
    name="neyshabur2015_weight_decay",
    formula="1/2 sum over hidden units h of (||u_h||^2 + ||v_h||^2)",
    source="Neyshabur et al. 2015 (arXiv:1412.6614), Theorem 1",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def neyshabur2015_weight_decay(subject: Subject) -> float:
    """What weight decay penalises in a network of one hidden layer of ReLUs.

    The bias of a hidden unit counts as the weight of an input of one; the output's bias is left out.
    """
    net = subject.once(two_layer)
    squares = [net.hidden, net.hidden_bias, net.output]
    return 0.5 * sum(float(weights.square().sum()) for weights in squares)
