"""Coherence: how far the gradients of different examples agree, over a data set of any size."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gengap.data import Problem
from gengap.errors import InputError
from gengap.network.gradients import (
    TOLERANCE,
    GradientReader,
    Loss,
    check_examples,
    prepared,
    with_smaller_batches,
)
from gengap.network.inputs import Data, Part, batches
from gengap.probes.coherence_results import Alpha, Coherence, alpha_of

Progress = Callable[[int, str], None]
BATCH = 256  # examples read at once
_LEAST = float(np.finfo(np.float64).tiny)


def coherence(
    model: nn.Module,
    data: Data,
    loss: Loss = nn.functional.cross_entropy,
    *,
    split: Part = "train",
    errors: bool = True,
    evaluation: bool = False,
    progress: Progress | None = None,
) -> Coherence:
    r"""Coherence :math:`\alpha = \|E g\|^2 / E\|g\|^2` of the gradients of examples, whole and by layer.

    One pass over the data sums the gradients and their squared norms, in memory of a few times the parameters. A
    second one multiplies each gradient with the sum, which gives errors, alignments and contributions.

    Source: Chatterjee and Zielinski 2020 (arXiv:2008.01217): alpha and m-coherence.

    Args:
        model: A network that returns one tensor of scores, in the mode that it is in; it stays as it is.
        data: A Problem, a pair of inputs and labels, or batches of such pairs (a list, as they are read twice).
        loss: From scores and labels of a batch to one number.
        split: Which split of a Problem.
        errors: Whether to make the second pass.
        evaluation: Whether to run the network in evaluation mode.
        progress: Called with examples done in a pass, and its name.

    Raises:
        InputError: Fewer than two examples, gradients that are all 0, two passes that disagree, or what
            ``gradient_norms`` raises.

    >>> x, y = torch.eye(2), torch.ones(2, 1)
    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.zeros_(model.weight)
    >>> found = coherence(model, (x, torch.zeros(2).long()), lambda s, t: (s - 1).square().sum(), errors=False)
    >>> found.alpha, found.m_coherence  # orthogonal gradients
    (0.5, 1.0)
    """
    with prepared(model, evaluation):
        source = _reusable(data)
        first = next(iter(batches(source, model, split, size=BATCH)), None)
        if first is None:
            raise InputError("There are no examples.", expected="at least two")
        reader = GradientReader(model, *check_examples(model, *first), loss)
        sums, squares, log_scales, unit, losses = with_smaller_batches(
            lambda: _sums(reader, source, model, split, progress)
        )
        N = len(losses)
        if N < 2:
            raise InputError(f"{N} example.", expected="at least two, whose gradients can agree or not")
        if not any(bool((values > 0).any()) for values in squares.values()):
            raise InputError(
                "The gradients of all examples are 0.",
                expected="gradients that can agree or not",
                next_step="a loss that saturates in the network's type may have others in float64: model.double()",
            )
        agreement = _products(reader, source, model, split, sums, unit, progress) if errors else None
    found = _in_units(sums, squares, agreement, log_scales, unit)
    found.check_sum(max(TOLERANCE.get(p.dtype, 1e-3) for p in reader.covered.values()))
    return found.coherence(losses, reader.fallback, (*reader.frozen, *reader.unreached))


@dataclass(frozen=True)
class _InUnits:
    """Sums over examples of gradients that are divided by ``exp(unit)``, the largest scale of an example."""

    lengths: Mapping[str, float]
    squares: Mapping[str, Tensor]
    products: Mapping[str, Tensor] | None
    cosines: Tensor | None
    log_norms: Tensor
    unit: float

    def check_sum(self, tolerance: float) -> None:
        """Sees that the products of the gradients with their sum add up to its squared norm.

        Args:
            tolerance: Of one product, relative; they are added with errors of either sign.

        Raises:
            InputError: They do not.
        """
        if self.products is None:
            return
        products = torch.stack(list(self.products.values())).sum(0)
        difference = abs(float(products.sum()) - sum(self.lengths.values()))
        if difference > 10 * tolerance * float(products.abs().sum()):
            raise InputError(
                "The gradients of the second pass do not add up to those of the first.",
                expected="a network and data that are the same in both passes",
                next_step="errors=False makes one pass only",
            )

    def coherence(self, losses: Tensor, fallback: Mapping[str, str], not_covered: tuple[str, ...]) -> Coherence:
        """The coherence, with norms, products and squares in the units of the loss."""
        once, twice = math.exp(self.unit), math.exp(2 * self.unit)
        names = list(self.squares)
        grouped: dict[str, list[str]] = {}
        for name in names:
            grouped.setdefault(name.rpartition(".")[0], []).append(name)
        whole = self._alpha(names)
        layers = {layer: self._alpha(own) for layer, own in grouped.items()}
        layers = {layer: value for layer, value in layers.items() if value.mean_squared_norm > 0}
        products = None if self.products is None else torch.stack(list(self.products.values())).sum(0)
        norms = self.log_norms.exp()
        lost = int(((norms < _LEAST) & (self.log_norms > -math.inf)).sum())
        reason = f"{lost} of {len(norms)} norms are below the least number of float64" if lost else None
        if whole.mean_squared_norm * twice < _LEAST:
            reason = "squared gradient norms are below the least number of float64: their logarithms are in log_norms"
        return Coherence(
            _times(whole, twice),
            {layer: _times(value, twice) for layer, value in layers.items()},
            losses.double().numpy(),
            norms.numpy(),
            None if products is None else (products * once * once).numpy(),
            fallback,
            not_covered,
            self.log_norms.numpy(),
            None if products is None else (products / products.sum()).numpy(),
            None if self.cosines is None else self.cosines.numpy(),
            {layer: value.mean_squared_norm / whole.mean_squared_norm for layer, value in layers.items()},
            reason,
        )

    def _alpha(self, names: Sequence[str]) -> Alpha:
        """Coherence over some parameters."""
        A = sum(self.lengths[name] for name in names)
        q = torch.stack([self.squares[name] for name in names]).sum(0).clamp(min=0).numpy()
        d = None if self.products is None else torch.stack([self.products[name] for name in names]).sum(0).numpy()
        return alpha_of(A, q, d)


def _in_units(
    sums: Mapping[str, Tensor],
    squares: Mapping[str, Tensor],
    agreement: tuple[dict[str, Tensor], Tensor, Tensor] | None,
    log_scales: Tensor,
    unit: float,
) -> _InUnits:
    """What ``_sums`` and ``_products`` give, in one unit."""
    whole = torch.stack(list(squares.values())).sum(0).clamp(min=0)
    factors, log_norms = (log_scales - unit).exp(), log_scales + whole.sqrt().log()
    products, cosines = None, None
    if agreement is not None:
        products, raw, scales = agreement
        length = torch.stack(list(products.values())).sum().clamp(min=0).sqrt() * (log_norms - scales).exp()
        cosines = torch.where((length > 0) & length.isfinite(), raw / length, math.nan)
    return _InUnits(
        {name: float(sums[name].square().sum()) for name in squares},
        {name: values * factors.square() for name, values in squares.items()},
        products,
        cosines,
        log_norms,
        unit,
    )


def _times(value: Alpha, factor: float) -> Alpha:
    return value._replace(mean_squared_norm=value.mean_squared_norm * factor)


def _reusable(data: Data) -> Data:
    """Data that can be read twice: an iterator's batches become a list."""
    return data if isinstance(data, Problem | tuple | list) else list(data)


