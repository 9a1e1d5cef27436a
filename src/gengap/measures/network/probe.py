"""One forward pass of a few examples, watched: shapes, order, what follows what, what is not used."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Probe:
    """What a forward pass shows of a network.

    Attributes:
        calls: Module's name -> shapes of one example of the first tensor it takes, each once, in the order of calls.
        follows: Module's name -> the module whose output, untouched, is its input.
        unused: Names of parameters of modules that were not called and that the outputs do not depend on.
    """

    calls: dict[str, tuple[Shape, ...]]
    follows: dict[str, str]
    unused: frozenset[str]


def probe(model: nn.Module, x: Tensor) -> Probe:
    """Passes ``x`` through a network that is in evaluation mode and returns one tensor.

    Hooks see what modules are called with; attention's fused kernels, which call no modules, are switched off.
    """
    calls: dict[str, dict[Shape, None]] = {}  # shapes in the order in which they come
    made: dict[int, tuple[str, Tensor, int]] = {}  # holds the tensors, so that an id stays theirs
    follows: dict[str, str] = {}

    def before(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
            if tensors:
                calls.setdefault(name, {})[tuple(tensors[0].shape[1:])] = None
                if isinstance(module, nn.MultiheadAttention):  # uses the weight of out_proj without calling it
                    calls[f"{name}.out_proj"] = calls[name]
                maker, _tensor, version = made.get(id(tensors[0]), ("", None, None))
                if maker and version == tensors[0]._version:  # else changed in place since
                    follows.setdefault(name, maker)

        return hook

    def after(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            if isinstance(output, Tensor):
                made.setdefault(id(output), (name, output, output._version))

        return hook

    leaves = [(name, module) for name, module in model.named_modules() if not any(module.children())]
    handles = [module.register_forward_pre_hook(before(n), with_kwargs=True) for n, module in model.named_modules()]
    handles += [module.register_forward_hook(after(name)) for name, module in leaves]
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.enable_grad():
            unused = _unused(model, model(x), calls)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for handle in handles:
            handle.remove()
    return Probe({name: tuple(shapes) for name, shapes in calls.items()}, follows, unused)


def _unused(model: nn.Module, output: Tensor, called: Container[str]) -> frozenset[str]:
    """A parameter may be used by a module that is not its own, or under no_grad: both must say that it is not."""
    idle = [(name, p) for name, p in model.named_parameters() if name.rpartition(".")[0] not in called]
    idle = [(name, p) for name, p in idle if p.requires_grad]
    if not idle or not output.requires_grad:
        return frozenset()
    gradients = torch.autograd.grad(output.sum(), [p for _, p in idle], allow_unused=True)
    return frozenset(name for (name, _), gradient in zip(idle, gradients, strict=True) if gradient is None)
