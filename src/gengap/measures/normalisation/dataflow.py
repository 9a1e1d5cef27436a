"""What a network's graph shows: the order of its weight layers, and the first thing that breaks homogeneity."""

import operator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from gengap.models.layers import LocalResponseNorm
from gengap.network.folding import Pairs, folding_obstacle
from gengap.network.rules import has_own_forward, has_running_statistics, linear_maps

# Positively homogeneous of degree one in their one input, by type; those of dropout do nothing in evaluation mode.
MODULES = (
    *(nn.Identity, nn.ReLU, nn.LeakyReLU, nn.RReLU, nn.Flatten, nn.Unflatten),
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout),
    *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    *(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
    *(nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d, nn.ReflectionPad2d, nn.ReplicationPad2d),
    *(nn.Upsample, nn.PixelShuffle, nn.PixelUnshuffle),
)
FUNCTIONS = {
    *(
        functional.relu,
        torch.relu,
        functional.leaky_relu,
        torch.flatten,
        torch.mean,
        torch.sum,
        torch.amax,
        torch.squeeze,
    ),
    *(torch.unsqueeze, torch.permute, torch.transpose, torch.reshape, operator.getitem),
    *(
        functional.avg_pool1d,
        functional.avg_pool2d,
        functional.avg_pool3d,
        functional.adaptive_avg_pool1d,
        functional.adaptive_avg_pool2d,
        functional.interpolate,
    ),
    *(
        functional.max_pool1d,
        functional.max_pool2d,
        functional.max_pool3d,
        torch.max_pool2d,
        functional.adaptive_max_pool2d,
    ),
}
METHODS = {
    *("relu", "view", "reshape", "flatten", "mean", "sum", "amax", "contiguous", "permute", "transpose"),
    *("squeeze", "unsqueeze", "float", "double", "to", "clone"),
}
RANDOM = {functional.dropout, functional.dropout2d}
SHAPES = {"size", "dim", "numel"}
SCALING = {operator.mul, operator.truediv, torch.mul, torch.div}
SHIFTING = {operator.add, operator.sub, torch.add, torch.sub, torch.cat}


@dataclass(frozen=True)
class Flow:
    """What the graph shows.

    Attributes:
        order: Names of the weight layers, in the order in which data pass them.
        pairs: ``(layer, batch norm)``, where a batch norm alone takes the layer's output.
        obstacle: The first thing that is not positively homogeneous; empty where there is none.
        noise: The first thing that draws at random in training mode, beside modules of dropout; empty likewise.
    """

    order: tuple[str, ...]
    pairs: Pairs
    obstacle: str
    noise: str


