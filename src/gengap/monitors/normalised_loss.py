"""The normalised training loss, followed while a network trains, beside what any network has."""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

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
from gengap.monitors.batches import with_labels
from gengap.monitors.followed import Weights, of_logits
from gengap.network import cast_inputs, output_part, unwrapped

SAMPLE = 2048  # examples that a callback measures on
BATCH = 512
FEW = 2
_LOG = logging.getLogger("gengap.monitors")


@dataclass(frozen=True)
class Record:
    """What was measured at one time.

    Attributes:
        normalised_loss: Mean cross-entropy, in nats, of the network with every layer's norm divided out; None where
            that means nothing, see ``reason``.
        loss: That of the network as it is; None where it could not be computed, see ``reason``.
        log_product_norm: Natural logarithm of the product of the layers' norms, or None.
        signal: Mean of f_y - mean_j f_j of the normalised network, or None.
        reason: Why there is no value; empty where there is one.
        accuracy, margins, spread, scaled_margins: Of any network, see ``gengap.monitors.followed.Followed``; None where
            logits are not finite.
        weight_norm: Euclidean norm of all trained weights.
        distance: That of what they have moved by since the monitor was made.
        validation_loss, validation_accuracy: On the monitor's validation sample; None without one.
    """

    normalised_loss: float | None
    loss: float | None
    log_product_norm: float | None
    signal: float | None
    reason: str
    accuracy: float | None = None
    margins: Mapping[str, float] | None = None
    spread: float | None = None
    scaled_margins: Mapping[str, float] | None = None
    weight_norm: float | None = None
    distance: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None

    @property
    def gap(self) -> float | None:
        """Validation loss minus training loss, in nats; None where either is not known."""
        if self.validation_loss is None or self.loss is None:
            return None
        return self.validation_loss - self.loss

    def logged(self) -> dict[str, float]:
        """What a callback logs: names -> the numbers that there are."""
        values = {
            "normalised_train_loss": self.normalised_loss,
            "log_product_norm": None if self.reason else self.log_product_norm,
            "train_accuracy_of_sample": self.accuracy,
            "median_margin": self.margins["50 %"] if self.margins else None,
            "median_scaled_margin": self.scaled_margins["50 %"] if self.scaled_margins else None,
            "weight_norm": self.weight_norm,
            "distance_from_start": self.distance,
            "validation_gap": self.gap,
        }
        return {name: value for name, value in values.items() if value is not None}


