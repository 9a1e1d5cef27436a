"""The normalised training loss, followed while a network trains."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.measures.normalisation import (
    NotHomogeneousError,
    chain,
    checked_unit,
    log_product_norm,
    normalised_cross_entropy,
    signal,
)
from gengap.network.copies import unwrapped
from gengap.network.inputs import batch_rows
from gengap.network.outputs import output_part

SAMPLE = 2048  # examples that a callback measures on
BATCH = 512


@dataclass(frozen=True)
class Record:
    """What was measured at one time.

    Attributes:
        normalised_loss: Mean cross-entropy, in nats, of the network with every layer's norm divided out; None where
            that means nothing, see ``reason``.
        loss: That of the network as it is.
        log_product_norm: Natural logarithm of the product of the layers' norms, or None.
        signal: Mean of f_y - mean_j f_j of the normalised network, or None.
        reason: Why there is no value; empty where there is one.
    """

    normalised_loss: float | None
    loss: float
    log_product_norm: float | None
    signal: float | None
    reason: str


class NormalisedLossMonitor:
    """Follows the normalised training loss, which Liao et al. advise to watch as it foretells the test loss.

    From logits of a training step:

        monitor = NormalisedLossMonitor(model)
        for x, y in loader:
            logits = model(x)
            …
            monitor.from_logits(logits, y)

    or once an epoch from a sample of training examples, which also suits networks with batch norm and dropout:

        monitor = NormalisedLossMonitor(model, sample=(x[:2048], y[:2048]))
        for epoch in range(epochs):
            …
            monitor.measure()

    The network is read once, when the monitor is made; later only its weights' norms are computed. A network that is
    not positively homogeneous in its layers gets records without a value, with the reason, and so does a step with
    weights or logits that are not finite, or a layer of norm zero: the network trains on undisturbed.

    Source: Liao et al. 2018 (arXiv:1807.09659), Discussion.

    Args:
        model: The network in training, which returns logits ``[B, C]``.
        sample: Inputs and labels as the network takes them; they are moved to where the network is.
        p: Norm of the layers, at least 1; 2 is the Frobenius norm.
        unit: What each norm is counted in; None is 100 for p = 1, as in the paper, and 1 otherwise.
        output: Key or index of the logits, where the network returns a dict or a tuple.

    Raises:
        InputError: p below 1 or a unit that is not positive; a network that does not take the sample, returns no
            logits or has weights that are not finite; without a sample, one that torch.fx cannot trace.

    Attributes:
        history: Every record, in order.
        reason: Why this network has no normalised loss; empty where it has one.
    """

    def __init__(
        self,
        model: nn.Module,
        sample: tuple[Tensor, Tensor] | None = None,
        *,
        p: float = 2,
        unit: float | None = None,
        output: str | int | None = None,
    ):
        self.model, self.sample, self.p, self.output = model, sample, p, output
        self.unit = checked_unit(p, unit)
        self._network = unwrapped(model)
        self.history: list[Record] = []
        self.reason = ""
        try:
            self._chain = chain(model, None if sample is None else self._placed(sample[0]), output)
        except NotHomogeneousError as error:
            self.reason = error.reason

    def from_logits(self, logits: Tensor, labels: Tensor) -> Record:
        """The record of a step whose logits ``[B, C]`` are there; call it before the weights change.

        Raises:
            InputError: Logits of a network in training mode with batch norm or dropout: they are not those of the
                network that is normalised, so that a sample is needed.
        """
        if not self.reason and self.model.training and (noisy := _noisy(self.model) or self._chain.noise):
            raise InputError(
                f"Logits in training mode depend on {noisy}.",
                expected="logits of a network without batch norm and dropout, or in evaluation mode",
                next_step="give the monitor a sample, and call measure()",
            )
        return self._record(logits.detach(), labels)

    @torch.no_grad()
    def measure(self) -> Record:
        """The record of the network as it is, on the sample, in evaluation mode; the network's modes stay.

        Raises:
            InputError: The monitor has no sample.
        """
        if self.sample is None:
            raise InputError("This monitor has no sample to measure on.", expected="sample=(inputs, labels)")
        modes = [(part, part.training) for part in self.model.modules()]
        self.model.eval()
        try:
            x = self.sample[0]
            outputs = [self.model(self._placed(x[rows])) for rows in batch_rows(len(x), BATCH)]
        finally:
            for part, mode in modes:
                part.training = mode
        return self._record(torch.cat([output_part(output, self.output) for output in outputs]), self.sample[1])

    def _record(self, logits: Tensor, labels: Tensor) -> Record:
        labels = labels.to(logits.device)
        loss = float(normalised_cross_entropy(logits, labels, 0.0))
        log_product, reason = self._log_product()
        record = Record(None, loss, None, None, reason)
        if log_product is not None:
            values = (normalised_cross_entropy(logits, labels, log_product), signal(logits, labels, log_product))
            if all(value.isfinite() for value in values):
                record = Record(float(values[0]), loss, log_product, float(values[1]), "")
            else:
                record = Record(None, loss, log_product, None, "logits are NaN or infinite")
        self.history.append(record)
        return record

    def _log_product(self) -> tuple[float | None, str]:
        """It, or why there is none now."""
        if self.reason:
            return None, self.reason
        try:
            log_product = log_product_norm(self._chain.layers_of(self._network), self.p, self.unit)
        except InputError as error:  # a layer of norm zero
            return None, error.what
        return (log_product, "") if math.isfinite(log_product) else (None, "weights are NaN or infinite")

    def _placed(self, x: Tensor) -> Tensor:
        like = next(self.model.parameters(), x)
        return x.to(like.device)


def _noisy(model: nn.Module) -> str:
    """The first module whose output in training mode is not that of evaluation mode."""
    for name, module in model.named_modules():
        drops = isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0
        if drops or hasattr(module, "running_mean") or isinstance(module, nn.RReLU):
            return f"{name} ({type(module).__name__})"
    return ""
