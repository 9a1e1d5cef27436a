"""Theorem 1 of Zhang et al. 2017, to be dragged."""

from gengap.tasks.atlas.live.piece import Piece

_POINTS = ((0.8, 1.0), (2.1, -1.0), (3.3, -1.0), (4.9, 1.0), (6.0, -1.0), (7.4, 1.0), (9.1, 1.0))


def theorem1() -> Piece:
    """Points on a line and the network through them."""
    return Piece(
        name="theorem1",
        title="Theorem 1: any labels, two layers",
        lead="Drag the points: the network follows, whatever their labels.",
        alternative="Points on a line, the piecewise linear function of a network through them, and a dotted line at "
        "each place where one of its ReLUs begins. Points can be dragged, or moved with the arrow keys.",
        data={"points": _POINTS, "label": "Points and the network through them"},
        sources=(
            "Computed in the page, with knots just right of the point before; "
            "gengap.interpolate.ReLUInterpolator does the same for any number of points in any dimension.",
        ),
    )
