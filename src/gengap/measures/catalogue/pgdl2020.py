"""Winners of the competition Predicting Generalization in Deep Learning (PGDL, NeurIPS 2020): clusters and mixup."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.values import Finding, NotDefined
from gengap.network.inputs import CPU_BATCH, batch_rows

NATEKAR = "Natekar and Sharma 2020 (arXiv:2012.02775), the winning solution of PGDL"
SCHIFF = "Schiff et al. 2021 (arXiv:2106.04765), perturbation response curves"
EXAMPLES = 500  # training examples, or pairs of them
LEVELS = torch.linspace(0.0, 0.5, 11, dtype=torch.float64)[:-1]  # shares of the other example in a mixture
# Of the trapezoidal rule for 2 int_0^1 (1 - t) f(t) dt at t = 0, 0.1, …, 0.9; at t = 1 the factor 1 - t is 0.
WEIGHTS = 0.2 * (1 - 2 * LEVELS) * torch.where(LEVELS == 0, 0.5, 1.0)


@register(
    name="davies_bouldin",
    formula="mean over classes a of max_{b != a} (S_a + S_b) / ||A_a - A_b||_2 in the first layer's output; A_a the "
    "mean of class a, S_a the mean distance from it",
    source=NATEKAR,
    sign=1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def davies_bouldin(subject: Subject) -> Finding:
    """How little the classes are separated by the first weight layer, on at most 500 training examples.

    The index of Davies and Bouldin 1979. The authors' code takes the mean over the other classes for the maximum, on
    features that it has pooled to 4 x 4 and put through the layer's own activation; here they are as the layer
    returns them.
    """
    return subject.once(_davies_bouldin)


def _davies_bouldin(subject: Subject) -> Finding:
    x, y = subject.drawn("davies_bouldin", EXAMPLES)
    name, features = _first_features(subject, x)
    classes = torch.unique(y)
    if len(classes) < 2:
        raise NotDefined("needs examples of at least two classes")
    means = torch.stack([features[y == label].mean(0) for label in classes])
    spread = torch.stack([(features[y == c] - a).norm(dim=1).mean() for c, a in zip(classes, means, strict=True)])
    apart = torch.cdist(means, means, compute_mode="donot_use_mm_for_euclid_dist")
    if float((apart + torch.diag_embed(torch.full_like(spread, torch.inf))).min()) == 0:
        raise NotDefined(f"two classes have the same mean in the output of {name}")
    ratios = ((spread[:, None] + spread) / apart).fill_diagonal_(0.0)
    return Finding(float(ratios.max(1).values.mean()), details={"layer": name, "examples": len(y)})


@register(
    name="label_mixup_accuracy",
    formula="accuracy on (x + x') / 2 for pairs of training examples of one label y, whose label is y",
    source=NATEKAR,
    sign=-1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def label_mixup_accuracy(subject: Subject) -> Finding:
    """On at most 500 pairs: each example with the next one of its label in a seeded order."""
    return subject.once(_label_mixup_accuracy)


def _label_mixup_accuracy(subject: Subject) -> Finding:
    x, y, other = _pairs(subject, same_label=True)
    value = float(_right(subject, x.lerp(x[other], 0.5), y).double().mean())
    return Finding(value, details={"pairs": len(y)})


@register(
    name="davies_bouldin_mixup",
    formula="davies_bouldin (1 - label_mixup_accuracy)",
    source=f"{NATEKAR}; its record on the eight tasks of PGDL is the best published one of a single measure",
    sign=1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def davies_bouldin_mixup(subject: Subject) -> float:
    """The product that won the competition; 0 where every mixture of one label is classified as such."""
    index, accuracy = subject.once(_davies_bouldin).value, subject.once(_label_mixup_accuracy).value
    if index is None or accuracy is None:
        raise NotDefined("one of its factors has no value")
    return index * (1.0 - accuracy)


@register(
    name="mixup_response",
    formula="2 int_0^1 (1 - t) (1 - A(t)) dt, A(t) the accuracy on (1 - t/2) x + (t/2) x' for training examples x, x' "
    "of different labels, whose label is that of x",
    source=f"{SCHIFF}: the Gi-score of mixup between classes",
    sign=1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def mixup_response(subject: Subject) -> Finding:
    """How early accuracy falls as another class is mixed in: 0 for never, 1 for at once.

    It is twice the area between the running integral of A and that of a network that is always right. The integral is
    by the trapezoidal rule on 11 levels, on at most 500 pairs. In the default call for a slow network each pair is
    mixed at some of the levels only, the pairs in turn, so that all levels have as many; how many is in the details,
    with the standard error over pairs. The authors mix hidden representations too.
    """
    return _response(subject, same_label=False)


@register(
    name="mixup_response_same_label",
    formula="2 int_0^1 (1 - t) (1 - A(t)) dt, A(t) the accuracy on (1 - t/2) x + (t/2) x' for training examples x, x' "
    "of one label",
    source=f"{SCHIFF}: the Gi-score of mixup within classes",
    sign=1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def mixup_response_same_label(subject: Subject) -> Finding:
    """As ``mixup_response``, with another example of the same label mixed in."""
    return _response(subject, same_label=True)


def _response(subject: Subject, *, same_label: bool) -> Finding:
    x, y, other = _pairs(subject, same_label=same_label)
    step = min(subject.level_step, len(y))
    lost, accuracies = torch.zeros(len(y), dtype=torch.float64), []
    for number, (level, weight) in enumerate(zip(LEVELS.tolist(), WEIGHTS.tolist(), strict=True)):
        rows = slice(number % step, None, step)
        right = _right(subject, x[rows].lerp(x[other[rows]], level), y[rows]).cpu().double()
        lost[rows] += weight * (1 - right)
        accuracies.append(float(right.mean()))
    turns = [lost[first::step] for first in range(step)]  # pairs that were mixed at the same levels
    variance = sum(float(turn.var()) / len(turn) if len(turn) > 1 else math.nan for turn in turns)
    details = {
        "pairs": len(y),
        "pairs_at_a_level": len(y) // step,
        "levels": LEVELS.tolist(),
        "accuracies": accuracies,
        "standard_error": None if math.isnan(variance) else math.sqrt(variance),
    }
    return Finding(sum(float(turn.mean()) for turn in turns), details=details)


def _pairs(subject: Subject, *, same_label: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs ``[n, …]``, labels ``[n]`` and the number of each one's partner ``[n]``, without those that have none."""
    if subject.problem.vocabulary is not None:
        raise NotDefined("inputs are tokens, which have no mixtures")
    x, y = subject.drawn("mixup", EXAMPLES)
    if not x.is_floating_point():
        raise NotDefined("inputs are whole numbers, which cannot be mixed")
    wanted = y[:, None] == y if same_label else y[:, None] != y
    keep = wanted.sum(1) > same_label  # one's own label is always there
    if not keep.any():
        raise NotDefined(f"no two of the examples have {'one label' if same_label else 'different labels'}")
    x, y, wanted = x[keep], y[keep], wanted[keep][:, keep].fill_diagonal_(False)
    number = torch.arange(len(y), device=y.device)
    ahead = (number - number[:, None] - 1) % len(y)  # steps in the seeded order, which goes around
    return x, y, torch.where(wanted, ahead, len(y)).argmin(1)