def _sums(
    reader: GradientReader, data: Data, model: nn.Module, split: Part, progress: Progress | None
) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor, float, Tensor]:
    """Sum of the gradients by parameter over exp(unit), squared norms by parameter and logarithmic scales ``[N]``.

    Also the unit, which is the largest logarithmic scale, and the losses ``[N]``.
    """
    sums: dict[str, Tensor] = {}
    squares: dict[str, list[Tensor]] = {}
    losses: list[Tensor] = []
    log_scales: list[Tensor] = []
    unit = -math.inf
    for x, y in batches(data, model, split, size=reader.chunk(BATCH)):
        batch = reader.read(x, y, total=True, scaled=True)
        losses.append(batch.losses.cpu())
        log_scales.append(batch.log_scales.cpu())
        before, unit = unit, max(unit, batch.log_total)
        for name, total in batch.total.items():
            if name not in sums:
                sums[name] = torch.zeros_like(total, dtype=torch.float64)
            if batch.log_total > -math.inf:  # else no gradient of the batch is other than 0
                sums[name] *= math.exp(before - unit)
                sums[name].add_(total.double(), alpha=math.exp(batch.log_total - unit))
        for name, values in batch.squared_norms().items():
            squares.setdefault(name, []).append(values.cpu())
        if progress is not None:
            progress(len(y), "gradients")
    joined = {name: torch.cat(parts) for name, parts in squares.items()}
    return sums, joined, torch.cat(log_scales), unit, torch.cat(losses)


def _products(
    reader: GradientReader,
    data: Data,
    model: nn.Module,
    split: Part,
    sums: Mapping[str, Tensor],
    unit: float,
    progress: Progress | None,
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Products of each gradient with the sum of all, both over ``exp(unit)``, by parameter, ``[N]``.

    Also those over all parameters with the gradient over its scale in place of the unit, and these scales, ``[N]``.
    """
    kinds = {name: p.dtype if p.dtype == torch.float64 else torch.float32 for name, p in reader.covered.items()}
    direction = {name: value.to(kinds[name]) for name, value in sums.items()}
    result: dict[str, list[Tensor]] = {}
    raw, scales = [], []
    for x, y in batches(data, model, split, size=reader.chunk(BATCH)):
        batch = reader.read(x, y, scaled=True)
        factors = (batch.log_scales - unit).exp()
        found = batch.products(direction)
        for name, values in found.items():
            result.setdefault(name, []).append((values * factors).cpu())
        raw.append(torch.stack(list(found.values())).sum(0).cpu())
        scales.append(batch.log_scales.cpu())
        if progress is not None:
            progress(len(y), "agreement")
    return {name: torch.cat(parts) for name, parts in result.items()}, torch.cat(raw), torch.cat(scales)
