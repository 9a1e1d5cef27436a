"""Data in the forms that ``normalised_loss`` takes, as batches where a network computes."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gengap.data import Problem
from gengap.errors import unknown
from gengap.train.inputs import centre_crop, scaled

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
        InputError: Another split.
    """
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    if isinstance(data, Problem):
        yield from _of_problem(data, split, like)
        return
    if isinstance(data, tuple | list) and len(data) == 2 and not isinstance(data[0], tuple | list):
        x, y = torch.as_tensor(data[0]), torch.as_tensor(data[1])
        data = zip(torch.split(x, BATCH), torch.split(y, BATCH), strict=True)
    for x, y in data:
        yield torch.as_tensor(x).to(like.device), torch.as_tensor(y).to(like.device)


def _of_problem(problem: Problem, split: str, like: Tensor) -> Iterator[Batch]:
    if split not in ("train", "test"):
        raise unknown("split", split, ("train", "test"))
    own, how = (problem.train if split == "train" else problem.test), problem.preprocessing
    for start in range(0, len(own), BATCH):
        x = torch.from_numpy(own.x[start : start + BATCH].copy()).to(like.device)
        y = torch.from_numpy(own.y[start : start + BATCH].copy()).to(like.device)
        yield scaled(centre_crop(x, how.crop), how, like.dtype), y
