"""Live pieces: one handle each, and an answer at once, from recorded rows."""

from collections.abc import Mapping
from pathlib import Path

from gengap.studies.evidence import Recorded
from gengap.tasks.atlas.live.piece import Piece

__all__ = ["Piece", "live_pieces"]


def live_pieces(recorded: Mapping[str, Recorded], results: Path | None) -> list[Piece]:
    """The pieces whose rows are recorded, in the order of the index."""
    return []
