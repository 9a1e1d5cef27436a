"""Group norms of layers: a norm over the weights into each unit, then one over units."""

from gengap.measures.subject import Subject


def group_norms(subject: Subject, p: float, q: float) -> dict[str, float]:
    """Layer's name -> ``||W||_{p,q}``: the q-norm of the p-norms of the rows of its matrix.

    Args:
        subject: The network, batch norm folded.
        p: Within a unit, at least 1.
        q: Over units, at least 1; ``math.inf`` for the largest.
    """
    return {layer.name: float(layer.matrix.norm(p, dim=1).norm(q)) for layer in subject.layers}
