"""A stop of the tour: what is claimed, and how it is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gengap.report import Block
from gengap.studies import find_studies, run_study
from gengap.studies.study import Row
from gengap.sweep import Options

if TYPE_CHECKING:
    from gengap.train import Recipe


@dataclass(frozen=True)
class Shown:
    """What a stop shows.

    Attributes:
        sentence: What came out, in one or two sentences.
        blocks: Figures and tables.
    """

    sentence: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Setting:
    """How much the stops train; the defaults show each claim in about two minutes on two cores.

    Attributes:
        levels: Probabilities with which labels are redrawn: of the first stop, and of pretraining.
        pretraining_levels: Of the second stop.
        epochs: At most, of every network.
        images: Training images of the stops on gradients.
        recorded: Epochs at which these stops measure.
        percentiles: c of winsorised descent; 0 is plain descent.
        alphas: Fractions of the examples of which gates are learned.
        points: Images that the linear model fits.
        paths: Training and test images of Theorem 7.
    """

    levels: Sequence[float] = (0.0, 0.5, 1.0)
    pretraining_levels: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0)
    epochs: int = 300
    images: int = 1_000
    recorded: Sequence[int] = (0, 1, 2, 3, 5, 8, 12, 20, 30, 50, 75, 100, 130, 160, 200)
    percentiles: Sequence[float] = (0.0, 2.0, 8.0)
    alphas: Sequence[float] = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
    points: int = 50
    paths: tuple[int, int] = (60, 80)

    def recipe(self, **changes: Any) -> "Recipe":
        """The preset of the digits with these epochs, and fields changed."""
        from gengap.train import preset

        return preset("digits").model_copy(update={"epochs": self.epochs, **changes})


@dataclass(frozen=True)
class Stop:
    """One claim.

    Attributes:
        name: Short, for the progress bar and the JSON document.
        title: The claim, as a heading.
        explanation: What is done, in a few sentences.
        show: Does it, at a setting; the folder is that of the tour's page.
        seconds: About how long it takes on two cores, for the estimate.
        study: The study in which the claim is set beside the paper's own numbers.
    """

    name: str
    title: str
    explanation: str
    show: Callable[[Setting, Path], Shown]
    seconds: float
    study: str | None = None


def study_stop(
    name: str,
    title: str,
    explanation: str,
    study: str,
    sentence: Callable[[Sequence[Row]], str],
    seconds: float,
) -> Stop:
    """A stop that shows the first view of a study at smoke scale, and a sentence made of its rows."""
    return Stop(name, title, explanation, partial(_study, study, sentence), seconds, study)


def _study(study: str, sentence: Callable[[Sequence[Row]], str], setting: Setting, folder: Path) -> Shown:
    outcome = run_study(find_studies(study)[0], "smoke", Options(progress=False))
    return Shown(sentence(outcome.rows), outcome.artifact().views[:1])
