"""Updates by PyTorch's own kernels, which read and write each number once."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

_LINE = 64  # numbers: a cache line of any type, or several


def fits_kernels(weight: Tensor, *others: Tensor) -> bool:
    """Whether tensors are on the CPU and have their numbers in one order, which the kernels take for granted."""
    return weight.device.type == "cpu" and all(_order(other) == _order(weight) for other in others)


def fits_to_the_bit(weight: Tensor, *others: Tensor) -> bool:
    """Whether the kernel of momentum gives the bits of its formula too: of each replica it fills whole cache lines.

    The numbers that are left over it rounds in another way.
    """
    return len(weight) > 0 and not weight[0].numel() % _LINE and fits_kernels(weight, *others)


def _order(tensor: Tensor) -> list[int]:
    return [stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if size != 1]


def common(numbers: Tensor) -> float | None:
    """The number that all are, on the CPU; None where they differ, or reading them would wait for another device."""
    if numbers.device.type != "cpu":
        return None
    first, *others = numbers.flatten().tolist()
    return first if all(other == first for other in others) else None


def shares(rate: Tensor, decay: Tensor | None) -> Iterator[tuple[slice, float, float]]:
    """Slices of the replicas with their learning rate and weight decay: all at once where these are the same."""
    rates = rate.flatten().tolist()
    decays = [0.0] * len(rates) if decay is None else decay.flatten().tolist()
    pairs = list(zip(rates, decays, strict=True))
    if len(set(pairs)) == 1:
        yield slice(None), *pairs[0]
        return
    for r, pair in enumerate(pairs):
        yield slice(r, r + 1), *pair


def adam_update(
    weight: Tensor,
    gradient: Tensor,
    first: Tensor,
    second: Tensor,
    *,
    betas: tuple[float, float],
    epsilon: float,
    rate: float,
    decay: float,
    decoupled: bool,
    step: int,
) -> None:
    """A step of Adam or AdamW in place, at one rate and weight decay; ``step`` counts from 0."""
    adam(
        [weight], [gradient], [first], [second], [], [torch.tensor(float(step))],
        fused=True, amsgrad=False, maximize=False, decoupled_weight_decay=decoupled,
        beta1=betas[0], beta2=betas[1], eps=epsilon, lr=rate, weight_decay=decay,
    )  # fmt: skip


def nesterov_update(
    weight: Tensor, gradient: Tensor, velocity: Tensor, *, momentum: float, rate: float, decay: float
) -> None:
    """A step of SGD with Nesterov's momentum in place, at one rate and weight decay."""
    sgd(
        [weight], [gradient], [velocity],
        fused=True, lr=rate, momentum=momentum, weight_decay=decay, nesterov=True, dampening=0.0, maximize=False,
    )  # fmt: skip


def momentum_update(weight: Tensor, gradient: Tensor, velocity: Tensor, *, momentum: float, rate: float) -> None:
    """``m <- momentum m + g``, ``w <- w - rate m``."""
    sgd(
        [weight], [gradient], [velocity],
        fused=True, lr=rate, momentum=momentum, weight_decay=0.0, dampening=0.0, nesterov=False, maximize=False,
    )  # fmt: skip
