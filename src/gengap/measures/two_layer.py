"""A network as V [U x + b]_+ + c, where it is one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gengap.measures.subject import Subject
from gengap.measures.values import NotDefined
from gengap.network import WeightLayer

_EXAMPLES = 50
_TOLERANCE = 1e-4  # of the largest output: float32 against float64


@dataclass(frozen=True)
class TwoLayer:
    """Weights of f(x) = V [U x + b]_+ + c for D inputs, H hidden units and C outputs, float64.

    Attributes:
        hidden: U, ``[H, D]``.
        hidden_bias: b, ``[H]``; zero where there is none.
        output: V, ``[C, H]``.
        output_bias: c, ``[C]``, likewise.
        parameters: Number of parameters, biases included.
    """

    hidden: Tensor
    hidden_bias: Tensor
    output: Tensor
    output_bias: Tensor
    parameters: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """D, H and C."""
        units, inputs = self.hidden.shape
        return inputs, units, len(self.output)

    def activations(self, x: Tensor) -> Tensor:
        """[U x + b]_+, ``[B, H]``, of inputs ``[B, …]``."""
        flat = x.flatten(1).to("cpu", torch.float64)
        return torch.relu(flat @ self.hidden.T + self.hidden_bias)


def two_layer(subject: Subject) -> TwoLayer:
    """The network's weights in this form, batch norm folded.

    Raises:
        NotDefined: It is no such network: other layers, or other outputs on examples and on their negatives.
    """
    result = _read(subject.layers)
    x = subject.sample[0][:_EXAMPLES]
    x = torch.cat([x, -x])
    with torch.no_grad():
        outputs = subject.model(x).to("cpu", torch.float64)
    if not outputs.isfinite().all():
        raise NotDefined("the network's outputs are NaN or infinite")
    expected = result.activations(x) @ result.output.T + result.output_bias
    if not torch.allclose(expected, outputs, rtol=0, atol=_TOLERANCE * float(outputs.abs().max())):
        raise NotDefined("only for one hidden layer of ReLUs: this network's outputs differ from V [U x + b]_+ + c")
    return result


def initial_two_layer(subject: Subject) -> TwoLayer:
    """Likewise at initialisation, which must be known."""
    subject.once(two_layer)
    return _read(subject.initial_layers or ())


def _read(layers: Sequence[WeightLayer]) -> TwoLayer:
    if [layer.kind for layer in layers] != ["linear", "linear"]:
        kinds = ", ".join(layer.kind for layer in layers)
        raise NotDefined(f"only for one hidden layer of ReLUs, two linear layers; this network has {kinds or 'none'}")
    first, second = layers
    if first.weight.shape[0] != second.weight.shape[1]:
        raise NotDefined(f"only for one hidden layer of ReLUs: {first.name} does not feed {second.name}")
    biases = [layer.weight.new_zeros(len(layer.weight)) if layer.bias is None else layer.bias for layer in layers]
    parameters = sum(t.numel() for layer in layers for t in (layer.weight, layer.bias) if t is not None)
    return TwoLayer(first.weight, biases[0], second.weight, biases[1], parameters)
