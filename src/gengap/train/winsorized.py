"""Winsorised gradient descent: each coordinate of the gradient is a mean that a few examples cannot sway."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gengap.arguments import real_number
from gengap.errors import InputError, exact
from gengap.network.gradients import (
    BatchGradients,
    GradientReader,
    Loss,
    check_examples,
    trainable,
)
from gengap.network.gradients.terms import Outer, Rows, Term

NUMBERS = 1 << 22  # in one block of gradients: 16 MiB in float32, so that sorting finds them in the cache


def clipped_count(c: float, B: int) -> int:
    """How many of the largest and of the smallest of B gradients are clipped: ``k = floor(c B / 100)``.

    Args:
        c: Percentile, in [0, 50].
        B: Examples in the minibatch, at least 1.

    Raises:
        InputError: c is out of its range, or B so small that it would clip nothing.

    >>> clipped_count(2, 100), clipped_count(50, 5)
    (2, 2)
    """
    c = real_number(c, "c", least=0, most=50, next_step="give a percentile: 0 is plain descent, 50 the median")
    k = math.floor(c * B / 100 + 1e-9)  # 0.29 * 100 is 28.999…
    if c > 0 and k == 0 and not (c == 50 and B == 1):
        raise InputError(
            f"A minibatch of {B} examples is too small for c = {exact(c)}: nothing would be clipped.",
            expected=f"at least {math.ceil(100 / c - 1e-9)} examples",
        )
    return k


def winsorized_mean(gradients: Tensor, c: float) -> Tensor:
    """Mean over the first axis in which each coordinate's k largest and k smallest values are clipped to the next.

    With ``k = floor(c B / 100)``; where the limits would cross (c = 50 and B even) the median, the mean of the middle
    two. c = 0 is the plain mean.

    Source: Chatterjee 2020 (arXiv:2002.10657), section 4; its percentiles are these ranks for B = 100 and whole c.

    Args:
        gradients: ``[B, ...]``.
        c: Percentile, in [0, 50].

    Raises:
        InputError: c is out of its range, or B so small that nothing would be clipped.

    >>> winsorized_mean(torch.tensor([9.0, 1.0, 2.0, 3.0]), 25)
    tensor(2.5000)
    """
    k = clipped_count(c, len(gradients))
    return gradients.mean(0) if k == 0 else _of_last_axis(gradients.movedim(0, -1).contiguous().clone(), k)


def _of_last_axis(values: Tensor, k: int) -> Tensor:
    """The winsorised mean over the last axis of a tensor, which may be overwritten."""
    B = values.shape[-1]
    if values.device.type == "cpu" and values.dtype in (torch.float32, torch.float64):
        values = values.contiguous()
        values.numpy().sort(axis=-1)  # NumPy's sort of short rows is far faster than PyTorch's
    else:
        values = values.sort(-1).values
    if 2 * k >= B:
        return values[..., (B - 1) // 2 : B // 2 + 1].mean(-1)
    inner = values[..., k : B - k]
    return (inner.sum(-1) + k * (inner[..., 0] + inner[..., -1])) / B


class WinsorizedSGD:
    """SGD in which each coordinate of the gradient is the winsorised mean over the minibatch's examples.

    With c = 0 it is plain SGD on the mean loss. The gradients of the examples are formed a block of a parameter at a
    time, from the two factors of each layer's gradient where there is a rule, so that those of a whole minibatch never
    stand in memory together.

    Source: Chatterjee 2020 (arXiv:2002.10657), section 4.

    Attributes:
        lr: The learning rate; it may be changed between steps.
        steps: Steps done.
        fallback: Parameter's name -> why its gradients are formed whole; known after the first step.

    Args:
        model: The network; no layer may mix the examples of a batch.
        loss: From scores and labels of a batch to one number, such as ``cross_entropy``; its mean is minimised.
        lr: Learning rate, above 0.
        c: Percentile that is clipped at both ends, in [0, 50].

    Raises:
        InputError: An argument is out of its range, or no parameter asks for a gradient.

    >>> model = nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.zeros_(model.weight)
    >>> sgd = WinsorizedSGD(model, nn.functional.mse_loss, lr=0.5, c=50)
    >>> _ = sgd.step(torch.ones(3, 1), torch.tensor([[1.0], [2.0], [90.0]]))
    >>> model.weight.item()  # a step of 0.5 along the median of 2, 4 and 180
    2.0
    """

    def __init__(self, model: nn.Module, loss: Loss = nn.functional.cross_entropy, *, lr: float, c: float):
        lr = real_number(lr, "lr", above=0, next_step="give a learning rate")
        clipped_count(c, 1 << 30)
        self._parameters = trainable(model)
        self._model, self._loss, self.lr, self.c = model, loss, lr, c
        self._reader: GradientReader | None = None
        self.steps = 0

    @property
    def fallback(self) -> dict[str, str]:
        """Parameter's name -> why its gradients are formed whole."""
        return {} if self._reader is None else self._reader.fallback

    def step(self, x: Tensor, y: Tensor) -> Tensor:
        """One step on a minibatch; returns its mean loss before the step.

        Args:
            x: Inputs ``[B, ...]``.
            y: Labels ``[B, ...]``.

        Raises:
            InputError: A minibatch too small for c (the least size is named), a layer that mixes the batch or draws at
                random, or losses that are not finite.
        """
        batch, gradients = self.gradients(x, y)
        with torch.no_grad():
            for name, gradient in gradients.items():
                self._parameters[name].sub_(gradient, alpha=self.lr)
        self.steps += 1
        return batch.losses.mean()

    def gradients(self, x: Tensor, y: Tensor) -> tuple[BatchGradients, dict[str, Tensor]]:
        """The minibatch's losses and scores, and the winsorised gradient by parameter; the network stays as it is."""
        x, y = check_examples(self._model, x, y)
        k = clipped_count(self.c, len(y))
        if self._reader is None:
            self._reader = GradientReader(self._model, x, y, self._loss)
        batch = self._reader.read(x, y, total=k == 0)
        if k == 0:
            return batch, {name: total / len(y) for name, total in batch.total.items()}
        result = {
            name: torch.zeros_like(p, memory_format=torch.contiguous_format) for name, p in self._reader.covered.items()
        }
        for block, terms in batch.blocks.items():
            whole = result[block.name]
            rows = whole[block.start : block.stop] if whole.ndim else whole
            rows.copy_(_block_mean(terms, block.stop - block.start, k).reshape(rows.shape))
        return batch, result


