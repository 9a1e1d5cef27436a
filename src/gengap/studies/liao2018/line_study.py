"""The form that all figures of the paper share: lines through networks, each with its fit and what is left beyond."""

from collections.abc import Callable, Sequence

from gengap.studies.liao2018 import trainings
from gengap.studies.liao2018.claims import Part, checked
from gengap.studies.liao2018.lines import measure
from gengap.studies.liao2018.trainings import Config
from gengap.studies.liao2018.views import each_network, fits, normalised, product_norm, remains, unnormalised
from gengap.studies.study import Reported, Scale, Study


def line_study(
    name: str,
    artifact: str,
    claim: str,
    reported: tuple[Reported, ...],
    sweep: Callable[[Scale], Sequence[Config]],
    *,
    parts: tuple[Part, ...],
    with_product_norm: bool = False,
) -> Study:
    """The Study of a figure.

    Args:
        name: ``liao2018/`` and the file's stem.
        artifact: What the paper calls it.
        claim: What it shows.
        reported: The paper's numbers.
        sweep: Its lines at a scale.
        parts: Of the claim: what its rows have to show.
        with_product_norm: Whether test error is drawn against the product norm too, as for networks of one training
            loss.
    """
    first = (unnormalised, product_norm) if with_product_norm else (unnormalised,)
    return Study(
        name=name,
        artifact=artifact,
        claim=claim,
        paper=trainings.PAPER,
        differences=trainings.DIFFERENCES,
        scaled=trainings.SCALED,
        cost=trainings.COST,
        reported=reported,
        sweep=sweep,
        measure=measure,
        views=(*first, normalised, fits, remains, each_network),
        check=checked(*parts),
    )
