"""Which parameters of a network have a rule that gives the gradients of examples, proven on a few examples."""

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gengap.network.gradients.backward_pass import BackwardPass, backward_pass
from gengap.network.gradients.calls import Call, Target, watched
from gengap.network.gradients.checks import TOLERANCE, check_scores, cut_off_loss, not_finite
from gengap.network.gradients.losses import Loss
from gengap.network.gradients.rules import Layout, NoRuleError, bias_term, layouts, rows_of_examples, weight_term
from gengap.network.gradients.scaled import scaled_losses
from gengap.network.gradients.scores import keeps_single, scores_of_one
from gengap.network.gradients.terms import Term, gram, merged
from gengap.network.gradients.trials import Trial, trials

PROVEN_ON = 3  # examples whose gradients are also formed one by one
NO_OPERATION = "no operation that has a rule applies it"
USED_OTHERWISE = "it is used in another way too"


@dataclass
class Proof:
    """How the gradients of examples are read off a backward pass of a network.

    Attributes:
        sequence: What is applied, in order.
        layouts: For each call where the examples may be in its input; one place where that is decided.
        fallback: Parameter's name -> why its gradients have to be formed.
        unreached: Names of parameters on which the loss does not depend.
        sizes: Numbers of examples for which a batch has shown that each example's rows are where the layouts say.
    """

    sequence: list[tuple[object, ...]]
    layouts: list[list[Layout]]
    fallback: dict[str, str] = field(default_factory=dict)
    unreached: tuple[str, ...] = ()
    sizes: set[int] = field(default_factory=set)

    def of(self, names: Collection[str]) -> tuple[list[tuple[object, ...]], list[list[Layout]]]:
        """The sequence and its layouts as they are where only these parameters are watched."""
        sequence, kept = [], []
        for (kind, *targets), layout in zip(self.sequence, self.layouts, strict=True):
            watched_ones = [t if isinstance(t, Target) and t.name in names else None for t in targets]
            if any(watched_ones):
                sequence.append((kind, *watched_ones))
                kept.append(layout)
        return sequence, kept


def prove(model: nn.Module, parameters: Mapping[str, nn.Parameter], x: Tensor, y: Tensor, loss: Loss) -> Proof:
    """Compares each rule with gradients formed one by one, and finds the parameters without a rule that holds.

    What a parameter is used for is read off the graph, which does not depend on values. A rule, and where the examples
    are in a tensor, is seen in gradients: where those of the given examples are 0 or leave it open, noise in weights
    and inputs decides. A parameter for which nothing decides where the examples are has its gradients formed.

    Raises:
        InputError: Gradients that are NaN or infinite, or a loss that depends on no parameter.
    """
    index = torch.arange(PROVEN_ON, device=x.device) % len(x)
    x, y = x[index], y[index]
    proof = Proof(*_watched_twice(model, parameters, x))
    open_: list[str] = []
    for trial in trials(model, parameters, x):
        if not trial.noisy:
            reference = _reference(trial, y, loss)
            found = backward_pass(trial.network, parameters, parameters, loss, trial.x, y, scaled=True)
            proof.unreached = tuple(name for name in parameters if name not in reference)
            proof.fallback = _without_rule(proof, found, list(reference))
            open_ = [name for name in reference if name not in proof.fallback]
        elif not open_:
            break
        else:
            try:
                reference = _reference(trial, y, loss)
                found = backward_pass(trial.network, trial.parameters, trial.parameters, loss, trial.x, y, scaled=True)
            except Exception:  # whatever a user's forward raises for noise
                continue
            if [call.signature for call in found.calls] != proof.sequence or not set(open_) <= set(reference):
                continue
        open_ = _compared(proof, found, reference, open_)
    for name in open_:
        if any(len(proof.layouts[i]) > 1 for i in _uses(proof, name)):
            proof.fallback[name] = "where the examples are in its input is not known"
    return proof


def terms_of(
    calls: Sequence[Call],
    gradients: Sequence[Tensor],
    N: int,
    allowed: Sequence[Sequence[Layout]],
    applies: Callable[[str], bool],
) -> dict[Target, list[Term]]:
    """Block of rows -> terms, for the parameters to which this applies; each call with the first layout allowed it.

    Raises:
        NoRuleError: A call that no rule covers, with the parameter's name.
    """
    result: dict[Target, list[Term]] = {}
    for call, g, layout in zip(calls, gradients, allowed, strict=True):
        for target, rule in ((call.weight, weight_term), (call.bias, bias_term)):
            if target is not None and applies(target.name):
                term = _term(rule, call, at_least_single(g), N, layout, target.name)
                result.setdefault(target, []).append(term)
    return {block: merged(parts) for block, parts in result.items()}


def _term(
    rule: Callable[[Call, Tensor, int, Layout], Term],
    call: Call,
    g: Tensor,
    N: int,
    allowed: Sequence[Layout],
    name: str,
) -> Term:
    if not allowed:
        raise NoRuleError(f"where the examples are in the input of {call.kind} is not known", (name,))
    if call.x._version != call.version:
        raise NoRuleError(f"the input of {call.kind} is overwritten", (name,))
    try:
        for tensor in (call.x, g):
            rows_of_examples(tensor, N, allowed[0])
        return rule(_single(call), g, N, allowed[0])
    except NoRuleError as error:
        raise NoRuleError(str(error), (name,)) from error


def at_least_single(g: Tensor) -> Tensor:
    """A tensor in half precision as float32, so that products keep their digits."""
    return g.float() if g.dtype in (torch.float16, torch.bfloat16) else g


