"""From stored data to what a network takes: cropped, scaled, in batches, on its device and in its type.

``network_inputs`` is the one place where stored inputs become a network's; ``batches`` the one walk over a split.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gengap.data import Preprocessing, Problem, Split
from gengap.errors import InputError, unknown
from gengap.network.copies import in_float64

Part = Literal["train", "test"]
Batch = tuple[Tensor, Tensor]
Data = Problem | tuple[Any, Any] | Iterable[Batch]
BATCH = 500
CPU_BATCH = 100  # of a forward pass of a convolutional network: in 500, it takes half as long again, in page faults


def batches(
    data: Data, model: nn.Module, split: Part = "train", *, size: int = BATCH, order: Tensor | None = None
) -> Iterator[Batch]:
    """Inputs as the network takes them ``[B, …]`` and labels ``[B]``, batch by batch, on the network's device.

    Args:
        data: A Problem, whose inputs are prepared as it declares; a pair (inputs ``[N, …]``, labels ``[N]``) of
            tensors or arrays; or batches of such pairs.
        model: The network.
        split: Which split of a Problem.
        size: Examples in a batch, at least 1, as in ``batch_rows``; batches that are given stay as they are.
        order: Indices of a Problem's examples, in the order in which they come; None takes all in their stored order.

    Raises:
        InputError: Another split, batches that are no pairs, labels that are no class indices, or not as many as
            inputs.
    """
    if isinstance(data, Problem):
        n = len(_split(data, split) if order is None else order)
        for rows in batch_rows(n, size):
            yield examples(data, rows if order is None else order[rows], model, split)
        return
    like = floating_parameter(model)
    for x, y in _pairs(data, size):
        yield cast_inputs(model, x), y.long().to(like.device)


def batch_rows(n: int, size: int) -> list[slice]:
    """The rows of each batch; a last one that would be alone joins the batch before it.

    A network that ends in ``squeeze()`` has no row of outputs for a single example. With n = 1 there is no other way.

    Args:
        n: Number of examples.
        size: Examples in a batch, at least 1.

    >>> batch_rows(5, 2)
    [slice(0, 2, None), slice(2, 5, None)]
    """
    starts = list(range(0, n, size))
    if size > 1 and n % size == 1 and n > 1:
        starts.pop()
    return [slice(start, stop) for start, stop in pairwise([*starts, n])]


def examples(problem: Problem, index: slice | Tensor, model: nn.Module, split: Part = "train") -> Batch:
    """Inputs as the network takes them and labels of these examples of a Problem, on the network's device.

    Args:
        problem: The data.
        index: Which examples: a slice, or indices ``[B]``.
        model: The network.
        split: Which split.

    Raises:
        InputError: Another split.
    """
    part, like = _split(problem, split), floating_parameter(model)
    rows = index if isinstance(index, slice) else index.cpu().numpy()
    return network_inputs(part.x[rows], problem.preprocessing, like), torch.tensor(part.y[rows]).to(like.device)


def class_scores(model: nn.Module, problem: Problem, x: NDArray[Any]) -> NDArray[np.float64]:
    """Scores ``[N, C]`` of stored inputs, preprocessed as the Problem declares, in the mode that the network is in.

    Args:
        model: A network that returns one tensor of scores ``[B, C]``.
        problem: Whose preprocessing applies.
        x: Inputs as stored, ``[N, …]``, N at least 1.
    """
    like = floating_parameter(model)
    with torch.no_grad():
        parts = [
            model(network_inputs(x[rows], problem.preprocessing, like)).double().cpu().numpy()
            for rows in batch_rows(len(x), BATCH)
        ]
    return np.concatenate(parts)


def floating_parameter(model: nn.Module) -> Tensor:
    """The first parameter or buffer of floating type, whose device and type inputs take; else an empty tensor."""
    tensors = (*model.parameters(), *model.buffers())
    return next((tensor for tensor in tensors if tensor.is_floating_point()), torch.empty(0))


def float64_twin(model: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor, bool]:
    """A copy of a network in float64, the inputs for it, and True; or what was given, and False.

    Not every network runs in float64: one may cast its inputs, or be quantized.
    """
    try:
        exact = in_float64(model)
        inputs = cast_inputs(exact, x)
        with torch.no_grad():
            if exact(inputs).dtype is torch.float64:
                return exact, inputs, True
    except Exception:  # whatever a user's forward raises when it is given float64
        pass
    return model, x, False


def tensor_of(data: Any) -> Tensor:
    """What ``torch.as_tensor`` makes of data; of an array that a tensor cannot stand for it is a copy.

    That is one that is read-only, as pandas, a memory map or a ``Split`` hand them out, one with a reversed axis, or
    one in the byte order of another machine.
    """
    if isinstance(data, np.ndarray):
        shareable = data.flags.writeable and data.dtype.isnative and min(data.strides, default=0) >= 0
        data = data if shareable else np.array(data, dtype=data.dtype.newbyteorder("="), order="C")
    return torch.as_tensor(data)


def cast_inputs(model: nn.Module, x: Tensor) -> Tensor:
    """Inputs on the network's device and, where they are floats, of its type; integers stay as they are."""
    like = floating_parameter(model)
    return x.to(like.device, like.dtype if x.is_floating_point() else x.dtype)


