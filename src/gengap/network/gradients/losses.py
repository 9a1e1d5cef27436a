"""The loss of each example of a batch, for any loss function of scores and labels."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.func import vmap

from gengap.errors import InputError

Loss = Callable[..., Tensor]


def example_losses(loss: Loss, scores: Tensor, y: Tensor) -> Tensor:
    """The loss of each example as if it were a batch of one: ``loss(scores[n : n + 1], y[n : n + 1])``, ``[N]``.

    Args:
        loss: From scores ``[B, ...]`` and labels ``[B, ...]`` to one number, such as ``cross_entropy`` or an
            ``nn.Module``.
        scores: ``[N, ...]``.
        y: ``[N, ...]``.

    Raises:
        InputError: The loss cannot take them, or is not one number for an example.

    >>> import torch
    >>> example_losses(nn.functional.mse_loss, torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1)).tolist()
    [1.0, 9.0]
    """
    if loss is nn.functional.cross_entropy and scores.ndim == 2:
        return _checked(loss, scores, y, lambda: nn.functional.cross_entropy(scores, y, reduction="none"))
    return _checked(loss, scores, y, lambda: vmap(lambda s, t: loss(s[None], t[None]))(scores, y))


def _checked(loss: Loss, scores: Tensor, y: Tensor, losses: Callable[[], Any]) -> Tensor:
    if len(scores) != len(y):
        raise InputError(f"{len(scores)} scores for {len(y)} labels.", expected="as many labels as inputs")
    try:
        values = losses()
    except Exception as error:  # whatever a loss of the user's raises
        raise InputError(
            f"The loss cannot take scores of shape {tuple(scores.shape)} and labels of shape {tuple(y.shape)}: "
            f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
        ) from error
    if not isinstance(values, Tensor) or values.shape != (len(y),):
        raise InputError(
            f"The loss {getattr(loss, '__name__', type(loss).__name__)} gives no single number for an example.",
            expected="a loss of scores [B, ...] and labels [B, ...] that returns a scalar",
        )
    return values
