"""The list of measures: a decorator that adds a function to it, and look-up by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Literal

from gengap.errors import InputError, unknown

if TYPE_CHECKING:
    from gengap.measures.subject import Subject
    from gengap.measures.values import Finding

Need = Literal["weights", "parameters", "data", "initial", "gradients", "search", "history"]
Form = Literal["sqrt", "log"]
Function = Callable[["Subject"], "float | Finding"]
CATALOGUE = "gengap.measures.catalogue"
USERS = "own"  # the family of measures that are not in the catalogue


@dataclass(frozen=True)
class Measure:
    """A registered measure.

    Attributes:
        name: Its name, which is also that of its function.
        family: The catalogue's module that it is in; ``own`` for a measure of the user's.
        formula: The quantity mu that it returns, in one line.
        source: Paper and equation.
        sign: +1 where a larger value predicts a larger generalization gap, -1 where a smaller one does.
        needs: What it is computed from. ``weights``: it sums or multiplies over the network's weight layers, so that
            a layer that no rule covers makes it partial. ``parameters``: it is about all parameters, so that weights
            that are none, such as quantised ones, make it partial.
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
    """Decorator of the function that computes a measure, in a family's module of the catalogue or in a user's script.

    Args:
        name: The measure's name, which is also the function's.
        formula: The quantity that the function returns, in one line.
        source: Paper and equation.
        sign: 1 where a larger value predicts a larger generalization gap, -1 where a smaller one does.
        needs: What the measure is computed from; see ``Measure``.
        rescaling_invariant: Whether multiplying a ReLU layer by c > 0 and dividing the next by c leaves the value.
        complexity: Which form is put beside the value: ``sqrt(mu / m)``, or ``(ln mu - ln m) / 2``; None for none.

    Raises:
        InputError: The function has another name, or another module has registered the name.
    """

    def add(function: Function) -> Function:
        if function.__name__ != name:
            raise InputError(
                f"The measure {name} is computed by a function called {function.__name__}.",
                expected="a function of the measure's name",
            )
        known = _MEASURES.get(name)
        if known is not None and known.function.__module__ != function.__module__:
            raise InputError(
                f"There is a measure {name} already, of the family {known.family}.", next_step="choose another name"
            )
        family = _family(function.__module__)
        _MEASURES[name] = Measure(name, family, formula, source, sign, needs, rescaling_invariant, complexity, function)
        return function

    return add


def _family(module: str) -> str:
    package, _, name = module.rpartition(".")
    return name if package == CATALOGUE else USERS


def all_measures() -> tuple[Measure, ...]:
    """Every measure, of the catalogue and of the user's, by family and then by name."""
    package = import_module(CATALOGUE)
    for module in iter_modules(package.__path__, f"{CATALOGUE}."):
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
