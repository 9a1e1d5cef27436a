"""The scores that a network returns: one tensor [B, C], chosen from a dict or tuple where it returns one."""

import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.models.hugging_face import is_pretrained_model, one_tensor
from gengap.models.refusing_layer import refusing_layer
from gengap.models.tokens import give_mask
from gengap.network.through_detach import check_differentiable

LOGITS = "logits"


def return_scores(
    model: nn.Module, output: str | int | None, x: Tensor, n_classes: int, *, one_output: bool = False
) -> None:
    """Makes a network return its scores alone, and checks them on a few examples.

    Args:
        model: In evaluation mode; it is changed where ``output`` is given.
        output: Key of a dict or attribute, or index of a tuple; None where the network returns a tensor, or an object
            whose ``logits`` are one.
        x: A few examples.
        n_classes: Number of classes C.
        one_output: Whether one output for each example serves for two classes.

    Raises:
        InputError: The network cannot take the examples, returns anything but scores ``[B, C]``, or other ones when
            it is asked again.
    """
    select_output(model, output, x)
    with torch.random.fork_rng(devices=[]):
        if output is None and _logits(_pass(model, x)) is not None:
            select_output(model, LOGITS)
        returned = scores_of(model, x)
    counts = {n_classes, 1} if one_output and n_classes == 2 else {n_classes}
    if tuple(returned.shape) not in {(len(x), count) for count in counts}:
        raise InputError(
            f"The network returns shape {tuple(returned.shape)} for {len(x)} examples of {n_classes} classes.",
            expected=f"one score for each class, shape {(len(x), n_classes)}",
        )
    check_repeatable(model, x)
    check_differentiable(model, x)


def check_repeatable(model: nn.Module, x: Tensor) -> None:
    """Whether two passes of the same examples give the same scores.

    Args:
        model: In evaluation mode.
        x: A few examples.

    Raises:
        InputError: They do not, or the network cannot take the examples.
    """
    with torch.random.fork_rng(devices=[]):
        returned, again = scores_of(model, x), scores_of(model, x)
    if not torch.allclose(again, returned, rtol=1e-3, equal_nan=True):
        raise InputError(
            "The network answers at random in evaluation mode: two passes of the same examples differ.",
            expected="one answer to an example, so that a measure is of the network and not of a draw",
            next_step="pass training=self.training where its forward pass calls dropout",
        )


def select_output(model: nn.Module, output: str | int | None, x: Tensor | None = None) -> None:
    """Makes a network return this part of its output alone, and take tokens and mask in one tensor where it has to.

    None leaves what it returns as it is, but that of a network of transformers, which gives its logits then. Its class
    is replaced by one with another forward pass, which torch.fx traces as it does the network's own.

    Args:
        model: The network; it is changed.
        output: Key of a dict or attribute, or index of a tuple.
        x: Some inputs as a Problem has them; None where they are no tokens with a mask.

    Raises:
        InputError: The inputs have a mask that the network does not take.
    """
    if output is None and is_pretrained_model(model):
        one_tensor(model)
    if x is not None:
        give_mask(model, x)
    if output is None:
        return
    original = type(model)

    @functools.wraps(original.forward)
    def forward(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return output_part(original.forward(self, *args, **kwargs), output)

    model.__class__ = type(original.__name__, (original,), {"forward": forward, "__module__": original.__module__})


def scores_of(model: nn.Module, x: Tensor) -> Tensor:
    """The network's one output for a batch.

    Raises:
        InputError: The network cannot take the examples, or does not return one tensor.
    """
    returned = _pass(model, x)
    if not isinstance(returned, Tensor):
        raise _no_tensor(returned)
    return returned


def _pass(model: nn.Module, x: Tensor) -> Any:
    try:
        with torch.no_grad():
            return model(x)
    except InputError:
        raise
    except Exception as error:
        message = refusing_layer(error, model) or f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        raise InputError(
            f"The network cannot take a batch of inputs of shape {tuple(x.shape[1:])}: {message}",
            next_step="check its first layers against the data's shape and preprocessing",
        ) from error


def output_part(returned: Any, output: str | int | None) -> Any:
    """This part of what a network returned; for None its ``logits`` if it is an object that has them, else all of it.

    Raises:
        InputError: There is no such part.
    """
    if output is None:
        logits = _logits(returned)
        return returned if logits is None else logits
    parts = _parts(returned)
    key = int(output) if isinstance(output, str) and output not in parts and output.isdecimal() else output
    if key not in parts:
        raise InputError(
            f"The network's output has no {output!r}.", expected=_choices(returned) or "an output that is a tensor"
        )
    return parts[key]


def _logits(returned: Any) -> Tensor | None:
    """The attribute of that name, which outputs of transformers have; a key of a plain dict is to be named."""
    logits = getattr(returned, LOGITS, None)
    return logits if isinstance(logits, Tensor) else None


def _parts(returned: Any) -> dict[str | int, Any]:
    if isinstance(returned, Mapping):  # ModelOutput of transformers is one too
        return dict(returned)
    if isinstance(returned, tuple) and hasattr(returned, "_asdict"):
        return {**returned._asdict(), **dict(enumerate(returned))}
    if isinstance(returned, tuple | list):
        return dict(enumerate(returned))
    if isinstance(returned, Tensor | str | bytes) or not hasattr(returned, "__dict__"):
        return {}
    return {name: value for name, value in vars(returned).items() if not name.startswith("_")}  # of a dataclass, say


def _choices(returned: Any) -> str:
    shapes = (f"{key!r}{f' {tuple(v.shape)}' if isinstance(v, Tensor) else ''}" for key, v in _parts(returned).items())
    return ", ".join(shapes)


def _no_tensor(returned: Any) -> InputError:
    choices = _choices(returned)
    return InputError(
        f"The network returns {type(returned).__name__}{f' of {choices}' if choices else ''}.",
        expected="one tensor with a score for each class, [batch, classes]",
        next_step="name the one with the scores: output=KEY, or --output KEY" if choices else "",
    )
