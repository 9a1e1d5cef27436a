"""Passes in which nothing is cut off from its derivatives: ``detach()`` and ``no_grad()`` have no effect."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_DETACH = {torch.Tensor.detach, torch.detach}
_TO_PYTHON = {  # these leave PyTorch, where nothing is differentiated
    *(torch.Tensor.item, torch.Tensor.tolist, torch.Tensor.numpy, torch.Tensor.__array__, torch.Tensor.__float__),
    *(torch.Tensor.__int__, torch.Tensor.__bool__, torch.Tensor.__index__),
}


def is_cut(func: Any, args: Sequence[Any]) -> bool:
    """Whether a call of PyTorch's cuts something off from its derivatives: ``detach()``, ``.data`` or ``no_grad()``."""
    data = func == torch.Tensor.data.__get__  # type: ignore[attr-defined]
    return func in _DETACH or data or (func is torch._C._set_grad_enabled and args[0] is False)


class ThroughDetach(TorchFunctionMode):
    """A context in which ``detach()``, ``.data`` and ``no_grad()`` cut no value off from what it is computed from."""

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Calls a function of PyTorch, or what replaces it in this context."""
        if is_cut(func, args):
            return args[0].view_as(args[0]) if isinstance(args[0], Tensor) else None
        if func in _TO_PYTHON:
            return func(args[0].detach(), *args[1:], **(kwargs or {}))
        return func(*args, **(kwargs or {}))


class _Hooks:
    """Enters ``ThroughDetach`` for as long as a network's forward pass lasts."""

    def __init__(self) -> None:
        self.active = True
        self._modes: list[ThroughDetach | None] = []

    def enter(self, module: nn.Module, inputs: Any) -> None:
        """Called before the pass."""
        mode = ThroughDetach() if self.active else None
        if mode is not None:
            mode.__enter__()  # type: ignore[no-untyped-call]
        self._modes.append(mode)

    def leave(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """Called after it, also where it has failed."""
        mode = self._modes.pop()
        if mode is not None:
            mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]


def differentiate_through(model: nn.Module) -> None:
    """Makes derivatives of a network's outputs those of the function that it computes, in all later passes.

    Parts under ``detach()`` or ``no_grad()``, such as frozen backbones, count like the others. The backward pass of a
    ``torch.autograd.Function`` stays as its author has written it; ``gradient_fault`` compares.

    Args:
        model: It is changed: hooks are registered.
    """
    hooks = _Hooks()
    model.register_forward_pre_hook(hooks.enter)
    model.register_forward_hook(hooks.leave, always_call=True)


def check_differentiable(model: nn.Module, x: Tensor) -> None:
    """Lets ``detach()`` and ``no_grad()`` have their effect again where the network cannot do without.

    That is so where it overwrites what it has detached, as layers do that clip their weights, or where its backward
    pass runs parts of it again, as checkpointing does.

    Args:
        model: A network that ``differentiate_through`` has changed.
        x: A few examples.
    """
    hooks = [owner for hook in model._forward_pre_hooks.values() if (owner := _owner(hook)) is not None]
    if not hooks:
        return
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        with torch.enable_grad(), torch.random.fork_rng(devices=[]):
            scores = model(x)
            if scores.requires_grad and parameters:
                torch.autograd.grad(scores.sum(), parameters, allow_unused=True)
    except Exception:  # whatever a user's forward raises
        for hook in hooks:
            hook.active = False


def cut_at_detach(model: nn.Module) -> None:
    """Undoes ``differentiate_through``."""
    for registered in (model._forward_pre_hooks, model._forward_hooks):
        for key, hook in list(registered.items()):
            if _owner(hook) is not None:
                del registered[key]
                model._forward_hooks_always_called.pop(key, None)


def _owner(hook: Any) -> _Hooks | None:
    owner = getattr(hook, "__self__", None)
    return owner if isinstance(owner, _Hooks) else None
