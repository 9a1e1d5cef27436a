"""Inputs and labels from the batches that people train on, in whatever form they come."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gengap.errors import InputError

IGNORED = -100  # the label that PyTorch's cross-entropy leaves out
INPUTS = ("x", "input", "inputs", "image", "images", "pixel_values", "input_ids", "input_values", "features", "data")
LABELS = ("labels", "label", "target", "targets", "y", "class", "classes")


def inputs_and_labels(batch: Any, inputs: str | None = None, labels: str | None = None) -> tuple[Tensor, Tensor]:
    """The two tensors of a batch.

    Args:
        batch: A mapping by names; or a tuple or list whose first two parts are inputs and labels, with anything after
            them, such as indices.
        inputs: Name of the inputs in a mapping; None takes the usual ones.
        labels: Name of the labels likewise.

    Raises:
        InputError: The two are not found, or are no tensors.
    """
    if isinstance(batch, Mapping):
        pair = _named(batch, inputs, INPUTS, "inputs"), _named(batch, labels, LABELS, "labels")
    elif isinstance(batch, tuple | list) and len(batch) >= 2:
        pair = batch[0], batch[1]
    else:
        raise InputError(
            f"A batch is a {type(batch).__name__}, in which nothing says which are inputs and which labels.",
            expected="a tuple (inputs, labels, …), or a mapping by names",
            next_step="give the monitor a sample=(inputs, labels)",
        )
    if not all(isinstance(part, Tensor) for part in pair):
        kinds = " and ".join(type(part).__name__ for part in pair)
        raise InputError(f"Inputs and labels of a batch are {kinds}.", expected="two tensors")
    return pair


def _named(batch: Mapping[str, Any], name: str | None, usual: tuple[str, ...], what: str) -> Any:
    key = name if name is not None else next((one for one in usual if one in batch), None)
    if key is None or key not in batch:
        raise InputError(
            f"A batch with {', '.join(map(repr, batch)) or 'nothing'} in it has no {what if name is None else name!r}.",
            expected=f"one of {', '.join(usual)}",
            next_step=f"name it: {what}=…, or give the monitor a sample=(inputs, labels)",
        )
    return batch[key]


def with_labels(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The scores of labelled examples and their labels, as cross-entropy takes them.

    Args:
        scores: ``[N, C]``.
        labels: Class indices of any type of whole numbers, ``[N]`` or ``[N, 1]``, where -100 is no label; or
            probabilities of the classes, ``[N, C]``.

    Returns:
        ``[M, C]`` and class indices ``[M]`` or probabilities ``[M, C]``, M at least 1.

    Raises:
        InputError: Scores or labels of another form, labels that are no classes, or no labelled example.
    """
    if scores.ndim != 2:
        raise InputError(f"The network returns shape {tuple(scores.shape)}.", expected="scores [N, C]")
    n, classes = scores.shape
    labels = labels.to(scores.device)
    if labels.shape == (n, 1) and classes != 1:
        labels = labels[:, 0]
    if labels.is_floating_point() and labels.shape == scores.shape:
        return scores, labels.to(torch.float64)
    if labels.is_floating_point() or labels.is_complex() or labels.shape != (n,):
        kind = str(labels.dtype).removeprefix("torch.")
        raise InputError(
            f"Labels have type {kind} and shape {tuple(labels.shape)} for scores of shape {(n, classes)}.",
            expected="class indices [N], or probabilities [N, C]",
        )
    labels = labels.long()
    labelled = labels != IGNORED
    scores, labels = scores[labelled], labels[labelled]
    if not len(labels):
        raise InputError(f"No example of {n} has a label.", expected=f"labels other than {IGNORED}")
    if not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise InputError(
            f"Labels from {int(labels.min())} to {int(labels.max())} for {classes} scores.",
            expected=f"class indices from 0 to {classes - 1}",
        )
    return scores, labels
