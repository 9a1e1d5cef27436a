"""Norms and inner products of the gradients of examples, without the gradients."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gengap.network.gradients.checks import check_examples, prepared
from gengap.network.gradients.explicit import chunks
from gengap.network.gradients.losses import Loss
from gengap.network.gradients.reader import GradientReader
from gengap.network.gradients.remembered import with_reader
from gengap.network.gradients.scaled import NO_GRADIENT, checked_scale, is_cross_entropy

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
        log_norms: Natural logarithms of the norms, float64 ``[N]``; -inf where one is 0. Those of a cross entropy
            do not underflow.
        reason: What is wrong with the norms; None where nothing is known to be.
    """

    norms: Tensor
    by_parameter: Mapping[str, Tensor]
    losses: Tensor
    fallback: Mapping[str, str]
    frozen: tuple[str, ...]
    unreached: tuple[str, ...]
    log_norms: Tensor
    reason: str | None


def gradient_norms(
    model: nn.Module, x: Tensor, y: Tensor, loss: Loss = nn.functional.cross_entropy, *, evaluation: bool = False
) -> Tensor:
    r"""Euclidean norm :math:`\|\nabla_w \ell(f_w(x_n), y_n)\|` of each example's gradient, float64 ``[N]``.

    Linear layers, convolutions, embeddings, normalisations by layer, group or running statistics and attention need
    no gradient formed, whether their weights are tied or not; ``gradient_norm_report`` says where one was.

    Those of the cross entropy do not underflow where the network is confident; any other loss is differentiated in
    the network's type.

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
            finite, no parameter that asks for a gradient, inputs that the network cannot take, or norms above 0 that
            float64 cannot hold (cross entropies of margins above about 700): ``gradient_norm_report`` has their
            logarithms.

    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.zeros_(model.weight)
    >>> x, y = torch.tensor([[3.0, 4.0], [0.0, 1.0]]), torch.ones(2, 1)
    >>> gradient_norms(model, x, y, nn.functional.mse_loss).tolist()  # |2 (w x - y) x|
    [10.0, 2.0]
    """
    found = gradient_norm_report(model, x, y, loss, evaluation=evaluation)
    checked_scale(
        torch.ones_like(found.norms), found.log_norms, "norms", "gradient_norm_report(…).log_norms has logarithms"
    )
    return found.norms


def gradient_norm_report(
    model: nn.Module, x: Tensor, y: Tensor, loss: Loss = nn.functional.cross_entropy, *, evaluation: bool = False
) -> GradientNorms:
    """The norms of ``gradient_norms``, by parameter too, and what was frozen, unreached or had to be formed."""
    x, y = check_examples(model, x, y)
    with prepared(model, evaluation):
        return with_reader(model, x, y, loss, lambda reader: _norms(reader, x, y, loss))


def _norms(reader: GradientReader, x: Tensor, y: Tensor, loss: Loss) -> GradientNorms:
    squares: dict[str, list[Tensor]] = {}
    losses, log_scales = [], []
    for rows in chunks(len(y), reader.chunk(BATCH)):
        batch = reader.read(x[rows], y[rows], scaled=True)
        losses.append(batch.losses)
        log_scales.append(batch.log_scales)
        for name, values in batch.squared_norms().items():
            squares.setdefault(name, []).append(values)
    by_parameter = {name: torch.cat(parts).clamp(min=0).sqrt() for name, parts in squares.items()}
    scaled, scales = torch.stack(list(by_parameter.values())).square().sum(0).sqrt(), torch.cat(log_scales)
    factors = scales.exp()
    norms, log_norms = factors * scaled, scales + scaled.log()
    return GradientNorms(
        norms,
        {name: factors * values for name, values in by_parameter.items()},
        torch.cat(losses),
        reader.fallback,
        reader.frozen,
        reader.unreached,
        log_norms,
        _reason(norms, log_norms, loss),
    )


def _reason(norms: Tensor, log_norms: Tensor, loss: Loss) -> str | None:
    lost = int(((norms < torch.finfo(torch.float64).tiny) & (log_norms > -math.inf)).sum())
    if lost:
        return f"{lost} of {len(norms)} norms are below the least number of float64: see their logarithms"
    if not bool((norms > 0).any()) and not is_cross_entropy(loss):
        return NO_GRADIENT
    return None


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
        InputError: As for ``gradient_norms``; inner products of a margin above about 350 are too small for float64.

    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.zeros_(model.weight)
    >>> x, y = torch.tensor([[3.0, 4.0], [0.0, 1.0]]), torch.ones(2, 1)
    >>> gradient_gram(model, x, y, nn.functional.mse_loss).tolist()
    [[100.0, 16.0], [16.0, 4.0]]
    """
    x, y = check_examples(model, x, y)
    with prepared(model, evaluation):
        result, log_scales = with_reader(model, x, y, loss, lambda reader: _gram(reader, x, y))
    squares = result.diagonal().clamp(min=0)
    checked_scale(squares, 2 * log_scales, "squared norms", "gradient_norm_report(…).log_norms has logarithms")
    return result * (log_scales[:, None] + log_scales).exp()


def _gram(reader: GradientReader, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Inner products of the gradients over ``exp(log_scales)``, and these ``[N]``."""
    result = torch.zeros(len(y), len(y), dtype=torch.float64, device=x.device)
    log_scales = torch.zeros(len(y), dtype=torch.float64, device=x.device)
    blocks = list(chunks(len(y), reader.chunk(BATCH)))
    for i, rows in enumerate(blocks):
        first = reader.read(x[rows], y[rows], scaled=True)
        known = len(reader.fallback)
        result[rows, rows] = _total(first.gram())
        log_scales[rows] = first.log_scales
        for columns in blocks[i + 1 :]:
            second = reader.read(x[columns], y[columns], scaled=True)
            if len(reader.fallback) > known:  # gradients that are formed have products with others of their kind only
                return _gram(reader, x, y)
            result[rows, columns] = _total(first.gram(second))
            result[columns, rows] = result[rows, columns].T
    return result, log_scales


def _total(parts: Mapping[str, Tensor]) -> Tensor:
    return torch.stack(list(parts.values())).sum(0)
