"""Optimizers for R networks at once: elementwise updates with a learning rate and a weight decay for each replica.

Each equals ``torch.optim`` step for step. State is a tensor a slot and parameter, of the parameter's shape.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

from gengap.train.kernels import (
    adam_update,
    common,
    fits_kernels,
    fits_to_the_bit,
    momentum_update,
    nesterov_update,
    shares,
)

OptimizerName = Literal["sgd", "adam", "adamw", "rmsprop"]
OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)
# The recipe's fields that each optimizer has; the others may not be set with it.
FIELDS: dict[OptimizerName, frozenset[str]] = {
    "sgd": frozenset({"momentum", "nesterov", "winsorize"}),
    "adam": frozenset({"beta1", "beta2", "epsilon"}),
    "adamw": frozenset({"beta1", "beta2", "epsilon"}),
    "rmsprop": frozenset({"momentum", "smoothing", "epsilon"}),
}
DECOUPLED = frozenset({"adamw"})  # weight decay shrinks the weights; elsewhere it is added to the gradient


class Optimizer(Protocol):
    """One rule by which weights follow gradients."""

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the tensors of state that each parameter has, zero at the beginning."""

    def update(
        self, weight: Tensor, gradient: Tensor, state: dict[str, Tensor], rate: Tensor, decay: Tensor | None, step: int
    ) -> None:
        """Updates ``weight`` and ``state`` in place.

        Args:
            weight: ``[R, …]``.
            gradient: Of the same shape; it may be overwritten.
            state: Slot -> tensor of the same shape.
            rate: Learning rates, ``[R, 1, …]``.
            decay: Weight decays, likewise; None is none.
            step: Number of the step, from 0.
        """


@dataclass(frozen=True)
class SGD:
    """``m <- momentum m + g``, ``w <- w - rate m``; with Nesterov's momentum ``w <- w - rate (g + momentum m)``."""

    momentum: float = 0.9
    nesterov: bool = False

    @property
    def slots(self) -> tuple[str, ...]:
        """The velocity m, which a rule without momentum lacks."""
        return ("velocity",) if self.momentum else ()

    def update(
        self, weight: Tensor, gradient: Tensor, state: dict[str, Tensor], rate: Tensor, decay: Tensor | None, step: int
    ) -> None:
        """See ``Optimizer.update``."""
        if self.nesterov and fits_kernels(weight, gradient, state["velocity"]):
            for own, one_rate, one_decay in shares(rate, decay):
                parts = (tensor[own] for tensor in (weight, gradient, state["velocity"]))
                nesterov_update(*parts, momentum=self.momentum, rate=one_rate, decay=one_decay)
            return
        if decay is not None:
            gradient = gradient.addcmul(weight, decay)
        if self.momentum and not self.nesterov and fits_to_the_bit(weight, gradient, state["velocity"]):
            for own, one_rate, _ in shares(rate, None):
                parts = (tensor[own] for tensor in (weight, gradient, state["velocity"]))
                momentum_update(*parts, momentum=self.momentum, rate=one_rate)
            return
        if self.momentum:
            velocity = state["velocity"].mul_(self.momentum).add_(gradient)
            gradient = gradient.add(velocity, alpha=self.momentum) if self.nesterov else velocity
        weight.addcmul_(gradient, rate, value=-1)


@dataclass(frozen=True)
class Adam:
    """Adam of Kingma and Ba 2015 (arXiv:1412.6980), algorithm 1; decoupled, AdamW of Loshchilov and Hutter 2019.

    ``m <- b1 m + (1 - b1) g``, ``v <- b2 v + (1 - b2) g^2``, ``w <- w - rate m^ / (sqrt(v^) + epsilon)`` with
    ``m^ = m / (1 - b1^t)``, ``v^ = v / (1 - b2^t)``. Decoupled weight decay (arXiv:1711.05101, algorithm 2) multiplies
    w by ``1 - rate decay`` first; coupled, ``decay w`` is added to g.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    decoupled: bool = False

    @property
    def slots(self) -> tuple[str, ...]:
        """The two moments m and v."""
        return ("first_moment", "second_moment")

    def update(
        self, weight: Tensor, gradient: Tensor, state: dict[str, Tensor], rate: Tensor, decay: Tensor | None, step: int
    ) -> None:
        """See ``Optimizer.update``."""
        first, second = state["first_moment"], state["second_moment"]
        if fits_kernels(weight, gradient, first, second):
            for own, one_rate, one_decay in shares(rate, decay):
                adam_update(
                    *(tensor[own] for tensor in (weight, gradient, first, second)),
                    betas=(self.beta1, self.beta2), epsilon=self.epsilon, decoupled=self.decoupled,
                    rate=one_rate, decay=one_decay, step=step,
                )  # fmt: skip
            return
        if decay is not None:
            if self.decoupled:
                weight.mul_(1 - rate * decay)
            else:
                gradient = gradient.addcmul(weight, decay)
        first.lerp_(gradient, 1 - self.beta1)
        second.mul_(self.beta2).addcmul_(gradient, gradient, value=1 - self.beta2)
        scale = (1 - self.beta2 ** (step + 1)) ** 0.5
        deviation = second.sqrt().div_(scale).add_(self.epsilon)
        weight.addcdiv_(first * (rate / (1 - self.beta1 ** (step + 1))), deviation, value=-1)


@dataclass(frozen=True)
class RMSprop:
    """RMSprop (Tieleman and Hinton 2012): ``s <- a s + (1 - a) g^2``, ``w <- w - rate g / (sqrt(s) + epsilon)``.

    With momentum the quotient enters ``m <- momentum m + quotient``, and ``w <- w - rate m``.
    """

    smoothing: float = 0.99
    momentum: float = 0.0
    epsilon: float = 1e-8

    @property
    def slots(self) -> tuple[str, ...]:
        """The mean square s, and the velocity m where there is momentum."""
        return ("mean_square", "velocity") if self.momentum else ("mean_square",)

    def update(
        self, weight: Tensor, gradient: Tensor, state: dict[str, Tensor], rate: Tensor, decay: Tensor | None, step: int
    ) -> None:
        """See ``Optimizer.update``."""
        if decay is not None:
            gradient = gradient.addcmul(weight, decay)
        square = state["mean_square"].mul_(self.smoothing).addcmul_(gradient, gradient, value=1 - self.smoothing)
        root = square.sqrt().add_(self.epsilon)
        if self.momentum:
            weight.addcmul_(state["velocity"].mul_(self.momentum).addcdiv_(gradient, root), rate, value=-1)
        elif (one_rate := common(rate)) is not None:
            weight.addcdiv_(gradient, root, value=-one_rate)
        else:
            weight.addcmul_(gradient / root, rate, value=-1)


def clip_norms(gradients: list[Tensor], largest: float) -> list[Tensor]:
    """Gradients ``[R, …]`` scaled so that each replica's, over all parameters, has a norm of at most ``largest``.

    As ``torch.nn.utils.clip_grad_norm_``: the factor is ``min(1, largest / (norm + 1e-6))``.
    """
    norms = torch.stack([torch.linalg.vector_norm(gradient.flatten(1), dim=1) for gradient in gradients])
    factor = (largest / (torch.linalg.vector_norm(norms, dim=0) + 1e-6)).clamp(max=1.0)
    return [gradient * factor.view(-1, *(1,) * (gradient.ndim - 1)) for gradient in gradients]
