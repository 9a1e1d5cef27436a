"""From stored data to what a network takes: cropped, scaled, in batches, on its device and in its type."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gengap.data import Preprocessing, Problem
from gengap.errors import InputError, unknown
from gengap.network.copies import as_taken

Part = Literal["train", "test"]
Batch = tuple[Tensor, Tensor]
Data = Problem | tuple[Any, Any] | Iterable[Batch]
BATCH = 500


def batches(data: Data, model: nn.Module, split: Part = "train") -> Iterator[Batch]:
    """Inputs and labels, batch by batch, on the device of the network.

    Args:
        data: A Problem, whose inputs are prepared as it declares; a pair (inputs, labels) of tensors or arrays; or
            batches of such pairs.
        model: The network.
        split: Which split of a Problem.

    Raises:
        InputError: Another split, batches that are no pairs, labels that are no class indices, or not as many as
            inputs.
    """
    like = floating_parameter(model)
    if isinstance(data, Problem):
        yield from _of_problem(data, split, like)
        return
    if isinstance(data, tuple | list) and len(data) == 2 and not isinstance(data[0], tuple | list):
        x, y = torch.as_tensor(data[0]), torch.as_tensor(data[1])
        _check(x, y)
        data = zip(torch.split(x, BATCH), torch.split(y, BATCH), strict=True) if len(y) else ()
    for batch in data:
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise InputError(
                f"A batch is a {type(batch).__name__}{f' of {len(batch)}' if isinstance(batch, tuple | list) else ''}.",
                expected="pairs of inputs and labels",
            )
        x, y = torch.as_tensor(batch[0]), torch.as_tensor(batch[1])
        _check(x, y)
        yield as_taken(model, x), y.long().to(like.device)


def _check(x: Tensor, y: Tensor) -> None:
    if y.ndim != 1 or y.is_floating_point() or y.is_complex():
        raise InputError(
            f"Labels have type {str(y.dtype).removeprefix('torch.')} and shape {tuple(y.shape)}.",
            expected="class indices, whole numbers of shape [N]",
        )
    if x.ndim == 0 or len(x) != len(y):
        raise InputError(f"Inputs of shape {tuple(x.shape)} for {len(y)} labels.", expected="as many inputs as labels")


def _of_problem(problem: Problem, split: str, like: Tensor) -> Iterator[Batch]:
    if split not in ("train", "test"):
        raise unknown("split", split, ("train", "test"))
    part = problem.train if split == "train" else problem.test
    for start in range(0, len(part), BATCH):
        rows = slice(start, start + BATCH)
        yield network_inputs(part.x[rows], problem.preprocessing, like), torch.tensor(part.y[rows]).to(like.device)


def class_scores(model: nn.Module, problem: Problem, x: NDArray[Any]) -> NDArray[np.float64]:
    """Scores of stored inputs, preprocessed as the Problem declares, in the mode that the network is in.

    Args:
        model: A network that returns one tensor of scores ``[B, C]``.
        problem: Whose preprocessing applies.
        x: Inputs as stored, ``[N, ...]``, N at least 1.

    Returns:
        Scores ``[N, C]``.
    """
    like = floating_parameter(model)
    with torch.no_grad():
        parts = [
            model(network_inputs(x[start : start + BATCH], problem.preprocessing, like)).double().cpu().numpy()
            for start in range(0, len(x), BATCH)
        ]
    return np.concatenate(parts)


def floating_parameter(model: nn.Module) -> Tensor:
    """The first parameter of floating type, whose device and type a network's inputs take; else an empty tensor."""
    return next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))


def network_inputs(x: NDArray[Any], preprocessing: Preprocessing, like: Tensor) -> Tensor:
    """Stored inputs as a network takes them: cropped and scaled, on the device and in the type of ``like``.

    Args:
        x: ``[B, C, H, W]`` or ``[B, D]``, as stored; it is copied.
        preprocessing: What the Problem declares.
        like: A tensor of floating type, such as a weight of the network.
    """
    stored = torch.from_numpy(x.copy()).to(like.device)
    return scaled(centre_crop(stored, preprocessing.crop), preprocessing, like.dtype)


def scaled(x: Tensor, preprocessing: Preprocessing, dtype: torch.dtype) -> Tensor:
    """Inputs of a model: ``x`` as ``dtype``, uint8 divided by 255 where scaled, signed or whitened one by one.

    Whitening is Zhang et al.'s ``(x - mean) / max(std, 1 / sqrt(number of values))`` over all values of an image.

    Args:
        x: ``[..., B, C, H, W]`` or ``[..., B, D]``, already cropped.
        preprocessing: Only its ``scale`` counts here.
        dtype: Floating type of the result.
    """
    unit = 1.0 if x.is_floating_point() else 1 / 255
    if preprocessing.scale == "none":
        return x.to(dtype)
    if preprocessing.scale == "unit":
        return x.to(dtype) * unit
    if preprocessing.scale == "signed":
        return x.to(dtype) * (2 * unit) - 1
    values = (x.flatten(-3) if x.ndim >= 4 else x).to(dtype, copy=True)
    floor = values.shape[-1] ** -0.5
    values -= values.mean(-1, keepdim=True)
    # The norm of what is centred is far faster on a CPU than torch.std_mean, and as exact.
    deviation = torch.linalg.vector_norm(values, dim=-1, keepdim=True) * (floor * unit)
    values *= unit / deviation.clamp_min(floor)
    return values.reshape(x.shape)


def centre_crop(x: Tensor, crop: int | None) -> Tensor:
    """The centre ``crop`` x ``crop`` pixels of images ``[..., H, W]``; everything when ``crop`` is None."""
    if crop is None:
        return x
    top, left = (x.shape[-2] - crop) // 2, (x.shape[-1] - crop) // 2
    return x[..., top : top + crop, left : left + crop]