def _block_mean(terms: Sequence[Term], rows: int, k: int) -> Tensor:
    """The winsorised mean of gradients ``[rows, columns]``, some rows at a time."""
    first = terms[0]
    if len(terms) == 1 and not isinstance(first, Outer | Rows):
        return _of_last_axis(first.values.T.contiguous(), k)
    B = len(first)
    columns = (first.right if isinstance(first, Outer) else first.values).shape[-1]
    size = max(1, NUMBERS // (B * columns))
    parts = []
    for start in range(0, rows, size):
        stop = min(rows, start + size)
        formed = sum((_rows(term, start, stop) for term in terms[1:]), _rows(first, start, stop))
        parts.append(_of_last_axis(formed, k))
    return torch.cat(parts)


def _rows(term: Term, start: int, stop: int) -> Tensor:
    """Rows of each example's gradient, the examples last: ``[rows, columns, B]``, contiguous."""
    if isinstance(term, Rows):
        wanted = torch.arange(start, stop, device=term.index.device)
        onehot = (term.index[..., None] == wanted).to(term.values.dtype)
        return torch.einsum("btr,btq->rqb", onehot, term.values).contiguous()
    if not isinstance(term, Outer):
        raise TypeError("a gradient that is formed is the whole gradient of its block")
    _, G, T, p = term.left.shape
    if T == 1 and G == 1:  # of contiguous factors, or the product would be laid out as they are
        return term.left[:, 0, 0, start:stop].T.contiguous()[:, None, :] * term.right[:, 0, 0].T.contiguous()
    parts = []  # a row belongs to one group
    for g in range(start // p, (stop - 1) // p + 1):
        a, b = max(start, g * p) - g * p, min(stop, (g + 1) * p) - g * p
        parts.append(term.left[:, g, :, a:b].transpose(1, 2) @ term.right[:, g])
    return torch.cat(parts, 1).movedim(0, -1).contiguous()


class M3:
    """A step along the coordinate-wise median of the gradients of three micro-batches, by any optimiser.

    Source: Chatterjee and Zielinski 2022 (arXiv:2203.10036), on suppressing weak directions at scale.

    Args:
        optimiser: Of PyTorch; its own rule is applied to the median.

    >>> w = nn.Parameter(torch.zeros(1))
    >>> m3 = M3(torch.optim.SGD([w], lr=1.0))
    >>> loss = m3.step([(w * 1).sum(), (w * 2).sum(), (w * 90).sum()])
    >>> w.item()
    -2.0
    """

    def __init__(self, optimiser: torch.optim.Optimizer):
        self.optimiser = optimiser

    def step(self, losses: Sequence[Tensor]) -> Tensor:
        """One step; returns the mean of the losses.

        Args:
            losses: Of three micro-batches, each with its graph.

        Raises:
            InputError: Not three losses, or they depend on no parameter of the optimiser.
        """
        if len(losses) != 3 or not all(loss.requires_grad for loss in losses):
            raise InputError(
                f"{len(losses)} losses, {sum(loss.requires_grad for loss in losses)} of them with a graph.",
                expected="those of three micro-batches, computed with gradients enabled",
            )
        parameters = _parameters(self.optimiser)
        parts = [
            torch.autograd.grad(loss, parameters, allow_unused=True, retain_graph=n < 2)
            for n, loss in enumerate(losses)
        ]
        for p, gradients in zip(parameters, zip(*parts, strict=True), strict=True):
            present = [torch.zeros_like(p) if g is None else g for g in gradients]
            p.grad = None if all(g is None for g in gradients) else torch.stack(present).median(0).values
        self.optimiser.step()
        self.optimiser.zero_grad()
        return torch.stack([loss.detach() for loss in losses]).mean()


class RM3:
    """Steps along the rolling median of the last three minibatch gradients, by any optimiser.

    Call ``loss.backward()`` and then ``step()``. The first step takes the one gradient that there is, the second the
    mean of two.

    Source: Chatterjee and Zielinski 2022 (arXiv:2203.10036), on suppressing weak directions at scale.

    Args:
        optimiser: Of PyTorch; its own rule is applied to the median.

    >>> w = nn.Parameter(torch.zeros(1))
    >>> rm3 = RM3(torch.optim.SGD([w], lr=1.0))
    >>> for slope in (1.0, 3.0, 90.0):
    ...     (slope * w).sum().backward()
    ...     rm3.step()
    >>> w.item()  # 1, then the mean of 1 and 3, then the median of all
    -6.0
    """

    def __init__(self, optimiser: torch.optim.Optimizer):
        self.optimiser = optimiser
        self._last: list[list[Tensor | None]] = []

    def step(self) -> None:
        """One step on the gradients that stand in the parameters, which are cleared.

        Raises:
            InputError: No parameter has a gradient.
        """
        parameters = _parameters(self.optimiser)
        own = [None if p.grad is None else p.grad.detach().clone() for p in parameters]
        if all(g is None for g in own):
            raise InputError("No parameter has a gradient.", next_step="call loss.backward() first")
        self._last = [*self._last, own][-3:]
        for p, gradients in zip(parameters, zip(*self._last, strict=True), strict=True):
            present = torch.stack([torch.zeros_like(p) if g is None else g for g in gradients])
            median = present.median(0).values if len(present) == 3 else present.mean(0)
            p.grad = None if all(g is None for g in gradients) else median
        self.optimiser.step()
        self.optimiser.zero_grad()


def _parameters(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [p for group in optimiser.param_groups for p in group["params"] if p.requires_grad]
