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
        explanation=(
            "With $k$ errors in $n$ examples and $M$ models tried, the bound is the largest $p$ with\n\n"
            r"$$P\left(\mathrm{Bin}(n, p) \le k\right) = \delta / M.$$"
            "\n\nFour times as many examples halve the distance to what was seen. A thousand times as many models cost "
            "only as much as a smaller $\\delta$: the distance grows with $\\sqrt{\\ln (M/\\delta)}$. What it "
            "cannot repair are examples that the model was trained on, or models changed after their "
            "score was seen."
        ),
        data={"start": {"n": 10_000, "rate": 0.003, "tried": 300, "delta": 0.05}},
        sources=("Clopper and Pearson 1934, one-sided, with a union bound; the numbers are those of gengap certify.",),
    )
