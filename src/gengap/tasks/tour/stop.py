"""A stop of the tour: what is claimed, and how it is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gengap.report import Block, Text
from gengap.studies import find_studies, run_study
from gengap.sweep import Options


@dataclass(frozen=True)
class Shown:
    """What a stop shows.

    Attributes:
        sentence: What came out, in one sentence.
        blocks: Figures and tables.
    """

    sentence: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Stop:
    """One claim.

    Attributes:
        name: Short, for the progress bar and the JSON document.
        title: The claim, as a heading.
        explanation: What is done, in a few sentences.
        show: Does it; is given a folder for what is stored on the way.
        seconds: About how long it takes on two cores, for the estimate.
    """

    name: str
    title: str
    explanation: str
    show: Callable[[Path], Shown]
    seconds: float


def study_stop(
    name: str, title: str, explanation: str, study: str, seconds: float, views: Sequence[int] = (0,)
) -> Stop:
    """A study at smoke scale: the chosen ones of its views, and whether its claim holds in these rows."""
    return Stop(name, title, explanation, partial(_study, study, tuple(views)), seconds)


def _study(study: str, views: tuple[int, ...], folder: Path) -> Shown:
    outcome = run_study(find_studies(study)[0], "smoke", Options(progress=False))
    artifact = outcome.artifact()
    sentence = "; ".join(f"{part.part}: {part.finding} ({part.figures})" for part in artifact.claim_parts)
    shown = [artifact.views[i] for i in views if i < len(artifact.views)]
    return Shown(
        sentence,
        [*shown, Text([f"A small setting of {artifact.paper} For the whole: gengap study show {study}."])],
    )
