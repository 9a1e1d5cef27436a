"""A network as a chain of weight layers, in each of which it is positively homogeneous; or why it is none."""

import itertools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.measures.normalisation.dataflow import Flow, flow
from gengap.network import Reading, WeightLayer, read_network
from gengap.network.batch_dependence import batch_dependence
from gengap.network.copies import check_finite, duplicate, in_float64, plain_copy, without_hooks
from gengap.network.folding import folded
from gengap.network.inputs import cast_inputs
from gengap.network.layers import UNUSED, inventory
from gengap.network.outputs import scores_of, select_output
from gengap.network.rules import linear_maps

FACTOR = 2.0**40  # a power of two scales floats exactly; this one drives what saturates into saturation
TOLERANCE = 1e-9  # relative to the largest output, in float64
PROBED = 8  # examples in the check
READ = 256  # examples by which the network is read
MOST_DEPENDENCE = 0.02  # of a score on the others in its batch


class NotHomogeneousError(InputError):
    """The network is not positively homogeneous in each of its layers, so that dividing by their norms means nothing.

    Args:
        reason: The layer or operation at which it fails.
    """

    def __init__(self, reason: str):
        super().__init__(
            f"The network is not positively homogeneous in its layers: {reason}.",
            expected="a chain of linear layers, convolutions, batch norm after them, ReLU, pooling",
        )
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return NotHomogeneousError, (self.reason,)


@dataclass(frozen=True, eq=False)
class Chain:
    """A network that is positively homogeneous in each weight layer.

    Attributes:
        model: Its copy in evaluation mode, batch norm folded.
        layers: The weight layers of that copy, in the order in which data pass them.
        norms: Layer's name -> that of the batch norm folded into it.
        noise: What in its forward pass, beside modules, draws at random in training mode; empty where nothing does.
    """

    model: nn.Module
    layers: tuple[WeightLayer, ...]
    norms: dict[str, str]
    noise: str = ""

    def layers_of(self, model: nn.Module) -> tuple[WeightLayer, ...]:
        """The same layers of the network as its weights are now; nothing is checked again."""
        model = _with_layers_inside(model)
        return tuple(self._layer_of(model, layer) for layer in self.layers)

    def _layer_of(self, model: nn.Module, layer: WeightLayer) -> WeightLayer:
        module = model.get_submodule(layer.name)
        if layer.name in self.norms:
            pair = nn.ModuleDict({"layer": module, "norm": model.get_submodule(self.norms[layer.name])})
            module = folded(pair, [("layer", "norm")]).get_submodule("layer")
        bias = getattr(module, "bias", None)
        return replace(
            layer,
            module=module,
            weight=module.weight.detach().to("cpu", torch.float64),  # type: ignore[operator]
            bias=None if bias is None else bias.detach().to("cpu", torch.float64),
        )

    def scaled(self, factors: Sequence[float]) -> nn.Module:
        """A copy with each layer's weights times its factor, and its bias times all factors up to it.

        Its outputs are those of ``model`` times the product of the factors, since a layer's input comes multiplied
        by all factors before it.
        """
        return without_hooks(_scaled(self.model, self.layers, factors))