class _Tracer(fx.Tracer):
    """Looks into whatever is no layer of its own."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        known = bool(linear_maps(m)) or has_running_statistics(m) or isinstance(m, LocalResponseNorm)
        return known or super().is_leaf_module(m, module_qualified_name)


def flow(model: nn.Module) -> Flow | None:
    """What the graph of a network in evaluation mode shows; None where its forward pass cannot be traced."""
    try:
        graph = _Tracer().trace(model)
    except Exception:  # whatever a user's forward raises when it is given a proxy
        return None
    reader = _Reader(dict(model.named_modules()), _returned(graph))
    for node in graph.nodes:
        reader.read(node)
        if reader.obstacle:
            break
    if not reader.order:
        reader.obstacle = reader.obstacle or "it has no weight layer"
    noisy = [node for node in graph.nodes if node.target in RANDOM and _argument(node, 1, "p") != 0]
    return Flow(tuple(reader.order), tuple(reader.pairs), reader.obstacle, _named(noisy[0], None) if noisy else "")


def _returned(graph: fx.Graph) -> set[fx.Node]:
    """The nodes from which what the network returns is made."""
    nodes: set[fx.Node] = set()
    waiting = [node for node in graph.nodes if node.op == "output"]
    while waiting:
        node = waiting.pop()
        if node not in nodes:
            nodes.add(node)
            waiting += node.all_input_nodes
    return nodes


class _Reader:
    """Walks a graph; ``after`` has the nodes whose value depends on a weight layer, with the last one before each."""

    def __init__(self, modules: dict[str, nn.Module], returned: set[fx.Node]):
        self.modules, self.returned = modules, returned
        self.after: dict[fx.Node, str] = {}
        self.order: list[str] = []
        self.pairs: list[tuple[str, str]] = []
        self.obstacle = ""

    def read(self, node: fx.Node) -> None:
        """Takes in one node, or says in ``obstacle`` why it cannot be."""
        sources = [source for source in node.all_input_nodes if source in self.after]
        module = self.modules.get(str(node.target)) if node.op == "call_module" else None
        if node.op == "get_attr" and self._is_parameter(str(node.target)):
            self.obstacle = self._outside(str(node.target))
        elif node.op == "get_attr" and (user := self._multiplied(node)):
            self.obstacle = f"{user} computes with the tensor {node.target}, which is no layer's weight"
        elif module is not None and _has_state(module) and node not in self.returned:
            return  # what it makes is thrown away
        elif module is not None and linear_maps(module):
            self._layer(node, module, sources)
        elif module is not None and has_running_statistics(module):
            self._batch_norm(node)
        elif node.op == "output":
            self._output(sources)
        elif module is not None and not sources and module.state_dict():  # packed, quantised weights too
            self.obstacle = f"{_named(node, module)} has weights, and no rule covers it"
        elif sources and not _is_shape(node):
            self._operation(node, module, sources)

    def _layer(self, node: fx.Node, module: nn.Module, sources: list[fx.Node]) -> None:
        name = str(node.target)
        if linear_maps(module)[0].kind == "attention":
            self.obstacle = f"{name}: attention's softmax"
        elif name in self.order:
            self.obstacle = f"{name} is used twice"
        elif self.order and [self.after[source] for source in sources] != self.order[-1:]:
            self.obstacle = f"{name} stands beside {self.order[-1]}, in parallel"
        self.order.append(name)
        self.after[node] = name

    def _batch_norm(self, node: fx.Node) -> None:
        before = node.all_input_nodes[0]
        layer = self.modules.get(str(before.target)) if before.op == "call_module" else None
        if layer is None or not linear_maps(layer):
            self.obstacle = f"batch norm {node.target} does not follow a weight layer"
        elif reason := folding_obstacle(self.modules[str(node.target)], layer):
            self.obstacle = f"{node.target}: {reason}"
        elif len(before.users) > 1:
            self.obstacle = f"the output of {before.target} goes to {node.target} and elsewhere"
        else:
            self.pairs.append((str(before.target), str(node.target)))
            self.after[node] = str(before.target)

    def _operation(self, node: fx.Node, module: nn.Module | None, sources: list[fx.Node]) -> None:
        if len(sources) > 1 and any(not _is_shape(source) for source in sources[1:]):
            self.obstacle = f"{_named(node, module)} joins branches ({', '.join(map(str, sources))})"
        elif not _is_homogeneous(node, module):
            self.obstacle = f"{_named(node, module)} is not positively homogeneous, or not known to be"
        self.after[node] = self.after[sources[0]]

    def _output(self, sources: list[fx.Node]) -> None:
        if len(sources) > 1:
            self.obstacle = f"it returns several values ({', '.join(map(str, sources))})"
        elif self.order and (not sources or self.after[sources[0]] != self.order[-1]):
            self.obstacle = f"what it returns does not come from {self.order[-1]}"

    def _outside(self, target: str) -> str:
        owner = target.rpartition(".")[0]
        if isinstance(self.modules.get(owner), nn.MultiheadAttention):
            return f"{owner}: attention's softmax"
        if has_own_forward(self.modules[owner]):
            return f"{owner}: {type(self.modules[owner]).__name__} has a forward pass of its own"
        return f"the parameter {target} is used outside a layer"

    def _multiplied(self, node: fx.Node) -> str:
        """The operation that takes a constant tensor otherwise than to shift or scale values one by one."""
        owner, _, name = str(node.target).rpartition(".")
        tensor = getattr(self.modules.get(owner), name, None)
        if not isinstance(tensor, torch.Tensor) or tensor.numel() <= 1 or not tensor.is_floating_point():
            return ""
        users = [user for user in node.users if user.target not in SCALING | SHIFTING]
        return _named(users[0], None) if users else ""

    def _is_parameter(self, target: str) -> bool:
        owner, _, name = target.rpartition(".")
        return isinstance(getattr(self.modules.get(owner), name, None), nn.Parameter)


def _has_state(module: nn.Module) -> bool:
    return any(True for _ in (*module.parameters(), *module.buffers()))


def _is_shape(node: fx.Node) -> bool:
    """Whether a node is a size, or computed from sizes alone."""
    if node.op == "call_method" and node.target in SHAPES:
        return True
    if node.op == "call_function" and node.target is getattr:
        return node.args[1] in ("shape", "ndim", "dtype", "device")
    return bool(node.all_input_nodes) and node.op == "call_function" and all(map(_is_shape, node.all_input_nodes))


def _is_homogeneous(node: fx.Node, module: nn.Module | None) -> bool:
    if module is not None:
        return isinstance(module, MODULES)
    if node.op == "call_method":
        return node.target in METHODS
    if node.target in RANDOM:
        return _argument(node, 2, "training") is False
    if node.target in SCALING:
        return isinstance(node.args[1], int | float)
    if node.target is functional.pad:
        return not (_argument(node, 3, "value") or 0)
    return node.target in FUNCTIONS


def _argument(node: fx.Node, place: int, name: str) -> Any:
    return node.args[place] if len(node.args) > place else node.kwargs.get(name)


def _named(node: fx.Node, module: nn.Module | None) -> str:
    if module is not None:
        return f"{node.target} ({type(module).__name__})"
    return str(getattr(node.target, "__name__", node.target))
