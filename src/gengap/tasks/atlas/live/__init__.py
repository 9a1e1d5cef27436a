"""Live pieces: one handle each, and an answer at once, from recorded rows."""

from collections.abc import Mapping
from pathlib import Path

from gengap.studies.evidence import Recorded
from gengap.tasks.atlas.live.axes import axes
from gengap.tasks.atlas.live.certificate import certificate
from gengap.tasks.atlas.live.guess import guess
from gengap.tasks.atlas.live.lies import lies
from gengap.tasks.atlas.live.piece import Piece
from gengap.tasks.atlas.live.theorem1 import theorem1
from gengap.tasks.atlas.live.time import time
from gengap.tasks.atlas.live.winsorising import winsorising

__all__ = ["Piece", "live_pieces"]


def live_pieces(recorded: Mapping[str, Recorded], results: Path | None) -> list[Piece]:
    """The pieces whose rows are recorded, in the order of the index."""
    pieces = [
        lies(recorded),
        certificate(),
        theorem1(),
        guess(results),
        time(results),
        axes(recorded),
        winsorising(recorded),
    ]
    return [piece for piece in pieces if piece is not None]