def chain(model: nn.Module, x: Tensor | None = None, output: str | int | None = None) -> Chain:
    """The network as a chain, checked.

    The graph of the network shows whether every value after the first weight layer is made from one other by an
    operation that is positively homogeneous. Where examples are given, a pass in float64 shows it too: with one
    layer's weights, and its own and all later biases, multiplied by 2^40, outputs must be 2^40 times as large.

    Args:
        model: The network; it stays as it is.
        x: Some examples as the network takes them, or None, which needs a network that torch.fx can trace. A few
            hundred show which of its parts are used.
        output: Key or index of the logits, where the network returns a dict or a tuple.

    Raises:
        NotHomogeneousError: It is no such chain, with the reason.
        InputError: Weights that are not finite, a network that cannot be copied, or one that cannot be traced
            where no examples are given; one that does not take the examples, or returns no tensor.
    """
    network = _with_layers_inside(plain_copy(model))
    select_output(network, output, x)
    check_finite(network, "the network")
    if x is not None:
        x = cast_inputs(network, x[:READ])
        scores_of(network, x[:PROBED])
    graph = flow(network)
    if graph is not None and graph.obstacle:
        raise NotHomogeneousError(graph.obstacle)
    if x is None:
        if graph is None:
            raise InputError(
                "The network's forward pass cannot be traced, so that the order of its layers is unknown.",
                expected="a network that torch.fx.symbolic_trace takes",
                next_step="give some examples as the network takes them",
            )
        return _from_graph(network, graph)
    result = _from_reading(read_network(network, x))
    dependence = batch_dependence(network, x)
    if dependence.share > MOST_DEPENDENCE:
        raise NotHomogeneousError(dependence.reason)
    _check(result, x[:PROBED], traced=graph is not None)
    return replace(result, noise=_noise(network, x[:PROBED]) if graph is None else graph.noise)


def _noise(model: nn.Module, x: Tensor) -> str:
    """What its graph would show: whether a pass in training mode differs from one in evaluation mode."""
    training = duplicate(model).train()
    with torch.random.fork_rng(devices=[]):
        try:
            same = torch.equal(scores_of(training, x), scores_of(model, x))
        except InputError:
            same = False
    return "" if same else "something in its forward pass"


def _with_layers_inside(model: nn.Module) -> nn.Module:
    """A network that is itself one layer, as a network that has one."""
    return nn.Sequential(model) if linear_maps(model) else model


def _from_graph(model: nn.Module, graph: Flow) -> Chain:
    result = folded(model, graph.pairs)
    parts = inventory(result)
    _refuse(parts.uncovered | _tied(parts.layers))
    layers = {layer.name: layer for layer in parts.layers}  # those that are not in the graph have no part in it
    return Chain(result, tuple(layers[name] for name in graph.order), dict(graph.pairs), graph.noise)


def _from_reading(reading: Reading) -> Chain:
    wrong = reading.uncovered | {name: why for name, why in reading.left_out.items() if why != UNUSED}
    wrong |= {layer.name: "attention's softmax" for layer in reading.layers if layer.kind == "attention"}
    _refuse(wrong | _tied(reading.layers))
    if not reading.layers:
        raise NotHomogeneousError("it has no weight layer")
    return Chain(reading.folded_model, reading.layers, dict(reading.pairs))


def _tied(layers: Sequence[WeightLayer]) -> dict[str, str]:
    return {layer.name: f"its weights serve {layer.tied[0]} too" for layer in layers if layer.tied}


def _refuse(wrong: Mapping[str, str]) -> None:
    if wrong:
        raise NotHomogeneousError("; ".join(f"{name}: {reason}" for name, reason in wrong.items()))


def _check(candidate: Chain, x: Tensor, *, traced: bool) -> None:
    exact = in_float64(candidate.model)
    x = x.double() if x.is_floating_point() else x
    with torch.no_grad():
        plain: Tensor = exact(x)
        if not traced and not plain.any():
            raise NotHomogeneousError("it answers zero to the examples given, which shows nothing")
        for index, layer in enumerate(candidate.layers):
            factors = [FACTOR if i == index else 1.0 for i in range(len(candidate.layers))]
            outputs, expected = _scaled(exact, candidate.layers, factors)(x), FACTOR * plain
            if not (outputs - expected).abs().max() <= TOLERANCE * expected.abs().max():
                raise NotHomogeneousError(
                    f"its outputs do not grow as the weights of {layer.name}, with the biases from there on, do"
                )


def _scaled(model: nn.Module, layers: Sequence[WeightLayer], factors: Sequence[float]) -> nn.Module:
    result = duplicate(model)
    products = itertools.accumulate(factors, operator.mul)
    with torch.no_grad():
        for layer, factor, product in zip(layers, factors, products, strict=True):
            module = result.get_submodule(layer.name)
            for name, scale in (("weight", factor), ("bias", product)):
                value = getattr(module, name, None)
                if value is not None:
                    value.copy_(value.double() * scale)
    return result
