"""Data in the forms that ``normalised_loss`` takes, as batches where a network computes."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gengap.data import Problem
from gengap.errors import InputError, unknown
from gengap.measures.weights import as_taken
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
        InputError: Another split, batches that are no pairs, labels that are no class indices, or not as many as
            inputs.
    """
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
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
    own, how = (problem.train if split == "train" else problem.test), problem.preprocessing
    for start in range(0, len(own), BATCH):
        x = torch.from_numpy(own.x[start : start + BATCH].copy()).to(like.device)
        y = torch.from_numpy(own.y[start : start + BATCH].copy()).to(like.device)
        yield scaled(centre_crop(x, how.crop), how, like.dtype), y
