"""Study: one claim of a paper as code, the decorator that registers it, and look-up by name."""

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, get_args

from gengap.errors import InputError, unknown

if TYPE_CHECKING:
    import pandas as pd

    from gengap.report import Figure, Table
    from gengap.sweep import Options
    from gengap.verdicts import ClaimPart

Scale = Literal["smoke", "desk", "paper"]
SCALES: tuple[Scale, ...] = get_args(Scale)
Source = Literal["printed", "read off a plot", "author code", "secondary source", "from memory"]
Row = dict[str, Any]
View = Callable[["pd.DataFrame"], "Figure | Table | None"]
Check = Callable[[Sequence[Row]], "list[ClaimPart]"]


def no_check(rows: Sequence[Row]) -> "list[ClaimPart]":
    """The check of a study without one: its claim cannot be judged."""
    from gengap.verdicts import ClaimPart

    return [ClaimPart("the whole claim", "cannot be judged", "the study does not say what its rows have to show")]


@dataclass(frozen=True)
class Reported:
    """One number that the paper reports, and which of our rows stand against it.

    Attributes:
        what: The setting and the quantity, for people.
        place: Where it stands, e.g. ``"Table 1, row 3"``.
        value: As the paper gives it.
        unit: ``"%"`` is compared with 100 times our value; any other unit is ours too.
        tolerance: Largest difference, in the unit, that still agrees.
        source: Whether it is printed or follows from what is, read off a plot, from the authors' code, or from a
            secondary source: what others report of the paper, which was not at hand there. From memory: neither was.
        quantity: The column of our rows that holds it. Where that is None, a column of that name and ``_reason``,
            if there is one, gives the reason.
        where: Column -> value: the rows that hold our value, one a seed.
    """

    what: str
    place: str
    value: float
    unit: str
    tolerance: float
    source: Source
    quantity: str
    where: Mapping[str, object]

    def matches(self, row: Mapping[str, Any]) -> bool:
        """Whether a row, or the fields of a configuration, is one of this number's setting."""
        return all(row.get(column) == value for column, value in self.where.items())


@dataclass(frozen=True)
class Study:
    """One table, figure or theorem of a paper: the claim, the paper's numbers, the grid, how to measure and to show it.

    Attributes:
        name: ``paper/artifact``: folder and file stem, word on the command line, name of the page.
        artifact: What the paper calls it, e.g. ``"Table 1"``.
        claim: What it shows, in one sentence.
        paper: Authors, year, title, version.
        differences: What we do otherwise at every scale, or what the paper leaves open; numbered in this order.
        scaled: For ``smoke`` and ``desk``: what differs there besides, in one sentence.
        cost: For each scale, how long it takes on what.
        reported: The paper's numbers.
        sweep: The whole grid at a scale, as frozen dataclasses.
        measure: From configurations to rows, at least one for each, with the configuration's fields, ``status``
            (``done`` where the row is a result) and ``reason`` among the columns.
        views: From all rows to a figure or table, without training; None where the rows hold nothing to show.
        check: From all rows to the parts of the claim, each with whether it holds in these rows: see
            ``gengap.verdicts.claim_part``.
        seen_as: What models are fed, in words, where the study prepares their inputs itself; elsewhere rows say it.
    """

    name: str
    artifact: str
    claim: str
    paper: str
    differences: tuple[str, ...]
    scaled: Mapping[Scale, str]
    cost: Mapping[Scale, str]
    reported: tuple[Reported, ...]
    sweep: Callable[[Scale], Sequence[Any]]
    measure: "Callable[[Sequence[Any], Options], list[Row]]"
    views: tuple[View, ...]
    check: Check = no_check
    seen_as: str = ""


_REGISTERED: dict[str, Study] = {}


def study(function: Callable[[], Study]) -> Callable[[], Study]:
    """Registers the Study that a function of no arguments makes; its name must be its file's.

    Raises:
        ValueError: The name is not ``folder/stem`` of the file.
    """
    made = function()
    expected = "/".join(function.__module__.split(".")[-2:])
    if made.name != expected:
        raise ValueError(f"study {made.name!r} stands in the file of {expected!r}")
    _REGISTERED[made.name] = made if made.check is no_check else replace(made, check=_of_some_rows(made.check))
    return function


def _of_some_rows(check: Check) -> Check:
    """A check that is given at least one row; without any the whole claim cannot be judged."""

    def checked(rows: Sequence[Row]) -> "list[ClaimPart]":
        from gengap.verdicts import ClaimPart

        return check(rows) if rows else [ClaimPart("the whole claim", "cannot be judged", "there are no rows")]

    return checked


def all_studies() -> list[Study]:
    """Every study under ``gengap.studies``, in order of name."""
    package = import_module("gengap.studies")
    for paper in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if paper.ispkg:
            artifacts = import_module(paper.name).__path__
            for artifact in pkgutil.iter_modules(artifacts, f"{paper.name}."):
                import_module(artifact.name)
    return [_REGISTERED[name] for name in sorted(_REGISTERED)]


def find_studies(name: str) -> list[Study]:
    """The study of that name, or all studies of the paper of that name.

    Raises:
        InputError: There is neither; the message suggests the nearest names.
    """
    studies = all_studies()
    matching = [each for each in studies if name in (each.name, each.name.split("/")[0])]
    if not matching:
        error = unknown("study", name, {word for each in studies for word in (each.name, each.name.split("/")[0])})
        papers = sorted({each.name.split("/")[0] for each in studies})
        listed = f"an artifact of `gengap study list`, or a paper: {', '.join(papers)}"
        raise InputError(error.what, expected=listed, next_step=error.next_step)
    return matching