def network_inputs(x: NDArray[Any], preprocessing: Preprocessing, like: Tensor) -> Tensor:
    """Stored inputs as a network takes them: cropped and scaled, on the device and in the type of ``like``.

    Args:
        x: ``[B, C, H, W]`` or ``[B, D]``, or tokens ``[B, T]`` or ``[B, 2, T]``, as stored; it is copied.
        preprocessing: What the Problem declares.
        like: A tensor of floating type, such as a weight of the network.
    """
    stored = torch.from_numpy(x.copy()).to(like.device)
    return scaled(centre_crop(stored, preprocessing.crop), preprocessing, like.dtype)


def scaled(x: Tensor, preprocessing: Preprocessing, dtype: torch.dtype) -> Tensor:
    """Inputs of a model: ``x`` as ``dtype``, uint8 divided by 255 where scaled, signed or whitened one by one.

    Tokens, which are of a signed integer type, stay whole numbers (int64).

    A declared mean is then taken away, channel by channel, and the rest divided by a declared standard deviation.

    Whitening is Zhang et al.'s ``(x - mean) / max(std, 1 / sqrt(number of values))`` over all values of an image.

    Args:
        x: ``[..., B, C, H, W]`` or ``[..., B, D]``, already cropped.
        preprocessing: All but its crop counts here.
        dtype: Floating type of the result.
    """
    if not x.is_floating_point() and x.dtype != torch.uint8:
        return x.long()
    x = _in_scale(x, preprocessing, dtype)
    if preprocessing.mean is not None:
        x = x - _by_channel(preprocessing.mean, x)
    return x if preprocessing.std is None else x / _by_channel(preprocessing.std, x)


def _by_channel(values: Sequence[float], x: Tensor) -> Tensor:
    """A number for each channel of images or column of a table, to be broadcast over the rest."""
    numbers = torch.tensor(values, dtype=x.dtype, device=x.device)
    return numbers.view(-1, 1, 1) if x.ndim >= 4 else numbers


def _in_scale(x: Tensor, preprocessing: Preprocessing, dtype: torch.dtype) -> Tensor:
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


def _split(problem: Problem, split: str) -> Split:
    if split not in ("train", "test"):
        raise unknown("split", split, ("train", "test"))
    return problem.train if split == "train" else problem.test


def _pairs(data: tuple[Any, Any] | Iterable[Any], size: int) -> Iterator[Batch]:
    """Checked pairs of inputs and labels, as they are."""
    if isinstance(data, tuple | list) and len(data) == 2 and not isinstance(data[0], tuple | list):
        labels = tensor_of(data[1])
        inputs = data[0] if isinstance(data[0], np.ndarray) else tensor_of(data[0])  # a memory map is read by batches
        _check_pair(inputs, labels)
        data = ((inputs[rows], labels[rows]) for rows in batch_rows(len(labels), size))
    for batch in data:
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            length = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
            raise InputError(f"A batch is a {type(batch).__name__}{length}.", expected="pairs of inputs and labels")
        x, y = tensor_of(batch[0]), tensor_of(batch[1])
        _check_pair(x, y)
        yield x, y


def _check_pair(x: Tensor | NDArray[Any], y: Tensor) -> None:
    if y.ndim != 1 or y.is_floating_point() or y.is_complex():
        raise InputError(
            f"Labels have type {str(y.dtype).removeprefix('torch.')} and shape {tuple(y.shape)}.",
            expected="class indices, whole numbers of shape [N]",
        )
    if x.ndim == 0 or len(x) != len(y):
        raise InputError(f"Inputs of shape {tuple(x.shape)} for {len(y)} labels.", expected="as many inputs as labels")
