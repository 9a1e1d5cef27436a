"""Proofs that are remembered for as long as their network lives, so that a network read often is proven once."""

import contextlib
import weakref
from collections.abc import Callable, Hashable
from typing import TypeVar

from torch import Tensor, nn

from gengap.network.gradients.losses import Loss
from gengap.network.gradients.proof import Proof
from gengap.network.gradients.reader import GradientReader, OtherUseError, SmallerBatchError

MOST = 8  # proofs of one network, for inputs of several shapes
T = TypeVar("T")
_proofs: "weakref.WeakKeyDictionary[nn.Module, dict[Hashable, tuple[weakref.ref[Loss], Proof]]]" = (
    weakref.WeakKeyDictionary()
)


def with_reader(model: nn.Module, x: Tensor, y: Tensor, loss: Loss, work: Callable[[GradientReader], T]) -> T:
    """What some work with a reader of the network gives, for inputs of the shape of ``x``.

    A proof holds for other weights too: what the parameters are used for is checked with each batch. It is made anew
    for other modules, modes, frozen parameters, types, shapes or another loss, and where a batch contradicts it.
    """
    known = _proofs.setdefault(model, {})
    key = _circumstances(model, x, y)
    its_loss, proof = known.get(key, (None, None))
    if proof is not None and its_loss is not None and its_loss() is loss:
        try:
            reader = GradientReader(model, x, y, loss, proof=proof)
            return with_smaller_batches(lambda: work(reader))
        except OtherUseError:
            del known[key]
    reader = GradientReader(model, x, y, loss)
    if len(known) >= MOST:
        known.clear()
    with contextlib.suppress(TypeError):  # a loss that cannot be referred to weakly
        known[key] = weakref.ref(loss), reader.proof
    return with_smaller_batches(lambda: work(reader))


def with_smaller_batches(work: Callable[[], T]) -> T:
    """What some work gives, begun anew where a reader finds that its batches have to be smaller."""
    while True:
        with contextlib.suppress(SmallerBatchError):
            return work()


def _circumstances(model: nn.Module, x: Tensor, y: Tensor) -> Hashable:
    modules = tuple((name, type(module), module.training) for name, module in model.named_modules())
    parameters = tuple((name, p.shape, p.dtype, p.requires_grad) for name, p in model.named_parameters())
    return modules, parameters, x.shape[1:], x.dtype, x.device, y.shape[1:], y.dtype