def _right(subject: Subject, x: Tensor, y: Tensor) -> Tensor:
    scores = torch.cat([_forward(subject.model, x[rows]) for rows in batch_rows(len(x), CPU_BATCH)])
    wrong = int((~scores.isfinite().all(1)).sum())
    if wrong:
        raise NotDefined(f"the network's outputs are NaN or infinite on {wrong} of {len(x)} mixtures")
    return scores.argmax(1) == y


def _first_features(subject: Subject, x: Tensor) -> tuple[str, Tensor]:
    """Name and output ``[n, F]``, float64, of the first weight layer that returns a tensor with a row an example."""
    batches = [x[rows] for rows in batch_rows(len(x), CPU_BATCH)]
    for name in subject.layer_modules:
        outputs = [_first_output(subject.model, name, batch) for batch in batches]
        if all(_has_rows(output, len(batch)) for output, batch in zip(outputs, batches, strict=True)):
            return name, torch.cat(outputs).double().flatten(1)
    raise NotDefined("no weight layer returns a tensor of floats with a row for each example")


def _first_output(model: nn.Module, name: str, x: Tensor) -> Any:
    """What a module returns at its first call in a forward pass; None where it is not called."""
    seen: list[object] = []

    def hook(_: nn.Module, __: object, output: object) -> None:
        if not seen:
            seen.append(output.clone() if isinstance(output, Tensor) else output)

    handle = model.get_submodule(name).register_forward_hook(hook)
    try:
        _forward(model, x)  # to its end: a network may keep something that it takes back there
    finally:
        handle.remove()
    return seen[0] if seen else None


def _has_rows(output: Any, examples: int) -> bool:
    return isinstance(output, Tensor) and output.ndim >= 2 and len(output) == examples and output.is_floating_point()


@torch.no_grad()
def _forward(model: nn.Module, x: Tensor) -> Tensor:
    scores: Tensor = model(x.clone())
    return scores
