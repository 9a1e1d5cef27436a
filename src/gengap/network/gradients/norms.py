"""Norms and inner products of the gradients of examples, without the gradients."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gengap.network.gradients.checks import check_examples, prepared
from gengap.network.gradients.explicit import chunks
from gengap.network.gradients.losses import Loss
from gengap.network.gradients.reader import GradientReader

BATCH = 256  # examples read at once


@dataclass(frozen=True)
class GradientNorms:
    """Norms of the gradients of N examples, and what they are of.

    Attributes:
        norms: Euclidean norm of each example's gradient, float64 ``[N]``.
        by_parameter: Parameter's name -> norms of the gradient's part there.
        losses: ``[N]``.
        fallback: Parameter's name -> why its gradients had to be formed.
        frozen: Parameters with ``requires_grad=False``, which have no gradient.
        unreached: Parameters on which the loss does not depend.
    """

    norms: Tensor
    by_parameter: Mapping[str, Tensor]
    losses: Tensor
    fallback: Mapping[str, str]
    frozen: tuple[str, ...]
    unreached: tuple[str, ...]


def gradient_norms(
    model: nn.Module, x: Tensor, y: Tensor, loss: Loss = nn.functional.cross_entropy, *, evaluation: bool = False
) -> Tensor:
    r"""Euclidean norm :math:`\|\nabla_w \ell(f_w(x_n), y_n)\|` of each example's gradient, float64 ``[N]``.

    Linear layers, convolutions, embeddings, normalisations by layer, group or running statistics and attention need
    no gradient formed, whether their weights are tied or not; ``gradient_norm_report`` says where one was.

    Gradients are those of a step of training: what ``detach()`` or ``no_grad()`` cuts off in the network has none.

    Source: Goodfellow 2015 (arXiv:1510.01799); Li et al. 2022 (arXiv:2110.05679), section 4, for several places.

    Args:
        model: A network that returns one tensor of scores, in the mode that it is in; it stays as it is. Parameters
            with ``requires_grad=False`` do not count.
        x: Inputs ``[N, ...]``.
        y: Labels ``[N, ...]``.
        loss: From scores and labels of a batch to one number.
        evaluation: Whether to run the network in evaluation mode, where batch norm takes its running statistics.

    Raises:
        InputError: A layer that mixes the examples of a batch or draws at random, losses or gradients that are not
            finite, no parameter that asks for a gradient, or inputs that the network cannot take.

    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.zeros_(model.weight)
    >>> x, y = torch.tensor([[3.0, 4.0], [0.0, 1.0]]), torch.ones(2, 1)
    >>> gradient_norms(model, x, y, nn.functional.mse_loss).tolist()  # |2 (w x - y) x|
    [10.0, 2.0]
    """
    return gradient_norm_report(model, x, y, loss, evaluation=evaluation).norms


def gradient_norm_report(
    model: nn.Module, x: Tensor, y: Tensor, loss: Loss = nn.functional.cross_entropy, *, evaluation: bool = False
) -> GradientNorms:
    """The norms of ``gradient_norms``, by parameter too, and what was frozen, unreached or had to be formed."""
    x, y = check_examples(model, x, y)
    with prepared(model, evaluation):
        reader = GradientReader(model, x, y, loss)
        squares: dict[str, list[Tensor]] = {}
        losses = []
        for rows in chunks(len(y), reader.chunk(BATCH)):
            batch = reader.read(x[rows], y[rows])
            losses.append(batch.losses)
            for name, values in batch.squared_norms().items():
                squares.setdefault(name, []).append(values)
    by_parameter = {name: torch.cat(parts) for name, parts in squares.items()}
    return GradientNorms(
        torch.stack(list(by_parameter.values())).sum(0).clamp(min=0).sqrt(),
        {name: values.clamp(min=0).sqrt() for name, values in by_parameter.items()},
        torch.cat(losses),
        reader.fallback,
        reader.frozen,
        reader.unreached,
    )


def gradient_gram(
    model: nn.Module, x: Tensor, y: Tensor, loss: Loss = nn.functional.cross_entropy, *, evaluation: bool = False
) -> Tensor:
    r"""Inner products :math:`\langle \nabla \ell_n, \nabla \ell_m \rangle` of the gradients, float64 ``[N, N]``.

    Args:
        model: As for ``gradient_norms``.
        x: Inputs ``[N, ...]``; of more than 256 each pair of blocks is read anew.
        y: Labels ``[N, ...]``.
        loss: From scores and labels of a batch to one number.
        evaluation: Whether to run the network in evaluation mode.

    Raises:
        InputError: As for ``gradient_norms``.

    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.zeros_(model.weight)
    >>> x, y = torch.tensor([[3.0, 4.0], [0.0, 1.0]]), torch.ones(2, 1)
    >>> gradient_gram(model, x, y, nn.functional.mse_loss).tolist()
    [[100.0, 16.0], [16.0, 4.0]]
    """
    x, y = check_examples(model, x, y)
    with prepared(model, evaluation):
        reader = GradientReader(model, x, y, loss)
        result = torch.zeros(len(y), len(y), dtype=torch.float64, device=x.device)
        blocks = list(chunks(len(y), reader.chunk(BATCH)))
        for i, rows in enumerate(blocks):
            first = reader.read(x[rows], y[rows])
            result[rows, rows] = _total(first.gram())
            for columns in blocks[i + 1 :]:
                result[rows, columns] = _total(first.gram(reader.read(x[columns], y[columns])))
                result[columns, rows] = result[rows, columns].T
    return result


def _total(parts: Mapping[str, Tensor]) -> Tensor:
    return torch.stack(list(parts.values())).sum(0)
