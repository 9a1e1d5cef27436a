"""The measures: a decorator that registers a function, and the catalogue in which they are found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Literal

from gengap.errors import InputError, unknown

if TYPE_CHECKING:
    from gengap.measures.finding import Finding
    from gengap.measures.subject import Subject

Need = Literal["weights", "data", "initial", "gradients", "search", "history"]
Form = Literal["sqrt", "log"]
Function = Callable[["Subject"], "float | Finding"]
CATALOGUE = "gengap.measures.catalogue"


@dataclass(frozen=True)
class Measure:
    """A registered measure.

    Attributes:
        name: Its name, which is also that of its file.
        family: The catalogue's folder that it is in; ``own`` for a user's own.
        formula: The quantity mu that it returns, in one line.
        source: Paper and equation.
        sign: +1 where a larger value predicts a larger generalization gap, -1 where a smaller one does.
        needs: What it is computed from. ``weights``: it sums or multiplies over the network's weight layers, so that
            a layer that no rule covers makes it partial.
        rescaling_invariant: Whether the value stays when a ReLU layer is multiplied by c > 0 and the next divided by
            c, which leaves the function as it is.
        complexity: Which form is put beside the value: ``sqrt(mu / m)``, or ``(ln mu - ln m) / 2``; None for none.
        function: What computes it.
    """

    name: str
    family: str
    formula: str
    source: str
    sign: int
    needs: frozenset[Need]
    rescaling_invariant: bool
    complexity: Form | None
    function: Function


_MEASURES: dict[str, Measure] = {}


def register(
    *,
    name: str,
    formula: str,
    source: str,
    sign: Literal[1, -1],
    needs: frozenset[Need],
    rescaling_invariant: bool,
    complexity: Form | None = None,
) -> Callable[[Function], Function]:
    """Decorator that registers a measure, of a file in the catalogue or of one's own; arguments: see ``Measure``."""

    def keep(function: Function) -> Function:
        family, stem = "own", name
        if function.__module__.startswith(f"{CATALOGUE}."):
            *_, family, stem = function.__module__.split(".")
        if name != stem:
            raise ValueError(f"The measure {name} is in a file named {stem}.py")
        if name in _MEASURES and _MEASURES[name].function.__module__ != function.__module__:
            raise ValueError(f"There is a measure {name} already")
        _MEASURES[name] = Measure(name, family, formula, source, sign, needs, rescaling_invariant, complexity, function)
        return function

    return keep


def all_measures() -> tuple[Measure, ...]:
    """Every measure, by family, then by name: those of the catalogue, and one's own."""
    package = import_module(CATALOGUE)
    for module in walk_packages(package.__path__, f"{CATALOGUE}."):
        import_module(module.name)
    return tuple(sorted(_MEASURES.values(), key=lambda measure: (measure.family, measure.name)))


def find_measures(names: Sequence[str] | None = None) -> tuple[Measure, ...]:
    """The measures of these names, in the catalogue's order; all of them for None.

    Raises:
        InputError: A name that no measure has, or no name at all.
    """
    known = all_measures()
    if names is None:
        return known
    if not names:
        raise InputError("No measure is asked for.", expected="at least one name", next_step="leave out for all")
    for name in names:
        if name not in _MEASURES:
            raise unknown("measure", name, [measure.name for measure in known])
    return tuple(measure for measure in known if measure.name in names)