def _watched_twice(
    model: nn.Module, parameters: Mapping[str, nn.Parameter], x: Tensor
) -> tuple[list[tuple[object, ...]], list[list[Layout]]]:
    """What is applied in which order, and where the examples may be in each operation's input."""
    counts = (PROVEN_ON - 1, PROVEN_ON)
    first, second = (watched(model, x[:n], parameters)[1].calls for n in counts)
    if [call.signature for call in first] != [call.signature for call in second]:
        return [call.signature for call in second], [[] for _ in second]
    result = []
    for a, b in zip(first, second, strict=True):
        allowed = layouts((tuple(a.x.shape), tuple(b.x.shape)), counts)
        result.append(allowed[::-1] if b.time_first else allowed)
    return [call.signature for call in second], result


def _reference(trial: Trial, y: Tensor, loss: Loss) -> dict[str, Tensor]:
    """Gradients of the examples one by one, ``[N, D]``; without the parameters that none of them reaches."""
    result: dict[str, list[Tensor]] = {}
    single = keeps_single(trial.network, trial.x)
    for n in range(len(y)):
        with torch.enable_grad():
            scores = check_scores(scores_of_one(trial.network, trial.x[n : n + 1], single=single))
            value = scaled_losses(loss, scores, y[n : n + 1]).values.sum()
            if not value.requires_grad:
                raise cut_off_loss()
            gradients = torch.autograd.grad(value, list(trial.parameters.values()), allow_unused=True)
        for name, gradient in zip(trial.parameters, gradients, strict=True):
            if gradient is not None:
                zero = torch.zeros_like(gradient).flatten()
                result.setdefault(name, [zero] * len(y))[n] = gradient.flatten()
    reference = {name: torch.stack(parts) for name, parts in result.items()}
    bad = [name for name, values in reference.items() if not values.isfinite().all()]
    if bad:
        raise not_finite(bad)
    return reference


def _uses(proof: Proof, name: str) -> list[int]:
    """Which of the calls apply a parameter."""
    applied = [[target.name for target in signature if isinstance(target, Target)] for signature in proof.sequence]
    return [i for i, names in enumerate(applied) if name in names]


def _without_rule(proof: Proof, found: BackwardPass, names: Sequence[str]) -> dict[str, str]:
    """Why parameters have no rule by what they are used for; nothing for the others."""
    result = {}
    for name in names:
        uses = _uses(proof, name)
        unknown = [i for i in uses if not proof.layouts[i]]
        blocks = sorted(
            {t for i in uses for t in proof.sequence[i] if isinstance(t, Target) and t.name == name}, key=_at
        )
        if not uses:
            result[name] = NO_OPERATION
        elif name in found.others:
            result[name] = USED_OTHERWISE
        elif unknown:
            result[name] = f"where the examples are in the input of {proof.sequence[unknown[0]][0]} is not known"
        elif any(a.stop > b.start for a, b in itertools.pairwise(blocks)):
            result[name] = "its blocks of rows overlap"
    return result


def _at(target: Target) -> tuple[int, int]:
    return target.start, target.stop


def _compared(proof: Proof, found: BackwardPass, reference: Mapping[str, Tensor], names: Sequence[str]) -> list[str]:
    """Decides layouts and finds rules that do not hold; returns the names for which these gradients decide nothing."""
    largest = sum(float(values.double().square().sum(1).max()) for values in reference.values())
    undecided = []
    for name in names:
        uses = _uses(proof, name)
        choices = _choices([proof.layouts[i] for i in uses])
        expected = reference[name].double() @ reference[name].double().T
        # A gradient that is all rounding, being 0, is judged against those of all parameters.
        relative = TOLERANCE.get(reference[name].dtype, 1e-3)
        floor = relative**2 * largest
        tolerance = relative * float(expected.diagonal().max()) + floor
        try:
            fits = [c for c in choices if bool(((_gram(name, uses, found, c) - expected).abs() <= tolerance).all())]
        except NoRuleError as error:
            proof.fallback[name] = str(error)
            continue
        if not fits:
            proof.fallback[name] = "its rule disagrees with its gradient"
        elif len(fits) > 1 or float(expected.diagonal().max()) <= floor:
            undecided.append(name)
        else:
            for i, one in zip(uses, fits[0], strict=True):
                proof.layouts[i] = [one]
    return undecided


def _choices(allowed: Sequence[Sequence[Layout]]) -> list[tuple[Layout, ...]]:
    """Combinations of layouts, the likeliest first: the same choice for all uses, then some others."""
    same = [tuple(layout[0] for layout in allowed), tuple(layout[-1] for layout in allowed)]
    return list(dict.fromkeys([*same, *itertools.islice(itertools.product(*allowed), 16)]))


def _gram(name: str, uses: Sequence[int], found: BackwardPass, choice: Sequence[Layout]) -> Tensor:
    calls, gradients = [found.calls[i] for i in uses], [found.gradients[i] for i in uses]
    terms = terms_of(calls, gradients, len(found.scores), [[layout] for layout in choice], lambda other: other == name)
    return torch.stack([gram(parts, parts) for parts in terms.values()]).sum(0)


def _single(call: Call) -> Call:
    """The call with a half-precision input as float32, so that products keep their digits."""
    x = call.x
    if x.dtype not in (torch.float16, torch.bfloat16):
        return call
    arguments = {
        k: v.float() if isinstance(v, Tensor) and v.is_floating_point() else v for k, v in call.arguments.items()
    }
    return Call(**(vars(call) | {"arguments": arguments, "version": arguments["input"]._version}))
