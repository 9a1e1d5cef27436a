"""A model of a stranger's: a network with its weights, or an estimator with ``predict``; nothing is unpickled."""

import inspect
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gengap import models
from gengap.data import Problem
from gengap.data.limits import where_instead
from gengap.errors import InputError, listed
from gengap.models.hugging_face import is_model_folder
from gengap.network.copies import with_weights
from gengap.tasks.files.networks import saved_network
from gengap.tasks.files.weights import read_weights

PICKLES = (".joblib", ".pkl", ".pickle", ".sav")
_LOADER = "'module.path:function' for a function that loads a fitted estimator"


def opened_model(model: Any, weights: str | Path | None, problem: Problem, key: str | None = None) -> Any:
    """The network or estimator that a user names or gives.

    Args:
        model: A network or estimator as it is; or a named model, ``module.path:factory``, ``timm:NAME``, a folder of
            Hugging Face (each with its weights); ``module.path:function`` that loads a fitted estimator; a ``.skops``
            file.
        weights: File with a network's state dict; None for what has its own.
        problem: What the model is for.
        key: Which state dict of that file.

    Raises:
        InputError: No such model, a file of pickles, weights that lack or that are another network's.
    """
    if not isinstance(model, str | Path):
        return _as_it_is(model, weights)
    name = str(model)
    suffix = Path(name).suffix.lower()
    if suffix in PICKLES:
        raise InputError(
            f"{name} is a file of pickles, which can run any code when it is opened: gengap never opens one.",
            expected=f"{_LOADER}, or a .skops file",
            next_step="write load() in mymodel.py that returns joblib.load(...), then gengap audit mymodel:load",
        )
    if suffix == ".skops":
        return _skops(Path(name))
    if name.startswith("timm:"):
        return _timm(name.removeprefix("timm:"), weights, problem, key)
    if weights is None and ":" in name and not is_model_folder(name):
        return _loaded(name, problem)
    return saved_network(name, weights, problem, key)


def is_estimator(model: Any) -> bool:
    """Whether a model answers by ``predict`` rather than as a network."""
    return not isinstance(model, nn.Module | type) and callable(getattr(model, "predict", None))


def _as_it_is(model: Any, weights: str | Path | None) -> Any:
    if weights is not None:
        raise InputError("Weights beside a model that is given as an object.", expected="weights with a model's name")
    if isinstance(model, nn.Module) or is_estimator(model):
        return model
    raise InputError(f"The model is a {type(model).__name__}.", expected="a torch.nn.Module, or an object with predict")


def _loaded(name: str, problem: Problem) -> Any:
    """What a function of the user's returns without any weights: a fitted estimator."""
    function = models.find(name, kind="model", form=_LOADER)
    if is_estimator(function):
        return function
    if not callable(function):
        raise InputError(f"{name} is a {type(function).__name__}.", expected=_LOADER)
    arguments = _arguments(name, function, problem)
    try:
        made = function(*arguments)
    except (Exception, SystemExit) as error:
        raise InputError(f"{name} failed: {models.error_line(error)}", next_step="fix it, then run again") from error
    if isinstance(made, nn.Module):
        raise InputError(
            f"{name} makes a network, and there are no weights for it.",
            expected="--weights FILE: a state dict or checkpoint of torch.save, or .safetensors",
        )
    if not is_estimator(made):
        raise InputError(f"{name} returned a {type(made).__name__}.", expected="a fitted estimator with predict")
    return made


def _arguments(name: str, function: Any, problem: Problem) -> tuple[Any, ...]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ()
    for arguments in ((), (problem.input_shape, problem.n_classes)):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return arguments
    raise InputError(
        f"{name} takes the arguments {signature}.",
        expected="a function that can be called with nothing, or with (input_shape, n_classes)",
    )


def _timm(name: str, weights: str | Path | None, problem: Problem, key: str | None) -> nn.Module:
    try:
        import timm  # type: ignore[import-not-found, unused-ignore]
    except Exception as error:  # it imports torchvision, which fails in ways of its own
        step = 'pip install "gengap[timm]"; where it is installed, see that `import timm` works in Python'
        if "torchvision" in str(error):
            step = (
                f"install timm's torchvision for this torch, {torch.__version__}: of its release and for its processor"
            )
        raise InputError(
            f"timm cannot be imported: {type(error).__name__}: {error}.".replace("\n", " "), next_step=step
        ) from error
    if not timm.is_model(name):
        raise InputError(f"timm knows no model {name!r}.", next_step=f"timm.list_models('*{name[:8]}*') lists names")
    if weights is None:
        raise InputError(f"There are no weights for timm:{name}.", expected="--weights FILE; nothing is downloaded")
    state = read_weights(weights, key)
    with torch.random.fork_rng(devices=[]):
        made = timm.create_model(name, pretrained=False, num_classes=problem.n_classes, in_chans=problem.input_shape[0])
    return with_weights(made, state, str(weights))


def _skops(path: Path) -> Any:
    try:
        from skops import io  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise InputError(f"Reading {path} needs the package skops.", next_step='pip install "gengap[skops]"') from None
    if not path.is_file():
        raise InputError(
            f"There is no {path}.", expected="a file that skops.io.dump wrote", next_step=where_instead(path)
        )
    try:
        untrusted = io.get_untrusted_types(file=path)
    except Exception as error:  # a damaged file raises whatever its bytes happen to mean
        raise InputError(
            f"{path} is no file of skops, or a damaged one: {error}.", next_step="write it again by skops.io.dump"
        ) from error
    if untrusted:
        raise InputError(
            f"{path} holds types that skops does not trust: {listed(untrusted)}.",
            expected="types that skops trusts by itself; those of forests and boosted trees are not among them",
            next_step=f"load it in a function of your own: {_LOADER}",
        )
    made = io.load(path)
    if not is_estimator(made):
        raise InputError(f"{path} holds a {type(made).__name__}.", expected="a fitted estimator with predict")
    return made