class NormalisedLossMonitor:
    """Follows the training loss of the network with each layer's norm divided out, beside the loss as it is.

    Liao et al. advise to watch it: across the networks of one setting they find it on a line with the test loss. All
    such lines pass near (ln C, ln C), so that much of the fit is geometry: follow how it moves, and expect no
    prediction of the test loss (``gengap.verdicts`` has what is left of the line without that point).

    From logits of a training step::

        monitor = NormalisedLossMonitor(model)
        for x, y in loader:
            logits = model(x)
            …
            monitor.from_logits(logits, y)

    or once an epoch from a sample of training examples, which also suits networks with batch norm and
    dropout::

        monitor = NormalisedLossMonitor(model, sample=(x[:2048], y[:2048]))
        for epoch in range(epochs):
            …
            monitor.measure()

    Beside it each record has what any network has, a transformer too: the distribution of the margins, as they are and
    over the spread of the logits, the norm of the weights and how far they have moved, and with ``validation=(x, y)``
    the gap between the losses.

    The network is read once, when the monitor is made; later only its weights' norms are computed. What cannot be
    used is refused then, and that a network has no normalised loss is a warning then, once, with the reason. After the
    first record nothing is raised: one without a value has the reason, as where the network is not positively
    homogeneous in its layers, its weights or logits are not finite, a layer's norm is zero, or labels are no classes.

    Source: Liao et al. 2018 (arXiv:1807.09659), Discussion; Farhang et al. 2022 (arXiv:2205.03940) make normalised
    margins that are unrelated to generalization.

    Args:
        model: The network in training, which returns logits ``[B, C]``.
        sample: Inputs ``[N, …]`` as the network takes them and labels: class indices ``[N]`` or ``[N, 1]`` of any type
            of whole numbers, -100 for none, or probabilities ``[N, C]``. They are moved to where the network is.
        validation: Inputs and labels likewise, of examples that are not trained on.
        p: Norm of the layers, at least 1; 2 is the Frobenius norm.
        unit: What each norm is counted in; None is 100 for p = 1, as in the paper, and 1 otherwise.
        output: Key or index of the logits, where the network returns a dict or a tuple.

    Raises:
        InputError: p below 1 or a unit that is not positive; a network that does not take the sample, returns no
            logits or has weights that are not finite; labels that are no classes; without a sample, a network that
            torch.fx cannot trace.

    Attributes:
        history: Every record, in order.
        reason: Why this network has no normalised loss; empty where it has one.
    """

    def __init__(
        self,
        model: nn.Module,
        sample: tuple[Tensor, Tensor] | None = None,
        *,
        validation: tuple[Tensor, Tensor] | None = None,
        p: float = 2,
        unit: float | None = None,
        output: str | int | None = None,
    ):
        self.model, self.sample, self.validation, self.p, self.output = model, sample, validation, p, output
        self.unit = checked_unit(p, unit)
        self._network = unwrapped(model)
        self.history: list[Record] = []
        self.reason = ""
        self._weights = Weights(self._network)
        for given in (sample, validation):
            if given is not None:
                check_sample(given)
        try:
            self._chain = chain(model, None if sample is None else cast_inputs(model, sample[0]), output)
        except NotHomogeneousError as error:
            self.reason = error.reason
        for given in (sample, validation):
            if given is not None:
                scores = self._logits(given[0][:FEW])
                with_labels(scores[:1].expand(len(given[1]), *scores.shape[1:]), given[1])
        self._reported = {"", self.reason}
        if self.reason:
            _LOG.warning(
                "This network has no normalised loss: %s. %s",
                self.reason,
                "Margins, norms of weights and the gap to a validation sample are followed.",
            )

    def from_logits(self, logits: Tensor, labels: Tensor) -> Record:
        """The record of a step whose logits ``[B, C]`` are there; call it before the weights change.

        Args:
            logits: ``[B, C]``.
            labels: As in the sample.

        Raises:
            InputError: At the first record, logits of a network in training mode with batch norm or dropout: they are
                not those of the network that is normalised, so that a sample is needed. Later ones have no value.
        """
        noisy = "" if self.reason or not self.model.training else _noisy(self.model) or self._chain.noise
        if noisy and not self.history:
            raise InputError(
                f"Logits in training mode depend on {noisy}.",
                expected="logits of a network without batch norm and dropout, or in evaluation mode",
                next_step="give the monitor a sample, and call measure()",
            )
        return self._recorded(lambda: self._of_logits(logits.detach(), labels, noisy))

    def measure(self) -> Record:
        """The record of the network as it is, on the sample, in evaluation mode; modes and random states stay.

        Without a sample the record has no value, and a reason.
        """
        return self._recorded(self._of_sample)

    def _recorded(self, compute: Callable[[], Record]) -> Record:
        record = self._with_followed(measured_or_reason(compute))
        if record.reason not in self._reported:
            self._reported.add(record.reason)
            _LOG.warning("No normalised loss: %s", record.reason)  # a warning might be an error
        self.history.append(record)
        return record

    def _with_followed(self, record: Record) -> Record:
        """The record with the norm of the weights and the validation sample's loss; nothing is raised."""
        try:
            norm, distance = self._weights.norms()
            record = replace(record, weight_norm=norm, distance=distance)
            if self.validation is None:
                return record
            scores, labels = with_labels(self._logits(self.validation[0]), self.validation[1])
            seen = of_logits(scores, labels)
            loss = _finite(normalised_cross_entropy(scores, labels, 0.0))
            return replace(record, validation_loss=loss, validation_accuracy=seen.accuracy if seen else None)
        except Exception:  # whatever a network or a lack of memory raises: a monitor never ends a training
            return record

    def _of_sample(self) -> Record:
        if self.sample is None:
            return Record(None, None, None, None, "this monitor has no sample=(inputs, labels) to measure on")
        return self._of_logits(self._logits(self.sample[0]), self.sample[1])

    def _of_logits(self, logits: Tensor, labels: Tensor, noisy: str = "") -> Record:
        scores, labels = with_labels(logits, labels)
        loss = _finite(normalised_cross_entropy(scores, labels, 0.0))
        followed = of_logits(scores, labels)
        of_any = vars(followed) if followed else {}
        if noisy:
            return Record(None, loss, None, None, f"logits in training mode depend on {noisy}", **of_any)
        log_product, reason = self._log_product()
        if log_product is None:
            return Record(None, loss, None, None, reason, **of_any)
        values = [f(scores, labels, log_product) for f in (normalised_cross_entropy, signal)]
        if not all(value.isfinite() for value in values):
            return Record(None, loss, log_product, None, "logits are NaN or infinite", **of_any)
        return Record(float(values[0]), loss, log_product, float(values[1]), "", **of_any)

    def _log_product(self) -> tuple[float | None, str]:
        """It, or why there is none now."""
        if self.reason:
            return None, self.reason
        try:
            log_product = log_product_norm(self._chain.layers_of(self._network), self.p, self.unit)
        except InputError as error:  # a layer of norm zero
            return None, error.what
        return (log_product, "") if math.isfinite(log_product) else (None, "weights are NaN or infinite")

    def _logits(self, x: Tensor) -> Tensor:
        """Those of the network in evaluation mode, whose modes and random states stay."""
        modes = [(part, part.training) for part in self.model.modules()]
        self.model.eval()
        try:
            with torch.no_grad(), torch.random.fork_rng():
                outputs = [self.model(cast_inputs(self.model, rows)) for rows in torch.split(x, BATCH)]
        finally:
            for part, mode in modes:
                part.training = mode
        return torch.cat([output_part(output, self.output) for output in outputs])


