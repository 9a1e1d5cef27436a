"""Reading the gradients of examples off one backward pass: a rule for each parameter, proven on a few examples."""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.network.gradients.batch_gradients import BatchGradients
from gengap.network.gradients.calls import Call, Target, watched
from gengap.network.gradients.checks import (
    NotFiniteError,
    check_independent,
    check_scores,
    frozen,
    not_finite,
    trainable,
)
from gengap.network.gradients.explicit import CHUNK_BYTES, check_memory, formed, scores_of, scores_of_one
from gengap.network.gradients.losses import Loss, example_losses
from gengap.network.gradients.rules import Layout, NoRuleError, bias_term, layouts, weight_term
from gengap.network.gradients.scaled import ScaledLosses, scaled_losses
from gengap.network.gradients.terms import Term, Whole, gram, merged
from gengap.network.gradients.totals import backward, with_total

PROVEN_ON = 3  # examples whose gradients are also formed one by one, once for a network
# Largest difference between inner products by a rule and by the formed gradients, relative to the largest of them.
TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-3, torch.bfloat16: 3e-2, torch.float16: 3e-2}
NO_OPERATION = "no operation that has a rule applies it"


class GradientReader:
    """Reads the gradients of examples off one forward and one backward pass of a network, batch after batch.

    Which operation applies which parameter is watched, so that weights may be shared, tied or used by functions. Each
    rule is proven first: on a few examples, the inner products that it gives have to be those of the gradients formed
    one by one. A parameter without a rule that holds has its gradients formed (``fallback`` names it).

    Attributes:
        fallback: Parameter's name -> why its gradients are formed.
        frozen: Names of parameters with ``requires_grad=False``; they have no gradient.
        unreached: Names of parameters on which the loss does not depend: unused, or under ``no_grad``.

    Args:
        model: In the mode in which it will be read; it stays as it is.
        x: A few examples, as a batch.
        y: Their labels.
        loss: From scores and labels of a batch to one number.

    Raises:
        InputError: A layer that mixes examples or draws at random; scores of an example that depend on the others;
            gradients that are NaN or infinite; no parameter that asks for a gradient.
    """

    def __init__(self, model: nn.Module, x: Tensor, y: Tensor, loss: Loss = nn.functional.cross_entropy):
        self._model, self._loss = model, loss
        self._parameters = trainable(model)
        self.frozen = frozen(model)
        check_independent(model, random=False)
        index = torch.arange(PROVEN_ON, device=x.device) % len(x)
        x, y = x[index], y[index]
        reference = self._reference(x, y)
        self.unreached = tuple(n for n in self._parameters if n not in reference)
        self._sequence, self._layouts = self._watch(x)
        self.fallback: dict[str, str] = {}
        self._prove(x, y, reference)

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
            InputError: Losses or gradients that are NaN or infinite, or a network that applies other parameters, or in
                another order, than it did before.
        """
        calls, scores, losses, gradients, sums, log_total = self._pass(x, y, total, scaled)
        if [call.signature for call in calls] != self._sequence:
            raise InputError(
                "The network applies its parameters in another order than to the first examples.",
                expected="the same operations for each batch",
                next_step="per_example_gradients forms the gradients of any network",
            )
        ruled = [name for name in self.covered if name not in self.fallback]
        try:
            terms = self._terms(calls, gradients, len(y), self._layouts, ruled)
        except NoRuleError as error:
            raise InputError(f"A rule that held for the first examples holds no more: {error}.") from error
        if self.fallback:
            chosen = {name: self._parameters[name] for name in self.fallback}
            check_memory(chosen, len(y))
            values, sizes = formed(self._model, x, y, self._loss, chosen, len(y))
            factors = torch.where(sizes > -math.inf, (sizes - losses.log_scales).exp(), 0.0)
            for name, value in values.items():
                whole = _at_least_single(value.reshape(len(value), -1))
                terms[_whole(name, self._parameters[name])] = [Whole(whole * factors[:, None].to(whole.dtype))]
        blocks = {block: merged(parts) for block, parts in terms.items()}
        return BatchGradients(blocks, losses.losses, scores.detach(), sums, losses.log_scales, log_total)

    def _reference(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Gradients of the examples one by one, ``[N, D]``; without the parameters that none of them reaches."""
        result: dict[str, list[Tensor]] = {}
        alone = []
        for n in range(len(y)):
            with torch.enable_grad():
                scores = scores_of_one(self._model, x[n : n + 1])
                value = scaled_losses(self._loss, scores, y[n : n + 1]).values.sum()
                if not value.requires_grad:
                    raise InputError(
                        "The loss depends on no parameter that asks for a gradient.",
                        next_step="remove torch.no_grad() or detach() from the network's forward pass",
                    )
                gradients = torch.autograd.grad(value, list(self._parameters.values()), allow_unused=True)
            alone.append(scores.detach())
            for name, gradient in zip(self._parameters, gradients, strict=True):
                if gradient is not None:
                    zero = torch.zeros_like(gradient).flatten()
                    result.setdefault(name, [zero] * len(y))[n] = gradient.flatten()
        self._check_alone(x, torch.cat(alone))
        reference = {name: torch.stack(parts) for name, parts in result.items()}
        bad = [name for name, values in reference.items() if not values.isfinite().all()]
        if bad:
            raise not_finite(bad)
        return reference

    def _check_alone(self, x: Tensor, alone: Tensor) -> None:
        """Sees that the scores of an example are the same whether it comes alone or with others."""
        with torch.no_grad():
            together = scores_of(self._model, x)
        check_scores(alone)
        scale = float(alone.abs().max())
        if not torch.allclose(together, alone, rtol=0, atol=TOLERANCE.get(alone.dtype, 1e-3) * scale, equal_nan=True):
            raise InputError(
                "The scores of an example depend on the rest of the batch, or are random.",
                expected="scores that are a function of the example alone, or no gradient of one is defined",
                next_step="find the layer that mixes the batch; evaluation=True helps with batch norm and dropout",
            )

    def _watch(self, x: Tensor) -> tuple[list[tuple[object, ...]], list[list[Layout]]]:
        """What is applied in which order, and where the examples may be in each operation's input."""
        first, second = (watched(self._model, x[:n])[1] for n in (PROVEN_ON - 1, PROVEN_ON))
        if [call.signature for call in first] != [call.signature for call in second]:
            return [call.signature for call in second], [[] for _ in second]
        counts = (PROVEN_ON - 1, PROVEN_ON)
        result = []
        for a, b in zip(first, second, strict=True):
            allowed = layouts((tuple(a.x.shape), tuple(b.x.shape)), counts)
            result.append(allowed[::-1] if b.time_first else allowed)
        return [call.signature for call in second], result

    def _pass(
        self, x: Tensor, y: Tensor, total: bool, scaled: bool
    ) -> tuple[list[Call], Tensor, ScaledLosses, list[Tensor], dict[str, Tensor], float]:
        """Calls, scores and losses of a forward pass, gradients at the calls' outputs, the total and its scale."""
        with torch.enable_grad():
            out, calls = watched(self._model, x)
            if scaled:
                losses = scaled_losses(self._loss, out, y)
            else:
                values = example_losses(self._loss, out, y)
                losses = ScaledLosses(
                    values.detach(), values, torch.zeros(len(y), dtype=torch.float64, device=x.device)
                )
            _check_losses(losses.losses)
            edges = [call.edge for call in calls]
            if total:
                losses, gradients, sums, log_total = with_total(losses, edges, self.covered)
            else:
                gradients, log_total = backward(losses.values.sum(), edges, retain=False), 0.0
                sums = {}
        arrived = [
            torch.zeros(call.shape, dtype=call.x.dtype if call.x.is_floating_point() else out.dtype, device=x.device)
            if g is None
            else g
            for call, g in zip(calls, gradients, strict=True)
        ]
        return calls, out, losses, arrived, sums, log_total

    def _terms(
        self,
        calls: Sequence[Call],
        gradients: Sequence[Tensor],
        N: int,
        allowed: Sequence[Sequence[Layout]],
        names: Collection[str],
    ) -> dict[Target, list[Term]]:
        """Block -> terms, for the parameters of these names; each call with the first layout allowed it."""
        result: dict[Target, list[Term]] = {}
        for call, g, layout in zip(calls, gradients, allowed, strict=True):
            for target, rule in ((call.weight, weight_term), (call.bias, bias_term)):
                if target is None or target.name not in names:
                    continue
                if not layout:
                    raise NoRuleError(f"where the examples are in the input of {call.kind} is not known")
                if call.x._version != call.version:
                    raise NoRuleError(f"the input of {call.kind} is overwritten")
                term = rule(_single(call), _at_least_single(g), N, layout[0])
                result.setdefault(target, []).append(term)
        return result

    def _prove(self, x: Tensor, y: Tensor, reference: Mapping[str, Tensor]) -> None:
        """Chooses the layouts, and finds the parameters whose gradients have to be formed."""
        calls, _, _, gradients, *_ = self._pass(x, y, total=False, scaled=True)
        uses: dict[str, list[int]] = {name: [] for name in reference}
        for i, call in enumerate(calls):
            for name in {target.name for target in (call.weight, call.bias) if target is not None}:
                if name in uses:
                    uses[name].append(i)
        largest = sum(float(values.double().square().sum(1).max()) for values in reference.values())
        for name, values in reference.items():
            reason = self._proof(name, uses[name], calls, gradients, values, largest)
            if reason:
                self.fallback[name] = reason

    def _proof(
        self,
        name: str,
        uses: Sequence[int],
        calls: Sequence[Call],
        gradients: Sequence[Tensor],
        values: Tensor,
        largest: float,
    ) -> str:
        """Why a parameter has no rule that holds; empty where one does, whose layouts are then the calls' first.

        A gradient that is all rounding, being 0, is judged against ``largest``, the squared norm over all parameters.
        """
        if not uses:
            return NO_OPERATION
        if any(not self._layouts[i] for i in uses):
            return f"where the examples are in the input of {calls[uses[0]].kind} is not known"
        expected = values.double() @ values.double().T
        relative = TOLERANCE.get(values.dtype, 1e-3)
        tolerance = relative * float(expected.diagonal().max()) + relative**2 * largest
        choices = [self._layouts[i] for i in uses]
        chosen = [tuple(c[0] for c in choices), tuple(c[-1] for c in choices)]
        for layout in dict.fromkeys([*chosen, *itertools.islice(itertools.product(*choices), 16)]):
            trial = [[one] for one in layout]
            try:
                terms = self._terms_of(name, [calls[i] for i in uses], [gradients[i] for i in uses], len(values), trial)
            except NoRuleError as error:
                return str(error)
            if terms is None:
                return "its blocks of rows overlap"
            result = sum(gram(parts, parts) for parts in terms.values())
            if bool(((result - expected).abs() <= tolerance).all()):
                for i, one in zip(uses, layout, strict=True):
                    self._layouts[i] = [one]
                return ""
        return "its rule disagrees with its gradient: it is used in another way too"

    def _terms_of(
        self,
        name: str,
        calls: Sequence[Call],
        gradients: Sequence[Tensor],
        N: int,
        allowed: Sequence[Sequence[Layout]],
    ) -> dict[Target, list[Term]] | None:
        """Terms of one parameter by block; None where blocks overlap."""
        result = {block: merged(terms) for block, terms in self._terms(calls, gradients, N, allowed, [name]).items()}
        blocks = sorted(result, key=lambda b: b.start)
        if any(a.stop > b.start for a, b in itertools.pairwise(blocks)):
            return None
        return result


def _check_losses(losses: Tensor) -> None:
    bad = int((~losses.isfinite()).sum())
    if bad:
        raise NotFiniteError(
            f"The losses of {bad} of {len(losses)} examples are NaN or infinite.",
            expected="a network and data with finite losses",
            next_step="take a snapshot from before training diverged",
        )


def _single(call: Call) -> Call:
    """The call with a half-precision input as float32, so that products keep their digits."""
    x = call.x
    if x.dtype not in (torch.float16, torch.bfloat16):
        return call
    arguments = {
        k: v.float() if isinstance(v, Tensor) and v.is_floating_point() else v for k, v in call.arguments.items()
    }
    return Call(**(vars(call) | {"arguments": arguments, "version": arguments["input"]._version}))


def _at_least_single(g: Tensor) -> Tensor:
    return g.float() if g.dtype in (torch.float16, torch.bfloat16) else g


def _whole(name: str, parameter: nn.Parameter) -> Target:
    return Target(name, 0, len(parameter) if parameter.ndim else 1)
