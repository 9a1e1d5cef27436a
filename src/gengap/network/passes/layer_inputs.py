"""What enters each layer during a pass: its total variance, and how the margin changes with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.utils.hooks import RemovableHandle

# How much is taken to float64 at a time, so that it stays in the cache: columns of a layer's inputs, rows of gradients.
# (The dtype argument of vector_norm is five times as slow.)
_COLUMNS, _ROWS = 4096, 8


@dataclass(frozen=True)
class LayerInput:
    """What a pass over ``N`` examples saw at one layer's input.

    Attributes:
        gradient_norms: Euclidean norm of the gradient of the margin with respect to that input, float64 ``[N]``.
        total_variance: Sum over the input's coordinates of their variances over the examples (divided by N).
    """

    gradient_norms: Tensor
    total_variance: float


class Moments:
    """Mean and summed squared deviation of vectors that come in batches, in float64 (Chan et al. 1983)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor | float = 0.0
        self.squares = 0.0

    def add(self, batch: Tensor) -> None:
        """Takes in the rows of ``batch``."""
        values, means, count = batch.flatten(1), [], len(batch)
        for start in range(0, max(values.shape[1], 1), _COLUMNS):
            exact = values[:, start : start + _COLUMNS].to(torch.float64, copy=True)
            means.append(exact.mean(0))
            self.squares += float(torch.linalg.vector_norm(exact.sub_(means[-1]))) ** 2
        apart = torch.cat(means) - self.mean
        total = self.count + count
        self.squares += float(torch.linalg.vector_norm(apart)) ** 2 * self.count * count / total
        self.mean = self.mean + apart * (count / total)
        self.count = total

    @property
    def total_variance(self) -> float:
        """Summed squared deviation from the mean, divided by the number of vectors."""
        return self.squares / self.count


def per_example_layers(model: nn.Module, layers: Mapping[str, nn.Module], x: Tensor) -> dict[str, nn.Module]:
    """The layers whose first tensor has as many rows as there are examples, in passes of two sizes.

    One pass would not decide: of a sequence that comes before the batch, the length may equal the batch's.

    Args:
        model: In evaluation mode.
        layers: By name.
        x: A few examples.
    """
    result = dict(layers)
    for batch in (x, torch.cat([x, x[:1]])):
        rows: dict[str, int] = {}

        def hook(name: str, rows: dict[str, int] = rows) -> Any:
            def see(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
                first = _first_tensor(args, kwargs)
                rows.setdefault(name, len(first) if first is not None and first.ndim else 0)

            return see

        handles = [layer.register_forward_pre_hook(hook(name), with_kwargs=True) for name, layer in result.items()]
        try:
            with torch.enable_grad():  # as in the pass itself: without, attention's fused kernels call no modules
                model(batch)
        finally:
            for handle in handles:
                handle.remove()
        result = {name: layer for name, layer in result.items() if rows.get(name) == len(batch)}
    return result


def _first_tensor(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    return next((value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)), None)


class LayerInputs:
    """Watches the first tensor that enters each layer, in its first call of a forward pass.

    A layer that no pass reaches, or whose input is not a tensor of floats with one row for each example, has no entry
    in ``results()``. Where rows may be as many without being examples, ``per_example_layers`` decides. Gradients
    go to the input as it is when the layer reads it, even if it is overwritten later, and flow through everything
    that uses it, a shortcut beside the layer too.

    Args:
        layers: The layers by name; one module under several names is watched once, under the first.
    """

    def __init__(self, layers: Mapping[str, nn.Module]):
        self._layers = layers
        self._handles: list[RemovableHandle] = []
        self._edges: dict[str, GradientEdge] = {}
        self._moments: dict[str, Moments] = {}
        self._norms: dict[str, list[Tensor]] = {}

    def __enter__(self) -> "LayerInputs":
        modules: set[nn.Module] = set()
        for name, module in self._layers.items():
            if module not in modules:
                modules.add(module)
                self._handles.append(module.register_forward_pre_hook(self._hook(name), with_kwargs=True))
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for handle in self._handles:
            handle.remove()

    def _hook(self, name: str) -> Any:
        def see(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            first = _first_tensor(args, kwargs)
            if name in self._edges or first is None or not first.requires_grad:
                return
            self._edges[name] = get_gradient_edge(first)
            self._moments.setdefault(name, Moments()).add(first.detach())

        return see

    def differentiate(self, margins: Tensor) -> None:
        """Adds the gradient norms of one batch, whose forward pass has just run.

        Args:
            margins: The batch's margins, with their graph, which is kept.
        """
        names, edges = list(self._edges), list(self._edges.values())
        if edges:
            gradients = torch.autograd.grad(margins.sum(), edges, retain_graph=True, materialize_grads=True)
            for name, gradient in zip(names, gradients, strict=True):
                if len(gradient) == len(margins):
                    self._norms.setdefault(name, []).extend(
                        torch.linalg.vector_norm(gradient[i : i + _ROWS].double().flatten(1), dim=1)
                        for i in range(0, len(gradient), _ROWS)
                    )
        self._edges.clear()

    def results(self) -> dict[str, LayerInput]:
        """What was seen at each layer, in the order in which the layers ran."""
        return {
            name: LayerInput(torch.cat(norms), self._moments[name].total_variance)
            for name, norms in self._norms.items()
            if sum(map(len, norms)) == self._moments[name].count
        }
