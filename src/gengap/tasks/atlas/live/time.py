"""The learning curve as a time axis."""

import json
from pathlib import Path

from gengap.studies.evidence import place
from gengap.tasks.atlas.live.piece import Piece

_FILE = Path("learning_time") / "learning_time.json"


def time(results: Path | None) -> Piece | None:
    """Which examples are fitted when; None where no run is recorded."""
    if results is None or not (results / _FILE).exists():
        return None
    recorded = json.loads((results / _FILE).read_text(encoding="utf-8"))
    return Piece(
        name="time",
        title="The learning curve as a time axis",
        lead="Which examples are fitted when? Those with a right label first, the lies last.",
        alternative="A handle sets the epoch. Two curves show the share of examples with right and with wrong labels "
        "that the network fits; below, small pictures of digits appear once they are fitted for good.",
        data={key: recorded[key] for key in ("examples", "curves")}
        | {"label": "Share of examples fitted, by epoch, for right and for wrong labels"},
        sources=(f"{place(results, _FILE)}: {recorded['setting']}.", f"Made {recorded['made']}."),
    )
