"""R networks of one architecture, stacked, and the one step that trains them all."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from gengap import models
from gengap.data import Problem
from gengap.errors import InputError
from gengap.network.gradients import NotFiniteError
from gengap.network.inputs import network_inputs
from gengap.seeds import stream
from gengap.train.execution import Execution
from gengap.train.layouts import has_convolutions, joined, keep_layout
from gengap.train.optimizers import clip_norms
from gengap.train.recipe import Recipe
from gengap.train.scores import darc1_term, top_hits
from gengap.train.winsorized import WinsorizedSGD

Tensors = dict[str, Tensor]
Mixture = tuple[Tensor, Tensor]
"""Other labels ``[R, B]`` and the share of the first ones ``[R]``: mixup of Zhang et al. 2018 (arXiv:1710.09412)."""
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass
class Replicas:
    """The training state of R networks: R leads every tensor.

    The loss is written for one network and mapped over R with ``torch.func.vmap``; since the R losses share no
    variable, the gradient of their sum is each one's own gradient. The update is elementwise, with a learning rate
    and a weight decay for each replica; see ``gengap.train.optimizers``.

    Attributes:
        module: The architecture; its own weights are not used.
        parameters: ``[R, …]`` by parameter name.
        slots: State of the optimizer, ``[R, …]`` by parameter name for each of its slots.
        buffers: ``[R, …]`` by name: running statistics and the like, and parameters that ask for no gradient.
        execution: How this is computed: the memory layout that is used, which need not be the one asked for.
        recipe: The recipe, in all that replicas share.
        apart: Why each step passes through the networks one after the other, where ``vmap`` cannot map the network (an
            LSTM, control flow on values); empty where it can, or there is one network.
    """

    module: nn.Module
    parameters: Tensors
    slots: dict[str, Tensors]
    buffers: Tensors
    execution: Execution
    recipe: Recipe
    apart: str = ""

    def __post_init__(self) -> None:
        self._optimizer = self.recipe.make_optimizer()

    @classmethod
    def initialise(cls, problem: Problem, recipe: Recipe, seeds: Sequence[int], execution: Execution) -> "Replicas":
        """Fresh networks, each initialised from its own seed's stream.

        Channels last is for images of one network with convolutions; elsewhere the layout is contiguous.
        """
        modules = []
        for seed in seeds:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(stream(seed, "initialisation"))
                module = models.build(
                    recipe.model,
                    problem.input_shape,
                    problem.n_classes,
                    dropout=recipe.dropout,
                    vocabulary=problem.vocabulary,
                )
            modules.append(module.to(execution.device, execution.dtype))
        if execution.memory_format == "channels_last":
            if len(modules) == 1 and len(problem.input_shape) == 3 and has_convolutions(modules[0]):
                keep_layout(modules[0])
            else:
                execution = replace(execution, memory_format="contiguous")
        replicas = cls.of(modules, recipe, execution)
        replicas.apart = replicas._reason_apart(problem) if len(seeds) > 1 else ""
        return replicas

    @classmethod
    def of(cls, modules: Sequence[nn.Module], recipe: Recipe, execution: Execution) -> "Replicas":
        """Networks of one architecture with the weights that they have, on the execution's device, in its type.

        Args:
            modules: The networks, at least one.
            recipe: What they share; its ``model`` is not read.
            execution: How this is computed.
        """
        parameters = [{name: p for name, p in module.named_parameters() if p.requires_grad} for module in modules]
        frozen = [{name: p for name, p in module.named_parameters() if not p.requires_grad} for module in modules]
        buffers = [{**dict(module.named_buffers()), **own} for module, own in zip(modules, frozen, strict=True)]
        stacked = {name: joined([p[name].detach() for p in parameters], execution) for name in parameters[0]}
        return cls(
            module=modules[0],
            parameters={name: value.requires_grad_() for name, value in stacked.items()},
            slots={
                slot: {name: torch.zeros_like(value) for name, value in stacked.items()}
                for slot in recipe.make_optimizer().slots
            },
            buffers={name: joined([b[name] for b in buffers], execution) for name in buffers[0]},
            execution=execution,
            recipe=recipe,
        )

    def _reason_apart(self, problem: Problem) -> str:
        """Why ``vmap`` cannot map this network: what a training and an evaluation step raise; empty where nothing."""
        like = next(iter(self.parameters.values()))
        two = network_inputs(problem.train.x[[0, 0]], problem.preprocessing, like)
        x = two.expand(len(self), *two.shape)
        y = torch.zeros(x.shape[:2], dtype=torch.long, device=x.device)
        trial = replace(self, buffers={name: value.clone() for name, value in self.buffers.items()})
        try:
            with torch.random.fork_rng():
                trial.module.train()
                losses, _ = trial._losses(x, y, trial._loss)
                torch.autograd.grad(losses.sum(), list(trial.parameters.values()), materialize_grads=True)
                trial.evaluate(x, y)
        except Exception as error:  # whatever torch, or the network on what vmap hands it, raises
            return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        return ""

    @property
    def optimizer_state(self) -> Tensors:
        """All slots in one mapping, ``slot/parameter`` -> tensor."""
        return {f"{slot}/{name}": value for slot, tensors in self.slots.items() for name, value in tensors.items()}

    def load(self, states: Sequence[Tensors]) -> None:
        """Gives each network the weights and statistics of a state dict."""
        with torch.no_grad():
            for name, own in {**self.parameters, **self.buffers}.items():
                for index, state in enumerate(states):
                    own[index].copy_(state[name])

    def __len__(self) -> int:
        return len(next(iter(self.parameters.values())))

    def step(
        self,
        x: Tensor,
        y: Tensor,
        rates: Tensor,
        weight_decays: Tensor | None = None,
        *,
        number: int = 0,
        mixture: Mixture | None = None,
    ) -> tuple[Tensor, Tensor]:
        """One step of the recipe's optimizer on one minibatch of each replica.

        A weight that the step does not use has gradient zero, where ``torch.optim`` would leave it out of the step.

        Args:
            x: ``[R, B, …]`` inputs, mixed already where there is a mixture.
            y: ``[R, B]`` labels.
            rates: ``[R]`` learning rates.
            weight_decays: ``[R]``; None is none.
            number: Number of the step, from 0.
            mixture: The other labels and the share of ``y``, for mixup.

        Returns:
            Mean loss in nats and number of correct predictions before the update, each ``[R]``.
        """
        self.module.train()
        gradients: Sequence[Tensor]
        if self.recipe.winsorize:
            losses, hits, gradients = self._winsorized(x, y, self.recipe.winsorize)
        else:
            losses, hits = self._losses(x, y, self._objective, mixture)
            gradients = torch.autograd.grad(losses.sum(), list(self.parameters.values()), materialize_grads=True)
        with torch.no_grad():
            if self.recipe.gradient_clip is not None:
                gradients = clip_norms(list(gradients), self.recipe.gradient_clip)
            for (name, weight), gradient in zip(self.parameters.items(), gradients, strict=True):
                shape = (-1,) + (1,) * (weight.ndim - 1)
                decays = None if weight_decays is None else weight_decays.view(shape)
                state = {slot: tensors[name] for slot, tensors in self.slots.items()}
                self._optimizer.update(weight, gradient, state, rates.view(shape), decays, number)
        return losses.detach(), hits

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss and number of correct predictions of each network in evaluation mode, each ``[R]``."""
        self.module.eval()
        return self._losses(x, y, self._loss)

    @torch.no_grad()
    def evaluate_top(self, x: Tensor, y: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
        """``evaluate``, and the number of examples whose label is among the k largest scores, ``[R]``."""
        self.module.eval()

        def both(scores: Tensor, labels: Tensor) -> Tensor:
            return torch.stack([self._loss(scores, labels), top_hits(scores, labels, k).to(scores)])

        values, hits = self._losses(x, y, both)
        return values[:, 0], hits, values[:, 1]

    @torch.no_grad()
    def score_sizes(self, x: Tensor, y: Tensor) -> Tensor:
        """Sums of absolute scores over the examples, of each network in evaluation mode, ``[R, C]``."""
        self.module.eval()
        return self._losses(x, y, lambda scores, _: scores.abs().sum(0))[0]

    def keep(self, indices: Sequence[int]) -> None:
        """Drops all replicas but those of the given indices."""
        for tensors in (self.parameters, *self.slots.values(), self.buffers):
            for name, value in tensors.items():
                kept = value.detach()[list(indices)].clone()
                tensors[name] = kept.requires_grad_(value.requires_grad)

    def weights(self, index: int) -> Tensors:
        """The state dict of one network, on the CPU, without the leading R."""
        both = {**self.parameters, **self.buffers}
        # A tensor that stands under several names, such as a tied weight, is stacked under the first of them.
        named = (*self.module.named_parameters(), *self.module.named_buffers())
        first = {id(tensor): name for name, tensor in reversed(named)}
        state = self.module.state_dict(keep_vars=True)
        return {
            name: both[first[id(tensor)]].detach()[index].to("cpu", copy=True).contiguous()
            for name, tensor in state.items()
        }

    def _losses(self, x: Tensor, y: Tensor, loss: Loss, mixture: Mixture | None = None) -> tuple[Tensor, Tensor]:
        others, shares = (y, torch.ones(len(y), dtype=x.dtype, device=x.device)) if mixture is None else mixture
        if len(self) > 1 and not self.apart:
            mapped = vmap(partial(self._loss_of_one, loss), randomness="different")
            losses, hits = mapped(self.parameters, self.buffers, x, y, others, shares)
            return losses, hits
        if len(self) > 1:
            separate = {name: value.unbind(0) for name, value in self.parameters.items()}
        else:
            separate = {name: (value.squeeze(0),) for name, value in self.parameters.items()}
        if self.execution.memory_format == "channels_last" and x.ndim == 5:
            x = x.squeeze(0).contiguous(memory_format=torch.channels_last).unsqueeze(0)
        parts = [
            self._loss_of_one(
                loss,
                {name: values[r] for name, values in separate.items()},
                {name: value[r] for name, value in self.buffers.items()},
                x[r], y[r], others[r], shares[r],
            )
            for r in range(len(self))
        ]  # fmt: skip
        if len(parts) == 1:
            return parts[0][0].unsqueeze(0), parts[0][1].unsqueeze(0)
        return torch.stack([value for value, _ in parts]), torch.stack([hit for _, hit in parts])

    def _winsorized(self, x: Tensor, y: Tensor, c: float) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Losses, hits and winsorised gradients of one replica after the other; a loss that is not finite is NaN."""
        clips = math.floor(c * y.shape[1] / 100 + 1e-9) > 0
        parts: list[tuple[Tensor, Tensor, Tensors]] = []
        for r in range(len(self)):
            self._show(r)
            sgd = WinsorizedSGD(self.module, lr=1.0, c=c if clips else 0.0)
            try:
                batch, gradients = sgd.gradients(x[r], y[r])
                parts.append((batch.losses.mean(), (batch.scores.argmax(-1) == y[r]).sum(), gradients))
            except NotFiniteError:
                parts.append((torch.full((), torch.nan, device=x.device), torch.zeros((), device=x.device), {}))
        each = [
            torch.stack([result.get(name, torch.zeros_like(value[r])) for r, (_, _, result) in enumerate(parts)])
            for name, value in self.parameters.items()
        ]
        return torch.stack([part[0] for part in parts]), torch.stack([part[1] for part in parts]), each

    def _show(self, r: int) -> None:
        """Gives the module itself the weights and buffers of one replica, as views."""
        own = {**dict(self.module.named_parameters()), **dict(self.module.named_buffers())}
        for name, value in {**self.parameters, **self.buffers}.items():
            own[name].data = value.detach()[r]

    def _loss_of_one(
        self, loss: Loss, parameters: Tensors, buffers: Tensors, x: Tensor, y: Tensor, others: Tensor, share: Tensor
    ) -> tuple[Tensor, Tensor]:
        state = {**parameters, **buffers}
        with self._autocast():
            logits = functional_call(self.module, state, (x,))
        _keep_reassigned(buffers, state)
        logits = logits.to(self.execution.dtype)
        value = loss(logits, y)
        if self.recipe.mixup and self.module.training:
            value = share * value + (1 - share) * loss(logits, others)
        return value, (logits.argmax(-1) == y).sum()

    def _loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """The recipe's loss: cross entropy in nats, or the mean square of scores minus one-hot labels."""
        if self.recipe.loss == "squared":
            return (logits - nn.functional.one_hot(y, logits.shape[-1])).square().mean()
        return nn.functional.cross_entropy(logits, y)

    def _objective(self, logits: Tensor, y: Tensor) -> Tensor:
        """What training minimises: the loss, with smoothed labels or the term of DARC1 where the recipe asks for it."""
        smoothing = self.recipe.label_smoothing
        value = (
            nn.functional.cross_entropy(logits, y, label_smoothing=smoothing) if smoothing else self._loss(logits, y)
        )
        if self.recipe.darc1:
            value = value + self.recipe.darc1 * darc1_term(logits)
        return value

    def _autocast(self) -> AbstractContextManager[None]:
        mixed = self.execution.precision == "bfloat16"
        return torch.autocast(self.execution.device, torch.bfloat16, enabled=mixed)


def _keep_reassigned(buffers: Tensors, state: Tensors) -> None:
    """Writes into buffers what a forward pass has assigned in their place, as in ``self.mean = 0.9 * self.mean + ...``.

    Raises:
        InputError: It has another shape.
    """
    for name, value in buffers.items():
        assigned = state[name]
        if assigned is value:
            continue
        if assigned.shape != value.shape:
            raise InputError(
                f"The network's buffer {name!r} has shape {tuple(value.shape)}, and its forward pass assigns one of "
                f"shape {tuple(assigned.shape)}.",
                expected="buffers that keep their shape in training",
                next_step="keep what changes its shape in an attribute that is no buffer",
            )
        with torch.no_grad():
            value.copy_(assigned)
