"""The certificate planner."""

from gengap.tasks.atlas.live.piece import Piece


def certificate() -> Piece:
    """The bound of ``gengap certify``, computed in the page."""
    return Piece(
        name="certificate",
        title="The certificate planner",
        lead="How far may the true error rate lie above the one that was seen?",
        alternative="Four handles set the number of held-out examples, the error rate seen on them, the number of "
        "models compared on them, and the probability that the promise fails; below stand the bound and its command.",
        data={"start": {"n": 10_000, "rate": 0.003, "tried": 300, "delta": 0.05}},
        sources=("Clopper and Pearson 1934, one-sided, with a union bound; the numbers are those of gengap certify.",),
    )