def measured_or_reason(compute: Callable[[], Record]) -> Record:
    """What is computed, or a record with the reason why it cannot be: a monitor never ends a training."""
    try:
        return compute()
    except InputError as error:
        reason = error.what
    except Exception as error:  # whatever a network, a batch or a lack of memory raises
        reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    return Record(None, None, None, None, reason)


def check_sample(sample: tuple[Tensor, Tensor]) -> None:
    """Raises InputError unless a sample is a pair of tensors with as many inputs as labels, at least one."""
    if not isinstance(sample, tuple | list) or len(sample) != 2:
        raise InputError(f"The sample is a {type(sample).__name__}.", expected="a pair (inputs, labels)")
    x, y = sample
    if not isinstance(x, Tensor) or not isinstance(y, Tensor) or not x.ndim or not y.ndim or len(x) != len(y):
        shapes = [tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in (x, y)]
        raise InputError(f"A sample of {shapes[0]} and {shapes[1]}.", expected="as many inputs as labels, in tensors")
    if not len(x):
        raise InputError("The sample has no examples.", expected="at least one")


def _finite(value: Tensor) -> float | None:
    return float(value) if value.isfinite() else None


def _noisy(model: nn.Module) -> str:
    """The first module whose output in training mode is not that of evaluation mode."""
    for name, module in model.named_modules():
        drops = isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0
        if drops or hasattr(module, "running_mean") or isinstance(module, nn.RReLU):
            return f"{name} ({type(module).__name__})"
    return ""
