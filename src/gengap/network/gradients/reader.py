"""Reading the gradients of examples off one backward pass: a rule for each parameter, proven on a few examples."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gengap.errors import InputError, listed
from gengap.network.gradients.attribution import random_weights, without_attribution
from gengap.network.gradients.backward_pass import backward_pass, whole_target
from gengap.network.gradients.batch_gradients import BatchGradients
from gengap.network.gradients.calls import Target
from gengap.network.gradients.checks import frozen, trainable
from gengap.network.gradients.explicit import CHUNK_BYTES, check_memory, formed
from gengap.network.gradients.independence import check_independent
from gengap.network.gradients.losses import Loss
from gengap.network.gradients.proof import Proof, at_least_single, prove, terms_of
from gengap.network.gradients.rules import NoRuleError
from gengap.network.gradients.scaled import ScaledLosses
from gengap.network.gradients.scores import keeps_single
from gengap.network.gradients.terms import Term, Whole


class OtherUseError(InputError):
    """A batch for which the network uses its parameters otherwise than for the first examples."""


class SmallerBatchError(InputError):
    """A batch of which more gradients have to be formed than fit at once, as its reader has found by now."""


class GradientReader:
    """Reads the gradients of examples off one forward and one backward pass of a network, batch after batch.

    Which operation applies which parameter is watched, so that weights may be shared, tied or used by functions. Each
    rule is proven first: on a few examples, the inner products that it gives have to be those of the gradients formed
    one by one. A parameter without a rule that holds has its gradients formed (``fallback`` names it). Each batch is
    seen to use the parameters as those examples did.

    Attributes:
        fallback: Parameter's name -> why its gradients are formed.
        frozen: Names of parameters with ``requires_grad=False``; they have no gradient.
        unreached: Names of parameters on which the loss does not depend: unused, or under ``no_grad``.
        proof: How gradients are read.

    Args:
        model: In the mode in which it will be read; it stays as it is.
        x: A few examples, as a batch.
        y: Their labels.
        loss: From scores and labels of a batch to one number.
        proof: Of another reader of the network, in the same mode, for inputs of the same shape; None for a new one.

    Raises:
        InputError: A layer that mixes examples or draws at random; scores of an example that depend on the others;
            gradients that are NaN or infinite; no parameter that asks for a gradient.
    """

    def __init__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        loss: Loss = nn.functional.cross_entropy,
        *,
        proof: Proof | None = None,
    ):
        self._model, self._loss = model, loss
        self._parameters = trainable(model)
        self.frozen = frozen(model)
        check_independent(model, x, random=False, noise=proof is None)
        self.proof = proof = prove(model, self._parameters, x, y, loss) if proof is None else proof
        self._keeps_single = keeps_single(model, x)
        self.fallback, self.unreached = proof.fallback, proof.unreached
        self._divide()

    def _divide(self) -> None:
        """Which parameters have a rule that holds, and how it reads their gradients."""
        self._ruled = {name: p for name, p in self.covered.items() if name not in self.fallback}
        self._sequence, self._layouts = self.proof.of(self._ruled)

    @property
    def covered(self) -> dict[str, nn.Parameter]:
        """The parameters on which the loss depends, by name."""
        return {name: p for name, p in self._parameters.items() if name not in self.unreached}

    def chunk(self, N: int) -> int:
        """How many of N examples to read at once: limited by gradients that have to be formed."""
        one = sum(self._parameters[name].numel() * self._parameters[name].element_size() for name in self.fallback)
        return max(1, min(N, CHUNK_BYTES // one if one else N))

    def read(self, x: Tensor, y: Tensor, *, total: bool = False, scaled: bool = False) -> BatchGradients:
        """The gradients of a batch.

        Args:
            x: Inputs ``[N, ...]``.
            y: Labels ``[N, ...]``.
            total: Whether to have the sum of the gradients too.
            scaled: Whether gradients of a cross entropy are divided by a scale of each example, so that those of a
                confident network do not underflow in its type.

        Raises:
            InputError: Losses or gradients that are NaN or infinite, or a network that uses other parameters, or in
                another way or order, than it did before.
            SmallerBatchError: More gradients have to be formed than fit at once; ``chunk`` says how many fit.
        """
        if len(y) == 1 and not self._keeps_single:
            return self._read(torch.cat([x, x]), torch.cat([y, y]), total, scaled).first()
        return self._read(x, y, total, scaled)

    def _read(self, x: Tensor, y: Tensor, total: bool, scaled: bool) -> BatchGradients:
        ruled = self._ruled
        sums = tuple(self.covered) if total else ()
        new = len(y) not in self.proof.sizes
        found = backward_pass(
            self._model, self._parameters, ruled, self._loss, x, y, total=sums, scaled=scaled, weighted=new
        )
        others = [name for name in found.others if name in ruled or name in self.unreached]
        if others or [call.signature for call in found.calls] != self._sequence:
            raise OtherUseError(
                "The network applies its parameters in another order than to the first examples"
                + (f", or in another way: {listed(others)}." if others else "."),
                expected="the same operations for each batch",
                next_step="per_example_gradients forms the gradients of any network",
            )
        broken: dict[str, str] = {}
        if found.weighted is not None:
            weights = random_weights(len(y), found.losses.log_scales)
            broken = without_attribution(found.calls, found.gradients, found.weighted, weights, self._layouts)
        try:
            blocks = {} if broken else terms_of(found.calls, found.gradients, len(y), self._layouts, ruled.__contains__)
        except NoRuleError as error:
            broken = dict.fromkeys(error.names, str(error))
        if broken:
            del found
            self._form(broken, len(y))
            return self._read(x, y, total, scaled)
        self.proof.sizes.add(len(y))
        terms: dict[Target, list[Term]] = {**blocks, **self._formed(x, y, found.losses)}
        losses = found.losses
        return BatchGradients(terms, losses.losses, found.scores, found.total, losses.log_scales, found.log_total)

    def _form(self, reasons: Mapping[str, str], N: int) -> None:
        """Has the gradients of parameters formed from now on, in batches of N examples if they fit."""
        self.fallback.update(reasons)
        self._divide()
        if self.chunk(N) < N:
            raise SmallerBatchError(
                f"The gradients of {listed(list(reasons))} have to be formed: {next(iter(reasons.values()))}.",
                expected=f"batches of at most {self.chunk(N)} examples",
            )

    def _formed(self, x: Tensor, y: Tensor, losses: ScaledLosses) -> Mapping[Target, list[Term]]:
        """The gradients of the parameters without a rule."""
        if not self.fallback:
            return {}
        chosen = {name: self._parameters[name] for name in self.fallback}
        check_memory(chosen, len(y))
        values, sizes = formed(self._model, x, y, self._loss, chosen, len(y))
        factors = torch.where(sizes > -math.inf, (sizes - losses.log_scales).exp(), 0.0)
        result: dict[Target, list[Term]] = {}
        for name, value in values.items():
            whole = at_least_single(value.reshape(len(value), -1))
            result[whole_target(name, self._parameters[name])] = [Whole(whole * factors[:, None].to(whole.dtype))]
        return result
