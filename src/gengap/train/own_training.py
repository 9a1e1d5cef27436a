"""One's own training: a function ``fit(problem, seed)`` or an estimator of scikit-learn's kind."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from torch import nn

from gengap import models
from gengap.arguments import shown
from gengap.data import Problem
from gengap.errors import InputError, unknown

FORM = "'module:function', e.g. 'mycode:fit' for fit(problem, seed) in mycode.py of this folder, or an estimator class"
_TRAINING = (
    "a function fit(problem, seed), or a class or instance with fit and predict, such as "
    "sklearn.ensemble.RandomForestClassifier"
)


@dataclass(frozen=True, eq=False)
class OwnTraining:
    """A training that gengap does not know from inside: called with a Problem and a seed.

    A function is called as ``fit(problem, seed, **settings)``. An estimator class is made with ``settings``, an
    instance is cloned (scikit-learn's ``clone``); every parameter ``random_state`` gets the seed, modulo 2^32, and
    ``fit`` the training inputs as rows ``[N, D]`` and the labels.

    Attributes:
        source: ``"module.path:name"``, or the function, class, instance or ``functools.partial`` of one.
        settings: Arguments by name.

    Raises:
        InputError: Nothing of that kind, or a setting that it does not take.
    """

    source: Any
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(self.target, self.name)
        if self.is_estimator:
            self._estimator(seed=0)
        else:
            _check_arguments(self.target, self.name, self.settings)

    def __reduce__(self) -> tuple[Any, ...]:  # another process imports by name
        return OwnTraining, (self.source, dict(self.settings))

    @cached_property
    def target(self) -> Any:
        """What ``source`` names."""
        return models.find(self.source, kind="training", form=FORM) if isinstance(self.source, str) else self.source

    @property
    def is_estimator(self) -> bool:
        """Whether it is fitted and asked as an estimator of scikit-learn's kind is."""
        return _is_estimator(self.target.func if isinstance(self.target, partial) else self.target)

    @property
    def name(self) -> str:
        """For people and for rows."""
        name = self.source if isinstance(self.source, str) else _name(self.source)
        settings = ", ".join(f"{key}={value!r}" for key, value in self.settings.items())
        return f"{name}({settings})" if settings else name

    def __call__(self, problem: Problem, seed: int) -> Any:
        """What the training returns."""
        if not self.is_estimator:
            return self.target(problem, seed, **self.settings)
        return self._estimator(seed).fit(problem.train.x.reshape(len(problem.train), -1), problem.train.y)

    def _estimator(self, seed: int) -> Any:
        try:
            if isinstance(self.target, type | partial):
                estimator = self.target(**self.settings)
            else:
                estimator = _clone(self.target).set_params(**self.settings)
            random = [name for name in _parameters(estimator) if name.split("__")[-1] == "random_state"]
            return estimator.set_params(**dict.fromkeys(random, seed % 2**32)) if random else estimator
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{self.name} cannot be made: {models.error_line(error)}") from error


def _parameters(estimator: Any) -> list[str]:
    return list(estimator.get_params()) if hasattr(estimator, "get_params") else []


def _clone(estimator: Any) -> Any:
    from sklearn.base import clone

    return clone(estimator)


def _is_estimator(target: Any) -> bool:
    return callable(getattr(target, "fit", None)) and callable(getattr(target, "predict", None))


def _name(source: Any) -> str:
    if isinstance(source, partial):
        arguments = [*map(shown, source.args), *(f"{key}={shown(value)}" for key, value in source.keywords.items())]
        return f"{_name(source.func)}({', '.join(arguments)})"
    if inspect.isroutine(source) or isinstance(source, type):
        return f"{source.__module__}:{source.__qualname__}"
    text = " ".join(repr(source).split())
    return text if _is_estimator(source) and len(text) <= 200 else f"{type(source).__module__}:{type(source).__name__}"


def _check(target: Any, name: str) -> None:
    bare = target.func if isinstance(target, partial) else target
    if isinstance(bare, nn.Module) or (isinstance(bare, type) and issubclass(bare, nn.Module)):
        raise InputError(
            f"{name} is a network, not a training.",
            expected=_TRAINING,
            next_step="to have gengap train it, name it as the model",
        )
    if not (callable(target) or _is_estimator(target)):
        raise InputError(f"{name} is a {type(target).__name__}.", expected=_TRAINING)
    if isinstance(bare, type) and not _is_estimator(bare):
        raise InputError(f"{name} is a class without fit and predict.", expected=_TRAINING)


def _check_arguments(function: Callable[..., Any], name: str, settings: Mapping[str, Any]) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of a built-in function, which the call itself will try
        return
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.parameters.values())
    unknown_settings = [key for key in settings if key not in signature.parameters and not takes_any]
    if unknown_settings:
        raise unknown(f"setting of {name}:", unknown_settings[0], list(signature.parameters)[2:])
    try:
        signature.bind(None, 0, **settings)
    except TypeError:
        raise InputError(f"{name} takes the arguments {signature}.", expected=_TRAINING) from None
