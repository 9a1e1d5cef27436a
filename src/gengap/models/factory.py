"""Networks of the user's, named as ``module.path:factory``."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.models.importing import error_line, find
from gengap.models.refusing_layer import refusing_layer
from gengap.models.registry import Shape
from gengap.models.tokens import blank_inputs, give_mask

VOCABULARY = "vocabulary"
FORM = "'module.path:factory', e.g. 'mynet:make' for the function make in mynet.py of this folder"


def from_factory(
    spec: str, input_shape: Shape, n_classes: int, *, vocabulary: int | None = None, any_output: bool = False
) -> nn.Module:
    """The network that a user's factory makes, checked by one forward pass.

    The factory is called with ``(input_shape, n_classes)`` if it accepts two positional arguments, else with none. For
    tokens the shape is ``(T,)``, and a factory that has an argument ``vocabulary`` is given its size.
    As under ``python -m``, the current folder comes first on the path that modules are imported from.

    Args:
        spec: ``"module.path:factory"``; the factory is a function or an ``nn.Module`` class.
        input_shape: Shape of one example.
        n_classes: Number of classes C.
        vocabulary: Its size, where inputs are tokens; a shape ``(2, T)`` then says that there is a mask.
        any_output: Whether it may return anything, a dict of outputs for example; then no pass is made.

    Raises:
        InputError: No such module or factory, an exception inside it, no ``nn.Module``, or wrong outputs.
    """
    factory = _find(spec)
    shape = input_shape if vocabulary is None else input_shape[-1:]
    arguments, keywords = _arguments(spec, factory, (shape, n_classes), vocabulary)
    try:
        module = factory(*arguments, **keywords)
    except (Exception, SystemExit) as error:
        shown = [*map(repr, arguments), *(f"{name}={value!r}" for name, value in keywords.items())]
        call = f"{spec.partition(':')[2]}({', '.join(shown)})"
        raise InputError(
            f"{spec} failed when called as {call}: {error_line(error)}", next_step="fix the factory, then run again"
        ) from error
    if not isinstance(module, nn.Module):
        raise InputError(f"{spec} returned {type(module).__name__}.", expected="a torch.nn.Module")
    if not any(p.requires_grad for p in module.parameters()):
        raise InputError(f"{spec} has nothing to train.", expected="a network with parameters that require gradients")
    if vocabulary is not None:
        give_mask(module, blank_inputs(2, input_shape, vocabulary, torch.empty(0)))
    if not any_output:
        check_output(module, input_shape, n_classes, vocabulary=vocabulary, name=spec)
    return module


def check_output(
    module: nn.Module, input_shape: Shape, n_classes: int, *, vocabulary: int | None = None, name: str = "The model"
) -> None:
    """Passes two blank examples through a network in evaluation mode and checks that it scores every class.

    Args:
        module: The network; left in the mode it came in.
        input_shape: Shape of one example.
        n_classes: Number of classes C.
        vocabulary: Its size, where inputs are tokens; its first and last token are passed then.
        name: What errors call the network.

    Raises:
        InputError: The pass fails, or gives anything but one tensor ``[2, C]``.
    """
    like = next((p for p in module.parameters() if p.is_floating_point()), torch.empty(0))
    modes = {part: part.training for part in module.modules()}
    try:
        with torch.no_grad():
            output = module.eval()(blank_inputs(2, input_shape, vocabulary, like))
    except Exception as error:
        inputs = (
            f"inputs of shape {input_shape}" if vocabulary is None else f"{input_shape[-1]} tokens of {vocabulary:,}"
        )
        raise InputError(
            f"{name} cannot take a batch of two {inputs}: {refusing_layer(error, module) or error_line(error)}",
            next_step="check the network's first layers against the data's shape"
            + (", and its embedding against the vocabulary" if vocabulary is not None else ""),
        ) from error
    finally:
        for part, mode in modes.items():
            part.training = mode
    _check_scores(output, n_classes, name)


def _check_scores(output: Any, n_classes: int, name: str) -> None:
    if not isinstance(output, Tensor):
        raise InputError(
            f"{name} returns {type(output).__name__}.",
            expected="one tensor with a score for each class, [batch, classes]",
            next_step="wrap the network in a module whose forward returns the scores alone",
        )
    if output.ndim != 2 or len(output) != 2:
        raise InputError(
            f"{name} returns shape {tuple(output.shape)} for two examples.", expected=f"shape (2, {n_classes})"
        )
    if output.shape[1] != n_classes:
        raise InputError(
            f"{name} has {output.shape[1]} outputs, but the data have {n_classes} classes.",
            expected=f"{n_classes} outputs, one for each class",
            next_step="change the network's last layer",
        )


def _find(spec: str) -> Callable[..., Any]:
    factory = find(spec, kind="factory", form=FORM)
    if isinstance(factory, nn.Module) or not callable(factory):
        raise InputError(
            f"{spec} is a {type(factory).__name__}, not a factory.",
            expected="a function or class that makes a freshly initialised torch.nn.Module at each call",
        )
    return factory


def _arguments(
    spec: str, factory: Callable[..., Any], both: tuple[Shape, int], vocabulary: int | None
) -> tuple[tuple[Any, ...], dict[str, int]]:
    """The arguments to call the factory with: both, if it accepts them, or none; and the vocabulary by its name."""
    signature = inspect.signature(factory)
    keywords = {VOCABULARY: vocabulary} if vocabulary is not None and VOCABULARY in signature.parameters else {}
    for arguments in (both, ()):
        try:
            signature.bind(*arguments, **keywords)
        except TypeError:
            continue
        return arguments, keywords
    raise InputError(
        f"{spec} takes the arguments {signature}.",
        expected="a factory that can be called with (input_shape, n_classes) or with nothing",
    )
