"""Gradients of examples as sums of outer products: their norms and inner products without the gradients themselves.

The gradient of an example n with respect to the weight of a linear map is ``sum_t left_t right_t^T`` over the places
t at which the map was applied, with the gradient that arrives at the output and the input that entered there. So

    <grad_n, grad_m> = sum_{t, s} (left_nt . left_ms) (right_nt . right_ms).

Source: Goodfellow 2015 (arXiv:1510.01799) for one place; Rochette et al. 2019 (arXiv:1912.06015) and Li et al. 2022
(arXiv:2110.05679), section 4, for several.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK = 1 << 24  # numbers in the largest intermediate tensor: 64 MiB in float32


@dataclass(frozen=True)
class Outer:
    """``sum_t left_t right_t^T`` for each example and each of G groups, which are disjoint blocks of the weight.

    Attributes:
        left: ``[N, G, T, p]``.
        right: ``[N, G, T, q]``.
    """

    left: Tensor
    right: Tensor

    def __len__(self) -> int:
        return len(self.left)

    def rows(self, which: slice) -> "Outer":
        """The same for some of the examples."""
        return Outer(self.left[which], self.right[which])

    def formed(self, columns: slice = slice(None)) -> Tensor:
        """The gradients, ``[N, G, p, q]``; with ``columns`` only some of their p rows."""
        return self.left[..., columns].transpose(-1, -2) @ self.right


@dataclass(frozen=True)
class Rows:
    """``sum_t onehot(index_t) values_t^T``: the gradient of an embedding, of whose rows an example uses a few.

    Attributes:
        index: ``[N, T]``.
        values: ``[N, T, q]``.
    """

    index: Tensor
    values: Tensor

    def __len__(self) -> int:
        return len(self.index)

    def rows(self, which: slice) -> "Rows":
        """The same for some of the examples."""
        return Rows(self.index[which], self.values[which])


@dataclass(frozen=True)
class Whole:
    """The gradients themselves, ``[N, D]``: of vectors such as biases, and where no rule applies."""

    values: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, which: slice) -> "Whole":
        """The same for some of the examples."""
        return Whole(self.values[which])


Term = Outer | Rows | Whole


def squared_norms(terms: Sequence[Term]) -> Tensor:
    """``||sum of terms||^2`` for each example, float64 ``[N]``.

    Args:
        terms: Of one block of one parameter; at most one of each kind, after ``merged``.
    """
    total = torch.zeros(len(terms[0]), dtype=torch.float64, device=_device(terms[0]))
    for i, first in enumerate(terms):
        total += _own_square(first)
        for second in terms[i + 1 :]:
            for rows in _chunks(len(first), _pair_size(first, second, 1)):
                total[rows] += 2 * _pair(first.rows(rows), second.rows(rows), diagonal=True)
    return total


def gram(terms: Sequence[Term], others: Sequence[Term]) -> Tensor:
    """``<grad_n, grad_m>`` between the examples of two batches, float64 ``[N, M]``."""
    total = torch.zeros(len(terms[0]), len(others[0]), dtype=torch.float64, device=_device(terms[0]))
    for first in terms:
        for second in others:
            total += _cross(first, second)
    return total


def products(terms: Sequence[Term], direction: Tensor) -> Tensor:
    """``<grad_n, direction>`` for each example, float64 ``[N]``.

    Args:
        terms: Of one block of one parameter.
        direction: Of the block's shape, ``[rows, ...]``.
    """
    total = torch.zeros(len(terms[0]), dtype=torch.float64, device=_device(terms[0]))
    for term in terms:
        if isinstance(term, Whole):
            total += (term.values * direction.flatten()).double().sum(1)
        elif isinstance(term, Rows):
            total += (direction[term.index] * term.values).double().sum((1, 2))
        else:
            G, p = term.left.shape[1], term.left.shape[3]
            blocks = direction.reshape(G, p, -1)
            for rows in _chunks(len(term), term.right[0].numel()):
                part = term.rows(rows)
                total[rows] += torch.einsum("ngtp,gpq,ngtq->n", part.left, blocks, part.right).double()
    return total


def merged(terms: Sequence[Term]) -> list[Term]:
    """The same sum in at most one term of each kind: uses of one weight become more places of one term."""
    outer = [term for term in terms if isinstance(term, Outer)]
    rows = [term for term in terms if isinstance(term, Rows)]
    whole = [term for term in terms if isinstance(term, Whole)]
    result: list[Term] = []
    if outer:
        result.append(
            outer[0]
            if len(outer) == 1
            else Outer(torch.cat([term.left for term in outer], 2), torch.cat([term.right for term in outer], 2))
        )
    if rows:
        result.append(Rows(torch.cat([term.index for term in rows], 1), torch.cat([term.values for term in rows], 1)))
    if whole:
        result.append(Whole(torch.stack([term.values for term in whole]).sum(0)))
    return result


def _own_square(term: Term) -> Tensor:
    if isinstance(term, Whole):
        return _square(term.values)
    if isinstance(term, Rows):
        chunks = _chunks(len(term), _pair_size(term, term, 1))
        return torch.cat([_pair(term.rows(rows), term.rows(rows), diagonal=True) for rows in chunks])
    _, G, T, p = term.left.shape
    q = term.right.shape[-1]
    if T == 1:
        return (term.left.square().sum(-1).double() * term.right.square().sum(-1).double()).sum((1, 2))
    if T * (p + q) < p * q:
        chunks = _chunks(len(term), 2 * G * T * T)
        return torch.cat([_pair(term.rows(rows), term.rows(rows), diagonal=True) for rows in chunks])
    return torch.cat([_square(term.rows(rows).formed()) for rows in _chunks(len(term), G * p * q)])


def _cross(first: Term, second: Term) -> Tensor:
    if isinstance(first, Whole) and isinstance(second, Whole):
        return first.values.double() @ second.values.double().T
    if isinstance(first, Outer) and isinstance(second, Outer) and first.left.shape[2] > 1:
        N, G, T, p = first.left.shape
        M, S, q = len(second), second.left.shape[2], first.right.shape[-1]
        if N * M * T * S * (p + q) > (N * T + M * S) * p * q + N * M * p * q:
            result = torch.zeros(N, M, dtype=torch.float64, device=first.left.device)
            for columns in _chunks(p, max(N, M) * G * q):
                result += first.formed(columns).flatten(1).double() @ second.formed(columns).flatten(1).double().T
            return result
    parts = [
        _pair(first.rows(rows), second, diagonal=False) for rows in _chunks(len(first), _pair_size(first, second, 2))
    ]
    return torch.cat(parts)


def _pair(first: Term, second: Term, *, diagonal: bool) -> Tensor:
    """Inner products over all pairs of places: of each example with itself ``[N]``, or of all with all ``[N, M]``."""
    places = "ngtp,ngsp->ngts" if diagonal else "ngtp,mgsp->nmgts"
    if isinstance(first, Outer) and isinstance(second, Outer):
        left = torch.einsum(places, first.left, second.left)
        right = torch.einsum(places, first.right, second.right)
        return (left * right).double().sum((-3, -2, -1))
    if isinstance(first, Rows) and isinstance(second, Rows):
        a, b = (first.index, second.index) if diagonal else (first.index[:, None], second.index)
        same = a[..., :, None] == b[..., None, :]
        right = torch.einsum(places.replace("g", ""), first.values, second.values)
        return (right * same).double().sum((-2, -1))
    if isinstance(first, Rows) and isinstance(second, Outer):
        found = _pair(second, first, diagonal=diagonal)
        return found if diagonal else found.T
    if isinstance(first, Outer) and isinstance(second, Rows):
        left = _picked(first.left.squeeze(1), second.index, diagonal=diagonal)
        right = torch.einsum(places.replace("g", ""), first.right.squeeze(1), second.values)
        return (left * right).double().sum((-2, -1))
    raise TypeError("a gradient that is formed is the whole gradient of its block")


def _picked(left: Tensor, index: Tensor, *, diagonal: bool) -> Tensor:
    """``left[n, t, index[m, s]]``: ``[N, T, S]`` with m = n, or ``[N, M, T, S]``."""
    if diagonal:
        return left.gather(2, index[:, None, :].expand(-1, left.shape[1], -1))
    picked: Tensor = left[:, :, index].transpose(1, 2)
    return picked


def _pair_size(first: Term, second: Term, batches: int) -> int:
    """Numbers that one example of ``first`` adds to the tensors of ``_pair``."""
    places = [
        term.left.shape[1] * term.left.shape[2] if isinstance(term, Outer) else _places(term)
        for term in (first, second)
    ]
    return 2 * places[0] * places[1] * (len(second) if batches == 2 else 1)


def _places(term: Term) -> int:
    return term.index.shape[1] if isinstance(term, Rows) else 1


def _square(values: Tensor) -> Tensor:
    flat = values.flatten(1)
    norms: Tensor = torch.linalg.vector_norm(flat, dim=1, dtype=torch.promote_types(flat.dtype, torch.float32))
    return norms.double().square()


def _chunks(count: int, numbers: int) -> Iterator[slice]:
    """Slices of ``count`` items, of which each takes ``numbers`` numbers of memory."""
    size = max(1, CHUNK // max(1, numbers))
    for start in range(0, count, size):
        yield slice(start, start + size)


def _device(term: Term) -> torch.device:
    return term.left.device if isinstance(term, Outer) else term.values.device
